#!/usr/bin/env bash
# test-session-api.sh URL [HEADER...]: whether sessions are served at a URL, such as
#   scripts/test-session-api.sh http://127.0.0.1:8080 'Authorization: Bearer …'
# Reads the runs of the newest session that has any; creates, reads, renames, patches and deletes a session of its own.
# SESSION_QUERY is added to every request, such as db_id=archive. Needs curl. Exits with 1 at the first step that fails, and says what was expected.
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,5s/^# //p' "$0" >&2 && exit 2; }
url=${1%/} id=smoke-$$-$RANDOM
shift
headers=(--header 'Content-Type: application/json')
for header in "$@"; do headers+=(--header "$header"); done

answer=
step() { # name method path status text [body]: the answer, which is kept, must have the status, and hold the text
    local name=$1 method=$2 path=$3 status=$4 text=$5 body=${6-} code
    answer=$(curl --silent --show-error --max-time 30 "${headers[@]}" --request "$method" ${body:+--data "$body"} \
        --write-out '\n%{http_code}' "$url$path${SESSION_QUERY:+?$SESSION_QUERY}") || exit 1
    code=${answer##*$'\n'} answer=${answer%$'\n'*}
    if [ "$code" != "$status" ] || [[ $answer != *"$text"* ]]; then
        echo "FAILED  $name: $method $path: expected $status with '$text', got $code: ${answer:0:300}" >&2
        exit 1
    fi
    echo "ok      $name"
}

ids() { grep --only-matching "\"$1\":\"[A-Za-z0-9._-]*\"" <<<"$answer" | cut --delimiter='"' --fields=4 || true; }

step "list sessions" GET /sessions 200 '"data":['
for session in $(ids session_id | head -10); do
    step "list the runs of $session" GET "/sessions/$session/runs" 200 '['
    run=$(ids run_id | head -1)
    [ -n "$run" ] || continue
    step "list their previews" GET "/sessions/$session/run-previews" 200 "\"run_id\":\"$run\""
    step "read one of them" GET "/sessions/$session/runs/$run" 200 "\"run_id\":\"$run\""
    break
done
step "create one" POST /sessions 201 "\"session_id\":\"$id\"" "{\"session_id\":\"$id\",\"session_name\":\"Smoke\",\"user_id\":\"smoke\"}"
trap 'curl --silent --output /dev/null "${headers[@]}" --request DELETE "$url/sessions/$id${SESSION_QUERY:+?$SESSION_QUERY}"' EXIT
step "read it" GET "/sessions/$id" 200 '"session_name":"Smoke"'
step "list its runs, which are none" GET "/sessions/$id/runs" 200 '[]'
step "find no run in it" GET "/sessions/$id/runs/none" 404 'has no runs'
step "refuse a second of its id" POST /sessions 409 'already exists' "{\"session_id\":\"$id\"}"
step "rename it" POST "/sessions/$id/rename" 200 '"session_name":"Renamed"' '{"session_name":"Renamed"}'
step "change its state" PATCH "/sessions/$id" 200 '"seats"' '{"session_state":{"seats":2}}'
step "delete it" DELETE "/sessions/$id" 204 ''
step "find it gone" GET "/sessions/$id" 404 'not found'
echo "Sessions are served at $url"
