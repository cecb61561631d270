#!/bin/sh
# alertmanager with alertmanager.yml beside this file, and the ways to people that the environment names:
#   secrets/alert_webhook_url              a webhook (chat, pager); the whole URL is a secret
#   ALERT_EMAIL_TO, ALERT_EMAIL_FROM, ALERT_SMARTHOST (host:port), ALERT_SMTP_USER, secrets/alert_smtp_password
# What else is given goes to alertmanager. Elsewhere than in the container: SECRETS, RUN name other folders.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
secrets=${SECRETS:-/run/secrets}
conf="${RUN:-/tmp}/alertmanager.yml"
quoted() { printf "'%s'" "$(printf '%s' "$1" | tr -d '\n' | sed "s/'/''/g")"; }
secret() { cat "$secrets/$1" 2>/dev/null || true; }
webhook=$(secret alert_webhook_url)
{
  cat "$here/alertmanager.yml"
  if [ -n "$webhook" ]; then
    printf '    webhook_configs:\n      - url: %s\n        send_resolved: true\n' "$(quoted "$webhook")"
  fi
  if [ -n "${ALERT_EMAIL_TO:-}" ]; then
    printf '    email_configs:\n      - to: %s\n        send_resolved: true\n' "$(quoted "$ALERT_EMAIL_TO")"
    printf '        from: %s\n' "$(quoted "${ALERT_EMAIL_FROM:-$ALERT_EMAIL_TO}")"
    printf '        smarthost: %s\n' "$(quoted "${ALERT_SMARTHOST:?host:port of the mail server}")"
    if [ -n "${ALERT_SMTP_USER:-}" ]; then
      printf '        auth_username: %s\n' "$(quoted "$ALERT_SMTP_USER")"
      printf '        auth_password: %s\n' "$(quoted "$(secret alert_smtp_password)")"
    fi
    if [ "${ALERT_SMTP_TLS:-on}" = off ]; then printf '        require_tls: false\n'; fi
  fi
} >"$conf"
if [ -z "$webhook" ] && [ -z "${ALERT_EMAIL_TO:-}" ]; then
  echo "No receiver: alerts stand at port 9093 and reach nobody. See docs/operate/monitor.md." >&2
fi
exec "${ALERTMANAGER:-/bin/alertmanager}" "--config.file=$conf" "$@"
