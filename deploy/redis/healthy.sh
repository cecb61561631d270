#!/bin/sh
# Whether Redis takes writes; what else is given goes to redis-cli.
set -eu
REDISCLI_AUTH=$(cat "${SECRETS:-/run/secrets}/redis_password")
export REDISCLI_AUTH
redis-cli "$@" set hospital_rt:healthy 1 ex 60 | grep -q OK
