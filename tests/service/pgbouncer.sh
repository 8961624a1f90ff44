#!/usr/bin/env bash
# Print how to call PgBouncer. Where it is not installed, Debian's package and the libraries that it needs are unpacked
# into the user's cache: nothing is installed, and no service is started.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/local/sbin
command -v pgbouncer && exit
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agno-session-store/pgbouncer
if [ ! -x "$cache/pgbouncer" ]; then
    unpacked=$(mktemp -d)
    trap 'rm -rf "$unpacked"' EXIT
    cd "$unpacked"
    {
        [ "$(id -u)" -ne 0 ] || apt-get update -qq
        # apt hands the download to a user of its own, who may not enter a home
        apt-get download -qq -o APT::Sandbox::User=root pgbouncer libc-ares2 libevent-2.1-7
        for package in *.deb; do dpkg-deb --extract "$package" .; done
        rm ./*.deb
        # it refuses root: whoever else runs it must get at it
        place=$(mktemp -d /var/tmp/agno-pgbouncer-XXXXXX)
        cp -r usr/sbin/pgbouncer usr/lib/*-linux-gnu/* "$place"
        chmod -R a+rX "$place"
        mkdir -p "$cache"
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/pgbouncer "$@"\n' "$place" "$place" >"$place/run"
        chmod 755 "$place/run"
        ln -sfn "$place/run" "$cache/pgbouncer"
    } >&2 || {
        echo "PgBouncer is neither installed nor to be had from Debian: apt-get install pgbouncer" >&2
        exit 1
    }
fi
readlink -f "$cache/pgbouncer"
