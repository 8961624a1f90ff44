#!/usr/bin/env bash
# Print where nginx is. Where it is not installed, Debian's package is unpacked into the user's cache: nothing is
# installed, and no server is started.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/local/sbin
command -v nginx && exit
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agno-session-store/nginx
if [ ! -x "$cache/usr/sbin/nginx" ]; then
    mkdir -p "$cache"
    cd "$cache"
    {
        [ "$(id -u)" -ne 0 ] || apt-get update -qq
        # apt hands the download to a user of its own, who may not enter a home
        apt-get download -qq -o APT::Sandbox::User=root nginx
        dpkg-deb --extract nginx_*.deb .
        rm nginx_*.deb
    } >&2 || {
        echo "nginx is neither installed nor to be had from Debian: apt-get install nginx" >&2
        exit 1
    }
fi
echo "$cache/usr/sbin/nginx"
