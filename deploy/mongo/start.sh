#!/bin/bash
# A replica set of one member with authentication: the image's own entry point makes the first user, the health check
# starts the set. The key file must belong to mongod and to nobody else.
set -euo pipefail
install -m 400 -o mongodb -g mongodb /run/secrets/mongo_keyfile /tmp/keyfile
exec docker-entrypoint.sh mongod --replSet rs0 --bind_ip_all --keyFile /tmp/keyfile --wiredTigerCacheSizeGB 1
