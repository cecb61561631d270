#!/bin/sh
# Writes docker-compose.pinned.yml: every image that others make, by the digest that its registry has for the tag now,
# also the base of our own. Look at it, keep it under version control, and name it in COMPOSE_FILE behind the others.
# Needs an engine with buildx that reaches the registries. OUT and COMPOSE name other files.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
compose=${COMPOSE:-$root/docker-compose.yml}
out=${OUT:-$root/docker-compose.pinned.yml}
digest() {
  found=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$1") || found=''
  case $found in
    sha256:*) printf '%s' "$found" ;;
    *) echo "$1: its registry tells no digest" >&2; return 1 ;;
  esac
}
# Each service stands two columns in, its image four; YAML anchors are resolved by their name.
images=$(awk '
  /^[^ #]/ { top = $1 }
  /^x-[a-z]+: *&/ { anchor = substr($2, 2) }
  top == "services:" && /^  [a-z]/ { service = substr($1, 1, length($1) - 1) }
  /^  image: / && top != "services:" { of[anchor] = $2 }
  /^    <<: \*/ { from = substr($2, 2); if (from in of) print service, of[from] }
  /^    image: / { print service, $2 }' "$compose" | grep -v hospital_rt)
{
  echo "# Written by deploy/pin-images.sh on $(date -u +%Y-%m-%d): the same images, by digest."
  echo "services:"
  echo "$images" | while read -r service image; do
    found=$(digest "$image") || exit 1
    printf '  %s:\n    image: %s@%s\n' "$service" "$image" "$found"
  done || exit 1
  printf '  web:\n    build:\n      additional_contexts:\n'
  sed -n 's/^FROM \([^ ]*\).*/\1/p' "$root/Dockerfile" | sort -u | while read -r image; do
    found=$(digest "$image") || exit 1
    printf '        "%s": docker-image://%s@%s\n' "$image" "$image" "$found"
  done || exit 1
} >"$out.part" || { rm -f "$out.part"; exit 1; }
mv "$out.part" "$out"
echo "Wrote $out."
