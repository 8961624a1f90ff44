"""The DSN map: ids in order with their sources, and a refusal in plain words for whatever can't be used."""

import json
import traceback
from pathlib import Path

import pytest
import yaml

from session_service.database.dsn_map import DATABASE_ID, LONGEST_DATABASE_ID, BadDsnMap, DsnFile, DsnMap

ROOT = Path(__file__).parents[3]

DSN = "postgresql://ann:canary@db/agno"


def loaded(value, default=None):
    return DsnMap.parse(json.dumps(value), default)


def test_ids_keep_their_order_and_the_first_is_the_default():
    found = loaded({"b": DSN, "a": DSN, "c": DSN})
    assert list(found.sources) == ["b", "a", "c"]
    assert found.default == "b"
    assert loaded({"b": DSN, "a": DSN}, "a").default == "a"


def test_a_bare_dsn_and_an_object_with_only_a_dsn_have_the_defaults():
    [bare] = loaded({"main": DSN}).sources["main"]
    assert [bare] == [*loaded({"main": {"dsn": DSN}}).sources["main"]]
    assert (bare.schema, bare.session_table, bare.runs_table) == ("ai", "agno_sessions", "agno_runs")
    assert (bare.pool_size, bare.max_waiting, bare.statement_timeout) == (10, 500, 30)
    assert (bare.read_only_dsn, bare.replica) == (None, None)


def test_every_key_of_an_object_is_read():
    entry = {
        "dsn": DSN,
        "readOnlyDsn": "postgresql://ann:canary@replica/agno",
        "schema": "archive",
        "sessionTable": "sessions",
        "runsTable": "runs",
        "pool": {"maxSize": 3, "maxWaiting": 9},
        "statementTimeoutSeconds": 7,
    }
    [source] = loaded({"main": entry}).sources["main"]
    assert (source.schema, source.session_table, source.runs_table) == ("archive", "sessions", "runs")
    assert (source.pool_size, source.max_waiting, source.statement_timeout) == (3, 9, 7)
    assert "host=replica" in source.read_only_dsn.text
    assert (source.replica.dsn, source.replica.read_only_dsn) == (source.read_only_dsn, None)


def test_an_id_may_have_several_tables_in_order():
    sources = loaded({"main": [DSN, {"dsn": DSN, "sessionTable": "old"}]}).sources["main"]
    assert [source.session_table for source in sources] == ["agno_sessions", "old"]


def test_a_single_dsn_is_the_database_called_default():
    assert DsnMap.of_one(DSN, None).default == "default"
    assert list(DsnMap.of_one(DSN, "default").sources) == ["default"]


