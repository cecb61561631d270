#!/bin/sh
# A patient's day with curl: sign in, see the steps, answer the first, look at what happened.
# BASE=http://127.0.0.1:8000 EMAIL=... PASSWORD=... sh docs/examples/reminders.sh
set -eu

field() { python3 -c "import json, sys; print(eval('json.load(sys.stdin)' + sys.argv[1]))" "$1"; }
json() { curl -sS --fail-with-body -H "Content-Type: application/json" "$@"; }

TOKENS=$(printf '{"email": "%s", "password": "%s"}' "$EMAIL" "$PASSWORD" | json -d @- "$BASE/api/token/")
ACCESS=$(printf '%s' "$TOKENS" | field '["access"]')
REFRESH=$(printf '%s' "$TOKENS" | field '["refresh"]')

STEPS=$(json -H "Authorization: Bearer $ACCESS" "$BASE/api/steps/")
STEP=$(printf '%s' "$STEPS" | field '["items"][0]["id"]')
printf 'To do: %s\n' "$(printf '%s' "$STEPS" | field '["items"][0]["title"]')"

# The same key and body again get the same answer: a lost answer is no trouble.
KEY="today-$STEP"
for again in 1 2; do
    json -X POST -H "Authorization: Bearer $ACCESS" -H "Idempotency-Key: $KEY" -d '{"outcome": "done"}' \
        "$BASE/api/check-in/$STEP/" | field '["progress"]'
done

# The same as FHIR, for a hospital's systems.
curl -sS --fail-with-body -H "Authorization: Bearer $ACCESS" -H "Accept: application/fhir+json" \
    "$BASE/fhir/Task/$STEP" | field '["resourceType"]'

# A new access token; the refresh token is spent and has a successor.
REFRESH=$(printf '{"refresh": "%s"}' "$REFRESH" | json -d @- "$BASE/api/token/refresh/" | field '["refresh"]')
printf '{"refresh": "%s"}' "$REFRESH" | json -d @- "$BASE/api/token/revoke/"
echo "Signed out."
