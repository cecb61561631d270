#!/bin/sh
# Replaces every node by one with the present image, settings and secrets, one role after the other, while the service
# goes on: as many new nodes beside the old ones, healthy, and only then the old ones are stopped, one by one.
# Usage: sh deploy/roll.sh [--no-build] [ROLE ...]      roles: web worker scheduler
set -eu
cd "$(dirname "$0")/.."
say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*"; }
build=yes
if [ "${1:-}" = --no-build ]; then
  build=no
  shift
fi
for role in "$@"; do
  case $role in
    web | worker | scheduler) ;;
    *) echo "there is no role $role: web, worker or scheduler" >&2; exit 2 ;;
  esac
done
all=no
[ $# -gt 0 ] || { all=yes; set -- web worker scheduler; }
chmod -R a+rX deploy
[ $build = no ] || docker compose build --quiet web
for role in "$@"; do
  docker compose rm --force "$role" >/dev/null 2>&1      # those that have ended
  old=$(docker compose ps --quiet "$role")
  # Ids have no blanks; they are counted and gone through as words.
  # shellcheck disable=SC2086
  set_of() { echo $#; }
  # shellcheck disable=SC2086
  count=$(set_of $old)
  if [ "$count" = 0 ]; then
    docker compose up --detach --wait --no-deps "$role"
    continue
  fi
  say "$role: $count new beside $count old"
  if ! docker compose up --detach --wait --no-deps --no-recreate --scale "$role=$((2 * count))" "$role"; then
    say "$role: the new ones do not become healthy; they are taken away, the old ones serve on" >&2
    for one in $(docker compose ps --all --quiet "$role"); do
      case " $(echo "$old" | tr '\n' ' ')" in
        *" $one "*) ;;
        *) docker logs --tail 5 "$one" 2>&1 || true; docker rm --force "$one" >/dev/null ;;
      esac
    done
    exit 1
  fi
  for one in $old; do
    [ "$role" != web ] || sleep "${SETTLE_S:-3}"       # nginx asks each second who serves
    docker stop "$one" >/dev/null
    docker rm "$one" >/dev/null
  done
  say "$role: done"
done
if [ $all = yes ]; then
  # They have the old image too; nothing waits for them.
  docker compose up --detach --no-deps mongo-begin
  if [ -n "$(docker compose --profile backup ps --quiet backup)" ]; then
    docker compose --profile backup up --detach --no-deps --force-recreate backup
  fi
fi
docker image prune --force --filter label=org.opencontainers.image.title=hospital_rt >/dev/null || true