NO_ID = "is none: write letters, digits, '.', '_' and '-', 128 at the most, as main; if it is the DSN, swap the two"
OBJECT = 'it must be a JSON object with at least one database: {"main": "postgresql://…"}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not JSON: line 1, column 1"),
        ('{"main": "canary"', "it is not JSON: line 1, column 18"),
        ("[]", OBJECT),
        ("{}", OBJECT),
        ('"canary"', OBJECT),
        ("null", OBJECT),
        ('{"": "canary"}', f"id 1 {NO_ID}"),
        ('{"main": "host=a", "postgresql://ann:canary@db/agno": "main"}', f"id 2 {NO_ID}"),
        ('{"host=db password=canary": {}}', f"id 1 {NO_ID}"),
        ('{"canary/": "host=a"}', f"id 1 {NO_ID}"),
        ('{"canary\\n": "host=a"}', f"id 1 {NO_ID}"),
        ('{"-canary": "host=a"}', f"id 1 {NO_ID}"),
        ('{"canaryé": "host=a"}', f"id 1 {NO_ID}"),
        (f'{{"{"canary" * 22}": "host=a"}}', f"id 1 {NO_ID}"),
        ('{"postgresql://ann:canary@db": "a", "postgresql://ann:canary@db": "b"}', "a key appears in it twice"),
        ('{"main": {"dsn": "main", "postgresql://ann:canary@db": "dsn"}}', "'main' has an unknown key"),
        (
            '{"main": {"dsn": "main", "sessionTable": "postgresql://ann:canary@db"}}',
            "sessionTable of 'main' must be a name, not a DSN",
        ),
        ('{"main": {"dsn": "main", "schema": "password=canary"}}', "schema of 'main' must be a name, not a DSN"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"main": {"dsn": "host=a", "pool": {"maxSize": ' + "9" * 5000 + "}}}", "a number in it is too long"),
        ('{"main": []}', "'main' has no database"),
        ('{"main": 5}', "'main' must be a DSN or an object with a dsn"),
        ('{"main": null}', "'main' must be a DSN or an object with a dsn"),
        ('{"main": [["canary"]]}', "'main' must be a DSN or an object with a dsn"),
        ('{"main": {}}', "'main' has no dsn"),
        ('{"main": {"dsn": ""}}', "dsn of 'main' must be a text that is not empty"),
        ('{"main": {"dsn": 5}}', "dsn of 'main' must be a text that is not empty"),
        ('{"main": {"dsn": "host=a", "readOnlyDsn": ""}}', "readOnlyDsn of 'main' must be a text that is not empty"),
        ('{"main": {"dsn": "host=a", "password": "canary"}}', "'main' has an unknown key: password"),
        ('{"main": {"dsn": "host=a", "pool": {"minSize": 1}}}', "'main' has an unknown key: pool.minSize"),
        ('{"main": {"dsn": "host=a", "pool": 5}}', "pool of 'main' must be an object"),
        ('{"main": {"dsn": "host=a", "pool": {"maxSize": 0}}}', "maxSize of 'main' must be a whole number above 0"),
        ('{"main": {"dsn": "host=a", "pool": {"maxSize": true}}}', "maxSize of 'main' must be a whole number above 0"),
        ('{"main": {"dsn": "host=a", "pool": {"maxSize": "9"}}}', "maxSize of 'main' must be a whole number above 0"),
        (
            '{"main": {"dsn": "host=a", "statementTimeoutSeconds": 0.5}}',
            "statementTimeoutSeconds of 'main' must be a whole number above 0",
        ),
        ('{"main": {"dsn": "host=a", "schema": ""}}', "schema of 'main' must be a text that is not empty"),
        ('{"main": {"dsn": "host=a", "runsTable": null}}', "runsTable of 'main' must be a text that is not empty"),
        ('{"main": {"dsn": "host=a", "sessionTable": 1}}', "sessionTable of 'main' must be a text that is not empty"),
        ('{"a": "host=a", "a": "host=b"}', "the key 'a' appears in it twice"),
        ('{"a": {"dsn": "host=a", "dsn": "host=b"}}', "the key 'dsn' appears in it twice"),
    ],
)
def test_a_map_that_cannot_be_used_is_refused_in_plain_words(text, message):
    with pytest.raises(BadDsnMap) as refused:
        DsnMap.parse(text, None)
    assert str(refused.value) == message
    assert "canary" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("id", ["a", "7", "main", "Main.old_1-2", "a" * 128])
def test_an_id_is_what_a_session_store_may_say(id):
    assert list(loaded({id: DSN}).sources) == [id]


def test_ids_have_the_pattern_of_the_custom_resource():
    [crd] = yaml.safe_load_all((ROOT / "manifests/crd/sessionstores.yaml").read_text())
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    id = spec["databases"]["items"]["properties"]["id"]
    assert (id["pattern"], id["maxLength"]) == (f"^{DATABASE_ID}$", LONGEST_DATABASE_ID)


def test_a_default_that_is_not_in_the_map_is_refused():
    with pytest.raises(BadDsnMap, match=r"AGNO_DEFAULT_DB_ID names 'c', which it lacks; it has: a, b"):
        loaded({"a": DSN, "b": DSN}, "c")


def test_a_map_is_read_from_a_file(tmp_path):
    file = tmp_path / "dsn-map.json"
    file.write_text(json.dumps({"main": DSN}))
    assert list(DsnFile(file).load().sources) == ["main"]


@pytest.mark.parametrize(("content", "problem"), [(None, "FileNotFoundError"), (b"\xff", "UnicodeDecodeError")])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, problem):
    file = tmp_path / "dsn-map.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadDsnMap) as refused:
        DsnFile(file).load()
    assert str(refused.value) == f"the file {file} can't be read: {problem}"


def test_a_repr_shows_no_password():
    assert "canary" not in repr(loaded({"main": DSN}))


def test_the_schema_is_that_of_the_entry_else_the_variable_else_the_search_path():
    dsn = "postgres://ann@db/agno?search_path=public&pool_max_conns=4"
    entries = {"own": {"dsn": dsn, "schema": "chat", "pool": {"maxSize": 2}}, "other": dsn, "none": DSN}

    def found(schema):
        sources = DsnMap.parse(json.dumps(entries), None, schema).sources
        return {key: (source.schema, source.pool_size) for key, (source,) in sources.items()}

    assert found("team") == {"own": ("chat", 2), "other": ("team", 4), "none": ("team", 10)}
    assert found(None) == {"own": ("chat", 2), "other": ("public", 4), "none": ("ai", 10)}


def test_dropped_parameters_are_named_at_the_level_debug(caplog):
    with caplog.at_level("DEBUG"):
        DsnMap.parse(json.dumps({"main": "postgresql+asyncpg://ann:canary@db/agno?statement_cache_size=0"}), None)
    assert "'main' has parameters that only other drivers use: statement_cache_size" in caplog.text
    assert "canary" not in caplog.text
