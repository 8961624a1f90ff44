#!/usr/bin/env bash
# build.sh [PROGRAM...]: build the programs of a real Kubernetes node from the Go modules in go/.
# They land in ${XDG_CACHE_HOME:-~/.cache}/agno-session-store/bin; a program that was built from the same module files
# is left as it is. All of them, cold, on two cores: about twelve minutes; with Go's build cache warm: a minute.
# etcd and kube-apiserver are not built where KUBEBUILDER_ASSETS names a folder that holds them.
# helm and kube-score are no part of the node and are built only if named.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agno-session-store
kubernetes=v1.37.2
helm=v3.22.0
all=(etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy coredns)
[ $# -gt 0 ] || set -- "${all[@]}"

mkdir -p "$cache/bin" "$cache/stamps"

build() { # program
    local program=$1 module package=. flags="-s -w"
    case $program in
        etcd | coredns) module=$program ;;
        kube-score) module=kube-score package=github.com/zegl/kube-score/cmd/kube-score ;;
        kube*)
            module=kube package=k8s.io/kubernetes/cmd/$program
            flags+=" -X k8s.io/component-base/version.gitVersion=$kubernetes"
            ;;
        helm)
            module=helm package=helm.sh/helm/v3/cmd/helm
            local minor=${kubernetes#v1.} # else charts are rendered for Kubernetes 1.20
            flags+=" -X helm.sh/helm/v3/internal/version.version=$helm -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=${minor%.*}"
            ;;
        *) echo "build.sh: no such program: $program (known: ${all[*]} helm kube-score)" >&2 && return 2 ;;
    esac
    local stamp seconds=$SECONDS
    stamp=$(cd "$here/go/$module" && { cat go.mod go.sum ./*.go; echo "$package $flags"; } | sha256sum)
    if [ -x "$cache/bin/$program" ] && [ "$(cat "$cache/stamps/$program" 2>/dev/null)" = "$stamp" ]; then
        return
    fi
    echo "Building $program"
    (cd "$here/go/$module" && exec 9>&- && go build -trimpath -buildvcs=false -ldflags="$flags" -o "$cache/bin/$program.new" "$package")
    mv "$cache/bin/$program.new" "$cache/bin/$program" # a running one keeps its file
    echo "$stamp" >"$cache/stamps/$program"
    echo "Built $program in $((SECONDS - seconds)) s"
}

for program in "$@"; do
    case $program in
        etcd | kube-apiserver) [ -x "${KUBEBUILDER_ASSETS:-/nonexistent}/$program" ] && continue ;;
    esac
    exec 9>"$cache/stamps/$program.lock"
    flock --nonblock 9 || { echo "Waiting for another build of $program"; flock 9; }
    build "$program"
done
