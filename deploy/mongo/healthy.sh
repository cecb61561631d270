#!/bin/bash
# Healthy once the member is primary; starts the replica set the first time.
set -euo pipefail
mongosh --quiet -u "$(cat /run/secrets/mongo_user)" -p "$(cat /run/secrets/mongo_password)" --eval '
  try { rs.status() } catch (error) { rs.initiate({_id: "rs0", members: [{_id: 0, host: "mongo:27017"}]}) }
  quit(db.hello().isWritablePrimary ? 0 : 1)'
