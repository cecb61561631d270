#!/bin/sh
# nginx, with what only the running container knows: who resolves names here, and with TLS=on where clients belong.
# What else is given goes to nginx. Elsewhere than in the container: RUN, CONF and RESOLV name other places.
set -eu
written="${RUN:-/tmp}/nginx.d"
conf="${CONF:-/etc/nginx/hospital_rt}"
rm -rf "$written"
mkdir -p "$written"
resolvers=$(awk '$1 == "nameserver" { sub(/%.*/, "", $2); print ($2 ~ /:/) ? "[" $2 "]" : $2 }' \
  "${RESOLV:-/etc/resolv.conf}" | tr '\n' ' ')
if [ -z "$resolvers" ]; then
  echo "resolv.conf names no nameserver" >&2
  exit 1
fi
printf 'resolver %svalid=1s ipv6=off;\n' "$resolvers" >"$written/resolver.conf"
if [ "${TLS:-}" = on ]; then
  case "${PUBLIC_URL:-}" in
    *[!A-Za-z0-9.:/_-]*) echo "PUBLIC_URL: has signs that an address has not" >&2; exit 1 ;;
    https://?*) ;;
    *) echo "PUBLIC_URL: begins with https:// where TLS is on" >&2; exit 1 ;;
  esac
  {
    echo "map '' \$public_url { default '${PUBLIC_URL%/}'; }"
    printf 'include %s/tls.conf;\n' "$conf"
  } >"$written/tls.conf"
fi
exec nginx -e stderr -c "$conf/nginx.conf" -g 'daemon off;' "$@"
