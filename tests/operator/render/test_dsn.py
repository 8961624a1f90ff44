"""DSNs are changed and read as libpq reads them: psycopg2 is asked what became of each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import parse_dsn

from session_operator.render.dsn import ports, with_parameters

TLS = {"sslmode": "verify-full", "sslrootcert": "/etc/session-service-tls/main/ca.crt"}


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://agno:secret@db:5432/agno",
        "postgresql://agno:secret@db/agno?sslmode=disable&application_name=x",
        "postgresql://agno:what?@db/agno",
        "postgresql://agno:what?@db/agno?sslmode=disable",
        "postgresql://db",
        "postgresql:///agno?host=db",
        "postgresql://a@db1:1,db2:2/agno",
        "host=db dbname=agno sslmode=disable",
        "host=db dbname=agno password='it\\'s secret'",
    ],
)
def test_added_parameters_outweigh_those_of_the_dsn_and_change_nothing_else(dsn: str) -> None:
    before = parse_dsn(dsn)

    assert parse_dsn(with_parameters(dsn, TLS)) == before | TLS


def test_a_dsn_that_gets_no_parameters_stays_as_it_is() -> None:
    assert with_parameters("postgresql://db/agno?", {}) == "postgresql://db/agno?"


@pytest.mark.parametrize(
    ("dsn", "found"),
    {
        "postgresql://agno:secret@db:6432/agno": {6432},
        "postgresql://agno:5433@db/agno": {5432},
        "postgresql+asyncpg://agno:secret@db:6432/agno": {6432},
        "postgresql://a:what?port=1@db:6432/agno": {6432},
        "postgresql://a@db1:1,db2:2/agno": {1, 2},
        "postgresql://a@db1:1,db2/agno": {1, 5432},
        "postgresql://a@[::1]:6432/agno": {6432},
        "postgresql://a@[fe80::1]/agno": {5432},
        "postgresql:///agno?host=db&port=6432": {6432},
        "postgresql://db:/agno": {5432},
        "host=db port=6432 dbname=agno": {6432},
        "host=db port = '6432'": {6432},
        "host=a,b port=1,2": {1, 2},
        "host=db passport=7": {5432},
        "host=db password='x port=4321 y' port=6000": {6000},
        r"host=db password='x\' port=4321 y' port=6000": {6000},
        "host=db port=1 port=2": {2},
        "host=db": {5432},
        "postgresql://db:99999/agno": {5432},
        "no dsn at all": {5432},
    }.items(),
)
def test_the_ports_of_a_dsn_are_those_that_it_leads_to(dsn: str, found: set[int]) -> None:
    assert ports(dsn) == found


@given(st.text() | st.text().map(lambda rest: f"postgresql://{rest}") | st.text().map(lambda word: f"port={word}"))
def test_whatever_is_in_a_secret_leads_to_some_ports(text: str) -> None:
    assert ports(text)
    assert all(0 < port < 65536 for port in ports(text))
