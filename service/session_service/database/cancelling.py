"""Cancels a statement on the server without blocking: psycopg2's `cancel` waits for it while it holds the GIL."""

from __future__ import annotations

import asyncio
import ctypes

import psycopg2._psycopg
import psycopg2.extensions

_Connection = ctypes.c_void_p
_FUNCTIONS = {
    "PQcancelCreate": (_Connection, [_Connection]),
    "PQcancelStart": (ctypes.c_int, [_Connection]),
    "PQcancelPoll": (ctypes.c_int, [_Connection]),
    "PQcancelSocket": (ctypes.c_int, [_Connection]),
    "PQcancelFinish": (None, [_Connection]),
}
_FAILED, _READING, _WRITING = 0, 1, 2

# the libpq that psycopg2 is linked with; these came with libpq 17
_libpq = ctypes.CDLL(psycopg2._psycopg.__file__)
for _name, (_result, _arguments) in _FUNCTIONS.items():
    _function = getattr(_libpq, _name)
    _function.restype, _function.argtypes = _result, _arguments


async def cancel_statement(connection: psycopg2.extensions.connection) -> None:
    """Ask for the end of what runs on the connection; returns when the server has taken the request, or will not."""
    request = _libpq.PQcancelCreate(connection.pgconn_ptr)
    try:
        state = _WRITING if _libpq.PQcancelStart(request) else _FAILED
        while state in {_READING, _WRITING}:
            await _ready(_libpq.PQcancelSocket(request), state)
            state = _libpq.PQcancelPoll(request)
    finally:
        _libpq.PQcancelFinish(request)


async def _ready(descriptor: int, state: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    add, remove = (loop.add_reader, loop.remove_reader) if state == _READING else (loop.add_writer, loop.remove_writer)
    add(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        remove(descriptor)
