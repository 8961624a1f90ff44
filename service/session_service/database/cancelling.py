"""Cancels a statement on the server without blocking; psycopg2's `cancel` blocks while it holds the GIL."""

from __future__ import annotations

import asyncio

import psycopg2.extensions

from .libpq import libpq

_FAILED, _READING, _WRITING = 0, 1, 2


async def cancel_statement(connection: psycopg2.extensions.connection) -> None:
    """Ask the server to cancel the connection's statement; returns when the server has accepted or rejected that."""
    request = libpq.PQcancelCreate(connection.pgconn_ptr)
    try:
        state = _WRITING if libpq.PQcancelStart(request) else _FAILED
        while state in {_READING, _WRITING}:
            await _ready(libpq.PQcancelSocket(request), state)
            state = libpq.PQcancelPoll(request)
    finally:
        libpq.PQcancelFinish(request)


async def _ready(descriptor: int, state: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    add, remove = (loop.add_reader, loop.remove_reader) if state == _READING else (loop.add_writer, loop.remove_writer)
    add(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        remove(descriptor)
