#!/usr/bin/env bash
# Print where wrk is. Where it is not installed, Debian's package is unpacked into the user's cache.
set -euo pipefail
command -v wrk && exit
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agno-session-store/wrk
if [ ! -x "$cache/usr/bin/wrk" ]; then
    mkdir -p "$cache"
    cd "$cache"
    {
        [ "$(id -u)" -ne 0 ] || apt-get update -qq
        # apt hands the download to a user of its own, who may not enter a home
        apt-get download -qq -o APT::Sandbox::User=root wrk libluajit-5.1-2 libluajit-5.1-common
        for package in *.deb; do dpkg-deb --extract "$package" .; done
        rm -- *.deb
        # wrk finds its LuaJIT beside itself
        mv usr/bin/wrk usr/bin/wrk.bin
        printf '#!/bin/sh\nhere=$(dirname "$0")\nLD_LIBRARY_PATH=$(echo "$here"/../lib/*-linux-*) exec "$here/wrk.bin" "$@"\n' >usr/bin/wrk
        chmod +x usr/bin/wrk
    } >&2 || {
        echo "wrk is neither installed nor to be had from Debian: apt-get install wrk" >&2
        exit 1
    }
fi
echo "$cache/usr/bin/wrk"
