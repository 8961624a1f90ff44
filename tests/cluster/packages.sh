#!/usr/bin/env bash
# packages.sh [PACKAGE...]: install these Debian packages, or without names those that the node of up.sh, the image builds,
# Compose and the browser's tests need, where one is missing and we are root.
set -euo pipefail
needed=(aardvark-dns buildah ca-certificates chromium conntrack containerd containernetworking-plugins debootstrap gcc iproute2 iptables
    libc6-dev netavark openssl podman procps runc util-linux)
[ $# -eq 0 ] || needed=("$@")
missing=()
for package in "${needed[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit
if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are missing: ${missing[*]}" >&2
    exit 1
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
