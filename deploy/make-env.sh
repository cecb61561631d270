#!/bin/sh
# Makes what `docker compose up` needs, once: .env with the public address, and ./secrets with fresh secrets.
# Usage: sh deploy/make-env.sh [PUBLIC_URL [dev]]      dev: letters go to the mail catcher of the profile `dev`
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
chmod -R a+rX "$(dirname "$0")"            # mounted into containers, which run as users of their own
cd "${INTO:-$(dirname "$0")/..}"
if [ -e secrets ] || [ -e .env ]; then
  echo "./secrets or .env exists already: nothing was changed" >&2
  exit 1
fi
random() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; }
word() { random 36 | tr '+/' 'ab' | tr -d '='; }
rm -rf secrets.part
mkdir secrets.part
put() { printf '%s' "$2" >"secrets.part/$1"; }
mongo_password=$(word)
redis_password=$(word)
members=mongo1:27017,mongo2:27017,mongo3:27017
put mongo_user hospital
put mongo_password "$mongo_password"
put mongo_keyfile "$(random 384)"
put mongo_url "mongodb://hospital:$mongo_password@$members/hospital_rt?authSource=admin&replicaSet=rs0"
put redis_password "$redis_password"
put redis_url "redis://:$redis_password@redis:6379/0"
put secret_key "$(word)"
put encryption_keys "$(random 32 | tr '+/' '-_')"
put smtp_url "$([ "${2:-}" = dev ] && echo smtp://mail:1025)"
put openai_api_key ''
mkdir secrets.part/tls
put grafana_password "$(word)"
sh "$here/add-secrets.sh" "$PWD/secrets.part"
# The folder keeps everybody out; the files are mounted one by one, and containers run as users of their own.
chmod 0444 secrets.part/*
chmod 0755 secrets.part/tls
chmod 0700 secrets.part
printf 'PUBLIC_URL=%s\n' "${1:-http://localhost:8080}" >.env
mv secrets.part secrets
# Backups lie in a volume that `docker compose down -v` does not take away.
if [ -z "${INTO:-}" ] && command -v docker >/dev/null 2>&1; then
  for volume in backups backup_keys; do
    docker volume create "${COMPOSE_PROJECT_NAME:-hospital_rt}_$volume" >/dev/null ||
      echo "Later: docker volume create ${COMPOSE_PROJECT_NAME:-hospital_rt}_$volume" >&2
  done
fi
echo "Wrote .env and ./secrets. Keep secrets/encryption_keys apart from backups of the database."
