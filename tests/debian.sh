#!/usr/bin/env bash
# debian.sh PACKAGE PATH: print where the program is that the Debian package has at PATH, such as `nginx usr/sbin/nginx`.
# Where it is not installed, the package is unpacked into the user's cache: nothing is installed, no server is started.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/local/sbin
command -v "${2##*/}" && exit
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agno-session-store/$1
if [ ! -x "$cache/$2" ]; then
    mkdir -p "$cache"
    cd "$cache"
    {
        [ "$(id -u)" -ne 0 ] || apt-get update -qq
        # apt hands the download to a user of its own, who may not enter a home
        apt-get download -qq -o APT::Sandbox::User=root "$1"
        dpkg-deb --extract "$1"_*.deb .
        rm "$1"_*.deb
    } >&2 || {
        echo "${2##*/} is neither installed nor to be had from Debian: apt-get install $1" >&2
        exit 1
    }
fi
echo "$cache/$2"
