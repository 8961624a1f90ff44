#!/usr/bin/env bash
# base-image.sh NAME: where no image registry can be reached, make a stand-in for the slim Python image that the Dockerfiles
# name: Debian by debootstrap, and a Python of this machine (pyenv's newest 3.13, else the one that `python3` is).
set -euo pipefail
name=$1
prefix=$(printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.[0-9]* | sort --version-sort | tail -n 1)
[ -d "$prefix" ] || prefix=$(python3 -c 'import sys; print(sys.base_prefix)')
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
root=$work/root

echo "Making $name from Debian and $prefix"
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt-get itself expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Origin: Debian" "Codename: $suite" | head -n 1)
if [ "$prefix" = /usr ]; then
    packages=ca-certificates,python3,python3-venv
else # the packages of the shared libraries that this Python loads; tkinter's would bring X11
    # (ldd and dpkg-query also end with an error when only one of many is no program, or in no package)
    libraries=$(find "$prefix/bin" "$prefix/lib" \( -name 'python3.*' -type f -o -path '*/lib-dynload/*.so' \) ! -name '*tkinter*' \
        -exec ldd {} + 2>/dev/null | awk '$2 == "=>" && $3 ~ "^/" && !seen[$1]++ {print "*/" $1}' || true)
    # shellcheck disable=SC2086
    packages=ca-certificates,$( (dpkg-query --search $libraries 2>/dev/null || true) | sed 's/:.*//' | sort -u | paste -sd,)
fi
debootstrap --variant=minbase --include="$packages" "$suite" "$root" ${mirror:+"$mirror"} >"$work/log" || { tail "$work/log" >&2; exit 1; }
if [ "$prefix" = /usr ]; then
    ln -s /usr/bin/python3 "$root/usr/local/bin/python"
else
    tar -C "$prefix" --exclude='lib/python3*/test' --exclude='lib/python3*/config-*' --exclude='idlelib' --exclude='tkinter' \
        --exclude='*.a' --exclude='__pycache__' --exclude='site-packages/[!p]*' -c bin include lib | tar -C "$root/usr/local" -x
fi
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/usr/share/{doc,man,locale}/* "${root:?}"/dev/*
ldconfig -r "$root"
tar -C "$root" -cf "$work/root.tar" .
buildah bud --quiet --tag "$name" --file - "$work" >/dev/null <<'D'
FROM scratch
ADD root.tar /
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
D
