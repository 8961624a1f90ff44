#!/usr/bin/env bash
# Stop the node of up.sh, if one runs: its first process ends, the kernel ends the rest of its namespaces with it.
set -euo pipefail
state=${XDG_CACHE_HOME:-$HOME/.cache}/agno-session-store/node
[ -d "$state" ] || exit 0
pid=$(cat "$state/pid" 2>/dev/null || true)
# A number may have been given to another process since: the command line must name this node.
if [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "node.sh $state"; then
    kill -KILL "$pid"
    while [ -d "/proc/$pid" ]; do sleep 0.1; done
fi
rm -rf "$state"
