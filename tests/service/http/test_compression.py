"""Compressed answers: for clients that accept them, of long bodies, and the same in the end."""

import gzip
import json

import pytest
from backports import zstd

from session_service.http.compression import negotiated

LONG = {"session_state": {"text": "many words " * 10_000}}
DECODE = {"gzip": gzip.decompress, "zstd": zstd.decompress}


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("br, deflate", None),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.1, gzip;q=0.9", "gzip"),
        ("zstd;q=0, gzip;q=0", None),
        ("*", "zstd"),
        ("*;q=0, gzip", "gzip"),
        ("gzip;q=canary", None),
    ],
)
def test_a_client_gets_what_it_likes_best(accepted, encoding):
    assert negotiated(accepted) == encoding


@pytest.fixture
async def raw(v3, serve):
    """Asks a service that holds a long session and a long history; answers are not decoded."""
    client = await serve(v3.dsn)
    await client.post("/sessions", json={"session_id": "a"} | LONG)
    v3.run(
        """INSERT INTO ai.agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)
        SELECT 'r' || g, 'a', 'agent', g,
            jsonb_build_object('run_id', 'r' || g, 'agent_id', 'x', 'content', repeat('text ', 20000)), 1
        FROM generate_series(1, 20) g"""
    )
    client.session._auto_decompress = False

    async def ask(path, encoding=None):
        answer = await client.get(path, headers={"Accept-Encoding": encoding or "identity"})
        assert answer.status == 200
        return answer.headers, await answer.read()

    return ask


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("path", ["/sessions/a", "/sessions/a/runs"])
async def test_a_long_answer_is_compressed_and_the_same(raw, path, encoding):
    _, plain = await raw(path)
    headers, body = await raw(path, encoding)
    assert headers["Content-Encoding"] == encoding
    assert headers["Vary"] == "Origin, Accept-Encoding"
    assert len(body) < len(plain) / 10
    assert DECODE[encoding](body) == plain
    json.loads(plain)


async def test_whoever_does_not_accept_it_gets_the_plain_body_and_caches_are_told(raw):
    headers, body = await raw("/sessions/a")
    assert "Content-Encoding" not in headers
    assert headers["Vary"] == "Origin, Accept-Encoding"
    assert len(body) > 100_000


async def test_a_short_answer_is_left_alone(raw):
    headers, _ = await raw("/sessions?session_name=nothing", "gzip, zstd")
    assert "Content-Encoding" not in headers
    assert headers["Vary"] == "Origin"


async def test_it_can_be_turned_off(v3, serve):
    client = await serve(v3.dsn, AGNO_COMPRESS_FROM_BYTES="off")
    await client.post("/sessions", json={"session_id": "a"} | LONG)
    answer = await client.get("/sessions/a", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Vary"] == "Origin"
