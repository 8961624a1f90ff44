#!/usr/bin/env bash
# load-image.sh ARCHIVE: hand an image, as `docker save` writes it, to the containerd of the node that up.sh started.
set -euo pipefail
state=${XDG_CACHE_HOME:-$HOME/.cache}/agno-session-store/node
exec ctr --address "$state/containerd.sock" --namespace k8s.io images import "$1" >/dev/null
