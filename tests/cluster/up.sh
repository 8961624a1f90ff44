#!/usr/bin/env bash
# Start a real Kubernetes node on this machine: etcd, kube-apiserver, controller manager, scheduler, containerd, kubelet,
# kube-proxy and CoreDNS, in process, mount and network namespaces of their own (see node.sh), so that ending one process ends it all.
# Needs root, packages.sh, build.sh and kubectl. State: ${XDG_CACHE_HOME:-~/.cache}/agno-session-store/node; a node that is up already is replaced.
# Prints how to reach it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agno-session-store
state=$cache/node
export PATH=${KUBEBUILDER_ASSETS:+$KUBEBUILDER_ASSETS:}$cache/bin:$PATH
"$here/down.sh"
mkdir -p "$state"/{pki,logs,cni}
chmod 700 "$state"
"$here/configure.sh" "$state"

# The node in the background; its namespaces live as long as this process does.
setsid unshare --net --pid --fork --kill-child --mount-proc --mount "$here/node.sh" "$state" \
    >"$state/logs/node.log" 2>&1 </dev/null &
echo $! >"$state/pid"
inside=(nsenter --target "$!" --net)
kubectl=("${inside[@]}" kubectl --kubeconfig "$state/pki/admin.conf")

until_true() { # seconds command...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ] || [ ! -d "/proc/$(cat "$state/pid")" ]; then
            echo "The node did not come up: $*" >&2
            tail -n 20 "$state"/logs/*.log >&2
            exit 1
        fi
        sleep 0.25
    done
}
until_true 60 test -S "$state/containerd.sock"
pause=localhost/agno-session-store/pause:1
if ! buildah inspect --type image "$pause" >/dev/null 2>&1; then
    gcc -O2 -static -o "$state/pause" "$here/pause.c"
    printf 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n' |
        buildah bud --quiet --tag "$pause" --file - "$state" >/dev/null
fi
buildah push --quiet "$pause" "docker-archive:$state/pause.tar:$pause"
"$here/load-image.sh" "$state/pause.tar"
until_true 120 "${kubectl[@]}" get --raw /readyz
until_true 120 "${kubectl[@]}" wait node/node1 --for=condition=Ready --timeout=1s
echo "kubectl: ${kubectl[*]}"
