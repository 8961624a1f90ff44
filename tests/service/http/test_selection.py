"""Which database a request means: by id, by table, or the default."""

import pytest


@pytest.fixture
async def client(v3, new_agno, serve):
    v3.run("CREATE TABLE archive.agno_memories (id varchar)")
    other = new_agno("v3")
    v3.session("in-main")
    v3.session("in-archive", table="archive.agno_sessions")
    v3.session("in-old", table="archive.sessions_2024")
    other.session("in-other")
    archive = {"dsn": v3.dsn, "schema": "archive"}
    sources = [archive, {**archive, "sessionTable": "sessions_2024"}, {"dsn": v3.dsn, "sessionTable": "gone"}]
    elsewhere = {"dsn": other.dsn, "sessionTable": "agno_sessions"}
    two = [{"dsn": v3.dsn, "schema": "archive", "sessionTable": "sessions_2024"}, elsewhere]
    return await serve({"main": v3.dsn, "archive": sources, "two": two})


FOUND = [
    ("", "in-main"),
    ("db_id=", "in-main"),
    ("db_id=&table=", "in-main"),
    ("db_id=main", "in-main"),
    ("db_id=main&table=agno_sessions", "in-main"),
    ("db_id=archive", "in-archive"),
    ("db_id=archive&table=", "in-archive"),
    ("db_id=archive&table=agno_sessions", "in-archive"),
    ("db_id=archive&table=sessions_2024", "in-old"),
    ("db_id=archive&table=agno_memories", "in-archive"),
    ("db_id=two", "in-old"),
    ("db_id=two&table=agno_sessions", "in-other"),
    ("db_id=nope&db_id=archive", "in-archive"),
]


async def test_a_request_is_answered_from_the_database_that_it_means(client):
    for query, found in FOUND:
        answer = await client.get(f"/sessions?{query}")
        assert (query, [row["session_id"] for row in (await answer.json())["data"]]) == (query, [found])


REFUSED = [
    ("db_id=nope", 404, "No database found with id 'nope'"),
    ("db_id=Main", 404, "No database found with id 'Main'"),
    ("table=agno_sessions", 400, "The db_id query parameter is required when passing a table"),
    ("db_id=&table=sessions_2024", 400, "The db_id query parameter is required when passing a table"),
    ("db_id=main&table=sessions_2024", 404, "No database with id 'main' has table 'sessions_2024'"),
    ("db_id=archive&table=agno_runs", 404, "No database with id 'archive' has table 'agno_runs'"),
    ("db_id=archive&table=gone", 404, "No database with id 'archive' has table 'gone'"),
    ("db_id=archive&table=agno_metrics", 404, "No database with id 'archive' has table 'agno_metrics'"),
    ("db_id=main&table=%00", 404, "No database with id 'main' has table '\0'"),
]


async def test_a_database_that_is_not_there_is_refused(client):
    for query, status, detail in REFUSED:
        answer = await client.get(f"/sessions?{query}")
        assert (query, answer.status, await answer.json()) == (query, status, {"detail": detail})


async def test_an_id_is_required_where_there_are_several_and_the_settings_say_so(v3, serve):
    several = await serve({"a": v3.dsn, "b": v3.dsn}, AGNO_REQUIRE_DB_ID="true")
    answer = await several.get("/sessions")
    assert (answer.status, await answer.json()) == (
        400,
        {"detail": "The db_id query parameter is required when using multiple databases"},
    )
    one = await serve({"a": v3.dsn}, AGNO_REQUIRE_DB_ID="true")
    assert (await one.get("/sessions")).status == 200


async def test_the_settings_name_the_default(v3, new_agno, serve):
    v3.session("in-b")
    client = await serve({"a": new_agno("v3").dsn, "b": v3.dsn}, AGNO_DEFAULT_DB_ID="b")
    assert (await (await client.get("/sessions")).json())["meta"]["total_count"] == 1
