"""Where a DSN leads to: names resolved outside the event loop at each connect, one address after the other."""

import asyncio
import socket
import threading

import pytest
from psycopg2.extensions import parse_dsn

from session_service.database.addresses import targets
from session_service.database.connecting import connect
from session_service.database.dsn import Dsn
from session_service.database.errors import Unavailable
from tests.service.waiting import until

PLACES = ("host", "port", "hostaddr", "target_session_attrs")


async def places(dsn):
    return [tuple(words.get(word) for word in PLACES) for words in map(parse_dsn, await targets(dsn))]


@pytest.mark.parametrize(
    ("dsn", "found"),
    [
        ("host=one.test", [("one.test", "5432", "127.0.0.1", None)]),
        ("host=two.test port=7", [("two.test", "7", "127.0.0.2", None), ("two.test", "7", "127.0.0.3", None)]),
        (
            "host=one.test,/run/pg,nowhere.test,two.test port=1,2,3,4",
            [
                ("one.test", "1", "127.0.0.1", None),
                ("/run/pg", "2", None, None),
                ("two.test", "4", "127.0.0.2", None),
                ("two.test", "4", "127.0.0.3", None),
            ],
        ),
        ("host=/run/pg", [("/run/pg", "5432", None, None)]),
        ("dbname=agno", [(None, None, None, None)]),
        ("host=name hostaddr=10.0.0.1", [("name", None, "10.0.0.1", None)]),
        (
            "host=two.test port=7 target_session_attrs=prefer-standby",
            [
                ("two.test", "7", "127.0.0.2", "standby"),
                ("two.test", "7", "127.0.0.3", "standby"),
                ("two.test", "7", "127.0.0.2", "any"),
                ("two.test", "7", "127.0.0.3", "any"),
            ],
        ),
    ],
)
async def test_each_address_is_a_target_with_its_name_beside_it(names, dsn, found):
    assert await places(dsn) == found


async def test_hosts_may_be_taken_at_random(names):
    names["two.test"] = [f"127.0.0.{number}" for number in range(2, 32)]
    dsn = "host=two.test load_balance_hosts=random"
    once, again = await places(dsn), await places(dsn)
    assert once != again
    assert sorted(once) == sorted(again)


async def test_a_slow_resolver_holds_up_nobody(v3, names, monkeypatch):
    asked, answering, resolve = threading.Event(), threading.Event(), socket.getaddrinfo

    def lookup(*arguments, **keywords):
        asked.set()
        assert answering.wait(30), "the event loop stood still meanwhile"
        return resolve(*arguments, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    connecting = asyncio.create_task(connect(Dsn.parse(v3.server.dsn(host="one.test", port="1")), 30))
    await until(asked.is_set)
    answering.set()
    with pytest.raises(Unavailable):
        await connecting


async def test_a_name_that_nobody_knows_is_unreachable(v3, names):
    with pytest.raises(Unavailable) as unavailable:
        await connect(Dsn.parse(v3.server.dsn(host="nowhere.test")), 30)
    assert unavailable.value.reason == "UnknownHost"


async def test_a_name_that_moves_is_followed(v3, names, forwarded, free_port):
    dsn = Dsn.parse(v3.server.dsn(v3.name, host="one.test", port=str(forwarded)))
    names["one.test"] = ["127.0.0.9"]  # the forwarder listens at 127.0.0.1 only
    with pytest.raises(Unavailable):
        await connect(dsn, 30)
    names["one.test"] = ["127.0.0.1"]
    connection = await connect(dsn, 30)
    assert await connection.fetch("SELECT 1") == [(1,)]
    connection._close()


async def test_an_address_that_never_answers_leaves_time_for_the_next(v3, names, forwarded):
    with socket.socket() as silent:
        silent.bind(("127.0.0.2", forwarded))
        silent.listen()  # connections are taken, and nothing is ever said
        names["one.test"] = ["127.0.0.2", "127.0.0.1"]
        dsn = Dsn.parse(v3.server.dsn(v3.name, host="one.test", port=str(forwarded)))
        connection = await connect(dsn, 30, timeout=12)
        assert await connection.fetch("SELECT 1") == [(1,)]
        connection._close()


async def test_a_standby_is_passed_over_for_a_primary(v3, names, forwarded):
    v3.run(f"ALTER DATABASE {v3.name} SET default_transaction_read_only = on")
    words = {"host": "one.test", "port": str(forwarded)}
    with pytest.raises(Unavailable):
        await connect(Dsn.parse(v3.server.dsn(v3.name, target_session_attrs="read-write", **words)), 30)
    connection = await connect(Dsn.parse(v3.server.dsn(v3.name, target_session_attrs="read-only", **words)), 30)
    assert await connection.fetch("SELECT 1") == [(1,)]
    connection._close()
