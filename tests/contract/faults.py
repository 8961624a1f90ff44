"""Faults that the service could have. Each is put into it on purpose, and has to be caught."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from .comparison import TIMESTAMP, UUID
from .spoiling import InAnswers, InRows, becomes, body, header_lost, items, keys_reversed, last, outermost

LIST, CREATE, DELETE_MANY = "GET /sessions", "POST /sessions", "DELETE /sessions"
READ, DELETE, PATCH = (f"{method} /sessions/{{session_id}}" for method in ("GET", "DELETE", "PATCH"))
RENAME = "POST /sessions/{session_id}/rename"
RUNS, PREVIEWS, RUN = (f"{READ}/{what}" for what in ("runs", "run-previews", "runs/{run_id}"))
BARE = (LIST, CREATE, PATCH, RENAME, READ, RUNS, RUN)
BODIES = (*BARE, PREVIEWS)
ROUTES = (*BODIES, DELETE, DELETE_MANY)
SESSIONS, BEFORE = "ai.agno_sessions", 'pristine."ai.agno_sessions"'


def is_number(_: str, value: Any) -> bool:
    return type(value) is int


def is_text(_: str, value: Any) -> bool:
    return isinstance(value, str) and value != ""


def is_time(_: str, value: Any) -> bool:
    return TIMESTAMP.fullmatch(str(value)) is not None


def is_id(_: str, value: Any) -> bool:
    return UUID.fullmatch(str(value)) is not None


def is_total(key: str, _: Any) -> bool:
    return key == "total_count"


def an_hour_later(value: str) -> str:
    return (datetime.fromisoformat(value) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def another_id(value: str) -> str:
    return value[:-1] + ("0" if value[-1] != "0" else "1")


def put(assignment: str, which: str = "id", more: str = "true") -> str:
    """Change the session of the request, or the `new` one."""
    return f"UPDATE {SESSIONS} SET {assignment} WHERE session_id = %({which})s AND {more} RETURNING 1"


def undo(column: str) -> str:
    """Put into a column of the session of the request what was there before."""
    return (
        f"UPDATE {SESSIONS} s SET {column} = b.{column} FROM {BEFORE} b "
        f"WHERE s.session_id = %(id)s AND b.session_id = %(id)s AND s.{column} IS DISTINCT FROM b.{column} RETURNING 1"
    )


def delete(which: str, table: str = SESSIONS) -> str:
    """Delete the rows of the session that a word of SQL gives."""
    return f"DELETE FROM {table} WHERE session_id = {which} RETURNING 1"


FIRST = f"(SELECT min(session_id) FROM {SESSIONS})"
PUT_BACK = f"INSERT INTO {SESSIONS} SELECT * FROM {BEFORE} ON CONFLICT DO NOTHING RETURNING 1"
ANOTHER = f"""UPDATE {SESSIONS} SET metadata = '{{"spoiled": 1}}' WHERE session_id =
    (SELECT max(session_id) FROM {SESSIONS} WHERE session_id NOT IN (%(id)s, %(new)s)) RETURNING 1"""
STORED = put("""summary = '{"summary": "stored"}'""")

FAULTS: list[InAnswers | InRows] = [
    InAnswers("another status", (*ROUTES, "odd paths"), lambda answer: replace(answer, status=answer.status + 1)),
    InAnswers("Content-Type lost", ROUTES, header_lost("content-type")),
    InAnswers("Vary lost", (*ROUTES, "preflights"), header_lost("vary")),
    InAnswers("Allow lost", ("odd paths",), header_lost("allow")),
    InAnswers("the allowed origin lost", (*ROUTES, "preflights"), header_lost("access-control-allow-origin")),
    InAnswers("the allowed headers lost", ("preflights",), header_lost("access-control-allow-headers")),
    InAnswers("a header too many", ROUTES, lambda answer: replace(answer, headers=answer.headers | {"x-more": "1"})),
    InAnswers("another order of keys", BODIES, body(outermost(keys_reversed))),
    InAnswers("a null lost", (PATCH, RENAME, RUN), body(last(lambda _, value: value is None, dict.__delitem__))),
    InAnswers("a key lost", BODIES, body(last(lambda _, value: value is not None, dict.__delitem__))),
    InAnswers("a null too many", BODIES, body(outermost(lambda tree: tree.update(more=None)))),
    InAnswers("a text cut", BODIES, body(last(is_text, becomes(lambda text: text[:-1])))),
    InAnswers("a number as text", BARE, body(last(is_number, becomes(str)))),
    InAnswers("a whole number as a fraction", BARE, body(last(is_number, becomes(float)))),
    InAnswers("a time an hour late", BODIES, body(last(is_time, becomes(an_hour_later)))),
    InAnswers("another id than the row has", (CREATE,), body(last(is_id, becomes(another_id)))),
    InAnswers("a row lost from a page", (LIST,), body(items("data", list.pop))),
    InAnswers("a row twice in a page", (LIST,), body(items("data", lambda rows: rows.append(rows[-1])))),
    InAnswers("a page the other way round", (LIST,), body(items("data", list.reverse))),
    InAnswers(
        "a total of one more", (LIST,), body(last(lambda key, _: key == "total_count", becomes(lambda n: n + 1)))
    ),
    InAnswers("a run lost", (RUNS, PREVIEWS), body(items(None, list.pop))),
    InAnswers("a message lost", (READ, PATCH, RENAME), body(items("chat_history", list.pop))),
    InRows("a row of another session is changed", ROUTES, ANOTHER),
    InRows("a read moves updated_at", (READ, RUNS, PREVIEWS, RUN), put("updated_at = 1")),
    InRows("a patch deletes", (PATCH,), delete("%(id)s"), (200,)),
    InRows(
        "a patch loses the runs", (PATCH,), "DELETE FROM ai.agno_runs WHERE session_id = %(id)s RETURNING 1", (200,)
    ),
    InRows("a patch stores no name and no state", (PATCH,), undo("session_data"), (200,)),
    InRows("a patch stores no metadata", (PATCH,), undo("metadata"), (200,)),
    InRows("a patch stores no summary", (PATCH,), undo("summary"), (200,)),
    InRows("a patch does not move updated_at", (PATCH,), undo("updated_at"), (200,)),
    InRows("a patch moves created_at", (PATCH,), put("created_at = 1"), (200,)),
    InRows("a patch takes the session over", (PATCH,), put("user_id = 'eve'"), (200,)),
    InRows("a patch makes NULL JSON null", (PATCH,), put("agent_data = 'null'", more="agent_data IS NULL"), (200,)),
    InRows("a summary is stored though refused", (PATCH,), STORED, (422,)),
    InRows("a change is stored though refused", (PATCH, RENAME, DELETE), STORED, (401, 403, 404, 422, 503)),
    InRows("a rename loses the name", (RENAME,), undo("session_data"), (200,)),
    InRows("a rename moves updated_at", (RENAME,), put("updated_at = 1"), (200,)),
    InRows("a delete leaves the session", (DELETE, DELETE_MANY), PUT_BACK, (204,)),
    InRows("a delete takes one too many", (DELETE, DELETE_MANY), delete(FIRST), (204,)),
    InRows("a delete takes one though refused", (DELETE_MANY,), delete(FIRST), (400, 401, 403, 422)),
    InRows("a create stores nothing", (CREATE,), delete("%(new)s"), (201,)),
    InRows("a create stores another owner", (CREATE,), put("user_id = 'eve'", "new"), (201,)),
    InRows("a create stores another time", (CREATE,), put("created_at = 1", "new"), (201,)),
    InRows("a create overwrites though refused", (CREATE,), ANOTHER, (409,)),
]
