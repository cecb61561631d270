#!/bin/bash
# Whether the member listens. Whether the set can be written to is what /readyz of the service tells.
set -euo pipefail
exec 3<>"/dev/tcp/127.0.0.1/${1:-27017}"
