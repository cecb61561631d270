#!/bin/sh
# redis-server with redis.conf beside this file, and the password from a file: never on a command line.
# What else is given goes to redis-server. Elsewhere than in the container: SECRETS, DATA, RUN name other folders.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
conf="${RUN:-/tmp}/redis.conf"
{
  printf 'include %s/redis.conf\n' "$here"
  printf 'dir %s\n' "${DATA:-/data}"
  printf 'requirepass %s\n' "$(cat "${SECRETS:-/run/secrets}/redis_password")"
} >"$conf"
exec redis-server "$conf" "$@"
