#!/bin/sh
# A password by file, never on a command line; an append-only file; nothing is evicted.
set -eu
umask 077
cat >/tmp/redis.conf <<CONF
requirepass $(cat /run/secrets/redis_password)
appendonly yes
appendfsync everysec
maxmemory 384mb
maxmemory-policy noeviction
save ""
dir /data
CONF
exec redis-server /tmp/redis.conf
