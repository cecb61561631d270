#!/bin/sh
# Adds to a folder of secrets what a newer version wants there; what exists is never changed. make-env.sh runs it for a
# new installation, you run it after an upgrade. Usage: sh deploy/add-secrets.sh [FOLDER]
set -eu
umask 077
cd "${1:-$(dirname "$0")/../secrets}"
put() {
  [ -e "$1" ] && return
  printf '%s' "$2" >"$1"
  chmod 0444 "$1"
}
word() { head -c 36 /dev/urandom | base64 | tr -d '\n' | tr '+/' 'ab' | tr -d '='; }
put mongo_monitor_password "$(word)"
members=mongo1:27017,mongo2:27017,mongo3:27017
put mongo_exporter.env \
  "MONGODB_URI=mongodb://monitor:$(cat mongo_monitor_password)@$members/admin?replicaSet=rs0"
put redis_exporter_passwords "{\"redis://redis:6379\": \"$(cat redis_password)\"}"
put oidc_client_secret ''
put alert_webhook_url ''
put alert_smtp_password ''
