"""Any form of DSN becomes libpq's, and no message or repr shows the password."""

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
    ("text", "message"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("canary", "write postgresql://user:password@host:5432/dbname"),
        ("postgresql://ann:canary@db:port/agno?a=%zz", "write postgresql://"),
        ("postgresql://ann:canary@[::1/agno", "write postgresql://"),
        ("postgresql://ann:can%ary@db/agno", "write postgresql://"),
        ("host=db password=my canary", "write postgresql://"),
        ("host=db password='canary", "write postgresql://"),
        ("mysql://ann:canary@db/agno", "write postgresql://"),
        ("postgresql://ann:canary@db:port/agno", "its port is not a number"),
        ("host=a,b port=5432,70000 password=canary", "its port is not a number"),
        ("host=db canary=canary", "it has a parameter that libpq does not know: canary"),
        ("postgresql://ann:canary@db/agno?pool_size=5", "it has a parameter that libpq does not know: pool_size"),
        ("postgresql+asyncpg://ann:canary@db/agno?prepared_statement_cache_size=0", "prepared_statement_cache_size"),
    ],
)
def test_a_malformed_dsn_is_refused_without_being_repeated(text, message):
    dsn = Dsn.parse(text)
    assert message in dsn.problem
    assert "canary" not in repr(dsn).replace("does not know: canary", "")
    assert "canary" not in dsn.text


def test_a_repr_shows_nothing_of_it():
    assert repr(Dsn.parse("postgresql://ann:canary@db/agno")) == "Dsn(problem=None)"
