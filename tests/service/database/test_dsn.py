"""Any form of DSN becomes libpq's, and no message or repr shows the password."""

from base64 import b64encode

import pytest
from psycopg2.extensions import parse_dsn

from session_service.database.dsn import Dsn

SAME = {"host": "db", "port": "5433", "dbname": "agno", "user": "ann", "password": "secret"}


def words(text: str) -> dict[str, str]:
    return parse_dsn(Dsn.parse(text).text)


@pytest.mark.parametrize(
    "text",
    [
        "postgres://ann:secret@db:5433/agno",
        "postgresql://ann:secret@db:5433/agno",
        "  postgresql://ann:secret@db:5433/agno\n",
        "host=db port=5433 dbname=agno user=ann password=secret",
        "host='db' port = 5433 dbname=agno user=ann password='secret'",
        "postgresql+psycopg2://ann:secret@db:5433/agno",
        "postgresql+psycopg://ann:secret@db:5433/agno",
        "postgresql+psycopg_async://ann:secret@db:5433/agno",
        "postgresql+asyncpg://ann:secret@db:5433/agno",
        "postgresql+pg8000://ann:secret@db:5433/agno",
        "postgresql+psycopg2cffi://ann:secret@db:5433/agno",
        "postgres+asyncpg://ann:secret@db:5433/agno",
        "postgresql://db:5433/agno?user=ann&password=secret",
        "postgresql+psycopg2://ann:secret@/agno?host=db&port=5433",
    ],
)
def test_every_form_means_the_same_database(text):
    assert SAME.items() <= words(text).items()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql+asyncpg://ann@db/agno?ssl=require", {"sslmode": "require"}),
        ("postgresql+asyncpg://ann@db/agno?ssl=verify-full&port=6000", {"sslmode": "verify-full", "port": "6000"}),
        ("postgresql://ann@db/agno?sslmode=require", {"sslmode": "require"}),
        ("postgresql://ann:p%40ss%2Fw%3A%25%23%20%3F@db/agno", {"password": "p@ss/w:%# ?"}),
        ("postgresql+asyncpg://ann:p%40ss%2Fw%3A%25%23%20%3F@db/agno", {"password": "p@ss/w:%# ?"}),
        ("postgresql+asyncpg://ann:p+q@db/agno?ssl=require", {"password": "p+q"}),
        (r"host=db password='it\'s \\ here'", {"password": r"it's \ here"}),
        ("postgresql://a%40b:pässwörd@[2001:db8::1]:6000/ag%20no", {"user": "a@b", "host": "2001:db8::1"}),
        ("postgresql://ann@a:1,b:2/agno", {"host": "a,b", "port": "1,2"}),
        ("postgresql:///agno?host=/var/run/postgresql", {"host": "/var/run/postgresql"}),
        ("postgresql://ann@%2Fvar%2Frun/agno", {"host": "/var/run"}),
        ("postgresql://ann@db/agno?options=-c%20search_path%3Dai", {"options": "-c search_path=ai"}),
        ("postgresql+psycopg2://ann@db/agno?options=-c%20search_path%3Dai", {"options": "-c search_path=ai"}),
        ("postgresql+psycopg2://ann@db/agno?application_name=a%26b%3Dc", {"application_name": "a&b=c"}),
        ("postgresql+psycopg2://ann@db/agno?", {"dbname": "agno"}),
    ],
)
def test_special_characters_and_options_survive(text, expected):
    assert expected.items() <= words(text).items()


def test_a_dead_peer_is_noticed_in_seconds_unless_the_dsn_says_otherwise():
    assert words("host=db")["connect_timeout"] == "5"
    assert words("host=db")["keepalives_idle"] == "30"
    assert words("host=db")["application_name"] == "agno-session-service"
    assert words("postgresql://db/?connect_timeout=60&application_name=mine&keepalives=0") == {
        **words("host=db"),
        "connect_timeout": "60",
        "application_name": "mine",
        "keepalives": "0",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql+psycopg2://ann@/agno?host=a:1&host=b:2", {"host": "a,b", "port": "1,2"}),
        ("postgresql+psycopg://ann@/agno?host=a,b:2&port=7", {"host": "a,b", "port": "7,2"}),
        ("postgresql://ann@/agno?host=a&host=b", {"host": "a,b", "port": ","}),
        ("postgresql://ann@/agno?host=%3A%3A1", {"host": "::1"}),
        ("postgresql+asyncpg://ann@db/agno?ssl=require&prepared_statement_cache_size=0", {"sslmode": "require"}),
        ("postgres://ann:p+w@db/agno?application_name=a+b&pool_min_conns=1", {"application_name": "a+b"}),
        ("host=db default_query_exec_mode=exec password='p\\'w'", {"password": "p'w"}),
    ],
)
def test_a_dsn_of_another_driver_means_what_that_driver_makes_of_it(text, expected):
    assert expected.items() <= words(text).items()


