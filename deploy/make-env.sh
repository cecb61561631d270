#!/bin/sh
# Makes what `docker compose up` needs, once: .env with the public address, and ./secrets with fresh secrets.
# Usage: sh deploy/make-env.sh [PUBLIC_URL]
set -eu
umask 077
cd "$(dirname "$0")/.."
if [ -e secrets ]; then
  echo "./secrets exists already: nothing was changed" >&2
  exit 1
fi
random() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; }
word() { random 36 | tr '+/' 'ab' | tr -d '='; }
mkdir secrets
mongo_password=$(word)
redis_password=$(word)
printf 'hospital' >secrets/mongo_user
printf '%s' "$mongo_password" >secrets/mongo_password
random 384 >secrets/mongo_keyfile
printf 'mongodb://hospital:%s@mongo:27017/hospital_rt?authSource=admin&replicaSet=rs0' "$mongo_password" >secrets/mongo_url
printf '%s' "$redis_password" >secrets/redis_password
printf 'redis://:%s@redis:6379/0' "$redis_password" >secrets/redis_url
word >secrets/secret_key
random 32 | tr '+/' '-_' >secrets/encryption_keys
# Containers run as users of their own: the folder keeps others out, the files inside may be read by them.
chmod 0711 secrets
chmod 0644 secrets/*
printf 'PUBLIC_URL=%s\n' "${1:-http://localhost:8080}" >.env
echo "Wrote .env and ./secrets. Keep secrets/encryption_keys apart from backups of the database."
