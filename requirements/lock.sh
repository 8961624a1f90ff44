#!/usr/bin/env bash
# Pin every dependency of pyproject.toml with its hashes, for Python 3.11 and later. No index address is written.
set -euo pipefail
cd "$(dirname "$0")/.."
pin() {
    local out=$1
    shift
    ${UV:-uv} pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --no-emit-package agno-session-store --custom-compile-command "make lock" \
        --output-file "requirements/$out.txt" "$@"
}
pin service pyproject.toml --extra service --extra otel
pin run pyproject.toml --extra service --extra embedded
pin operator pyproject.toml --extra operator
pin dev pyproject.toml --extra service --extra operator --extra otel --extra embedded --extra uvloop --group dev
pin agentos requirements/agentos.in
for release in requirements/agno-*.in; do
    pin "$(basename "$release" .in)" "$release"
done
pin build requirements/build.in
