#!/bin/sh
# A member of the replica set. mongod wants its key file for itself; begin.py starts the set once all members run.
# What else is given goes to mongod. Elsewhere than in the container: SECRETS, RUN and CONF name other places.
set -eu
umask 077
key="${RUN:-/tmp}/keyfile"
rm -f "$key"
cat "${SECRETS:-/run/secrets}/mongo_keyfile" >"$key"
chmod 400 "$key"
exec mongod --config "${CONF:-/deploy/mongod.conf}" "$@"
