#!/bin/sh
# Puts a certificate in place, the first one or a renewed one, and has nginx take it without closing a connection.
# Usage: sh deploy/certificate.sh CHAIN KEY      PEM files: the certificate with its whole chain, and its private key
set -eu
umask 077
if [ $# -ne 2 ]; then
  echo "usage: sh deploy/certificate.sh CHAIN KEY" >&2
  exit 2
fi
chain=$(cat "$1") && key=$(cat "$2")
here=$(dirname "$0")
chmod -R a+rX "$here"
cd "${INTO:-$here/..}"
case "$chain" in *"BEGIN CERTIFICATE"*) ;; *) echo "$1 holds no certificate" >&2; exit 1 ;; esac
case "$key" in *"PRIVATE KEY"*) ;; *) echo "$2 holds no private key" >&2; exit 1 ;; esac
if command -v openssl >/dev/null 2>&1; then
  if [ "$(printf '%s\n' "$chain" | openssl x509 -noout -pubkey)" != \
    "$(printf '%s\n' "$key" | openssl pkey -pubout)" ]; then
    echo "the key does not belong to the certificate: nothing was changed" >&2
    exit 1
  fi
fi
mkdir -p secrets/tls
chmod 0755 secrets/tls
# nginx runs as a user of its own and must read both; ./secrets (0700) keeps everybody else out.
printf '%s\n' "$chain" >secrets/tls/tls.crt.part
printf '%s\n' "$key" >secrets/tls/tls.key.part
chmod 0444 secrets/tls/tls.crt.part secrets/tls/tls.key.part
mv secrets/tls/tls.key.part secrets/tls/tls.key
mv secrets/tls/tls.crt.part secrets/tls/tls.crt
if ! grep -q '^COMPOSE_FILE=' .env; then
  printf 'COMPOSE_FILE=docker-compose.yml:docker-compose.tls.yml\n' >>.env
  echo "TLS is set in .env now. Next: PUBLIC_URL=https://... there, then docker compose up --detach --wait"
elif [ -z "${INTO:-}" ] && [ -n "$(docker compose ps --quiet nginx 2>/dev/null)" ]; then
  docker compose exec -T nginx nginx -t -q -c /etc/nginx/hospital_rt/nginx.conf
  docker compose kill --signal HUP nginx
  echo "nginx has taken the certificate."
fi
