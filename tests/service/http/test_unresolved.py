"""A database without a DSN, as the operator writes it into the map, is known: 503, never 404 or another database."""

import json

from session_operator.last_good import NOWHERE

from .listening import Listen, answer, exchange


async def test_a_database_without_a_dsn_answers_503(listen: Listen, v3) -> None:
    v3.session("s1")
    port, _ = await listen("", AGNO_SESSION_DSN_MAP=json.dumps({"main": NOWHERE, "archive": v3.dsn}))

    statuses = {}
    for query in ("", "?db_id=main", "?db_id=archive", "?db_id=other"):
        raw = await exchange(port, f"GET /sessions{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        statuses[query] = answer(raw)[0]

    assert statuses == {"": 503, "?db_id=main": 503, "?db_id=archive": 200, "?db_id=other": 404}