def test_parameters_that_only_other_drivers_know_are_dropped_and_named():
    dsn = Dsn.parse("postgresql+asyncpg://ann@db/agno?statement_cache_size=0&command_timeout=5&sslmode=require")
    assert dsn.dropped == ("command_timeout", "statement_cache_size")
    assert Dsn.parse("host=db pool_max_conn_lifetime=1h user='a b'").dropped == ("pool_max_conn_lifetime",)


@pytest.mark.parametrize(
    ("text", "schema", "pool_size"),
    [
        ("postgres://ann@db/agno?search_path=public&pool_max_conns=20", "public", 20),
        ("user=ann host=db search_path='\"Chat Data\", public' pool_max_conns = 7", "Chat Data", 7),
        ("postgres://ann@db/agno?search_path=%22%24user%22&pool_max_conns=many", None, None),
        ("postgres://ann@db/agno", None, None),
    ],
)
def test_the_schema_and_the_size_of_the_pool_are_taken_from_a_dsn_of_pgx(text, schema, pool_size):
    dsn = Dsn.parse(text)
    assert (dsn.schema, dsn.pool_size) == (schema, pool_size)
    assert words(text)["host"] == "db"


@pytest.mark.parametrize("text", ["host=db", "host=db client_encoding=latin1", "postgres://db/?client_encoding=SJIS"])
def test_statements_and_rows_are_utf8_whatever_the_dsn_says(text):
    assert words(text)["client_encoding"] == "UTF8"


CANARY = "postgresql://ann:canary@db:5432/agno"
ONCE = b64encode(CANARY.encode()).decode()
TWICE = b64encode(ONCE.encode()).decode()
FORM = "write postgresql://user:password@host:5432/dbname"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("canary", FORM),
        (ONCE, FORM),
        (TWICE, FORM),
        (TWICE.replace("=", ""), FORM),
        (f'{{"dsn": "{CANARY}"}}', FORM),
        (f'"{CANARY}"', FORM),
        (f"'{CANARY}'", FORM),
        (f"DSN={CANARY}", FORM),
        (f"\ufeff{CANARY}", FORM),
        (f"{CANARY}\0", "it holds a character that no DSN has"),
        (f"{CANARY}\ud800", "it holds a character that no DSN has"),
        (f"{CANARY}\n{CANARY}", "it has more than one line"),
        ("host=db\npassword='canary\nnary'", "it has more than one line"),
        ("postgresql://ann:can@ary@db/agno", "its address has more than one @: if its password holds @"),
        ("postgresql://ann:canary@db:port/agno?a=%zz", FORM),
        ("postgresql://ann:canary@[::1/agno", FORM),
        ("postgresql://ann:can%ary@db/agno", "if its password holds"),
        ("postgresql://ann:can%00ary@db/agno", "if its password holds"),
        ("host=db password=my canary", FORM),
        ("host=db password=my canary=1", FORM),
        ("host=db password='canary", FORM),
        ("mysql://ann:canary@db/agno", FORM),
        ("postgresql://ann:canary@db:port/agno", "its port is not a number"),
        ("postgresql://ann:can/ary@db/agno", "its port is not a number from 1 to 65535; if its password holds"),
        ("host=a,b port=5432,70000 password=canary", "its port is not a number"),
        ("host=db canary=canary", "it has a parameter that libpq does not know; write "),
        ("postgresql://ann:canary@db/agno?canary=5", "it has a parameter that libpq does not know; write "),
        ("host=db sslmod=require", "it has a parameter that libpq does not know (is sslmode meant?); write "),
    ],
)
def test_a_malformed_dsn_is_refused_without_any_part_of_it_being_repeated(text, message):
    dsn = Dsn.parse(text)
    assert message in dsn.problem
    for part in ("can", "ary", "ann", "agno", ONCE[:6], TWICE[:6]):
        assert part not in repr(dsn) + dsn.text


def test_a_repr_shows_nothing_of_it():
    assert repr(Dsn.parse("postgresql://ann:canary@db/agno?search_path=canary")) == "Dsn(problem=None)"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("postgresql://ann:canary@db/agno", "host 'db', port 5432"),
        ("host=a,b port=1,2 password=canary", "host 'a', port 1; host 'b', port 2"),
        ("dbname=agno password=canary", "the local socket, port 5432"),
        ("postgresql://ann:12/canary@db/agno", "if its password holds @ : / ? # or %, write those as"),
    ],
)
def test_the_place_is_told_to_a_person_unless_it_may_be_part_of_a_password(text, place):
    dsn = Dsn.parse(text)
    assert dsn.place.startswith(place)
    assert "canary" not in dsn.place
    assert "12" not in dsn.place
