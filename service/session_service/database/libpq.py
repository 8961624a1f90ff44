"""Functions of libpq that psycopg2 does not wrap, called in the libpq that psycopg2 is linked with."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import ClassVar

import psycopg2._psycopg
import psycopg2.extensions

_Connection = ctypes.c_void_p


class _Option(ctypes.Structure):
    """The C struct `PQconninfoOption`."""

    _fields_: ClassVar = [
        ("keyword", ctypes.c_char_p),
        ("envvar", ctypes.c_char_p),
        ("compiled", ctypes.c_char_p),
        ("val", ctypes.c_char_p),
        ("label", ctypes.c_char_p),
        ("dispchar", ctypes.c_char_p),
        ("dispsize", ctypes.c_int),
    ]


_FUNCTIONS = {
    "PQsetErrorVerbosity": (ctypes.c_int, [_Connection, ctypes.c_int]),
    "PQconndefaults": (ctypes.POINTER(_Option), []),
    "PQconninfoFree": (None, [ctypes.POINTER(_Option)]),
    # new in libpq 17
    "PQcancelCreate": (_Connection, [_Connection]),
    "PQcancelStart": (ctypes.c_int, [_Connection]),
    "PQcancelPoll": (ctypes.c_int, [_Connection]),
    "PQcancelSocket": (ctypes.c_int, [_Connection]),
    "PQcancelFinish": (None, [_Connection]),
}
_VERBOSE = 2

libpq = ctypes.CDLL(psycopg2._psycopg.__file__)
for _name, (_result, _arguments) in _FUNCTIONS.items():
    _function = getattr(libpq, _name)
    _function.restype, _function.argtypes = _result, _arguments


def tell_sqlstates(connection: psycopg2.extensions.connection) -> None:
    """Make libpq include the SQLSTATE in error texts; for a failed connect there is no other source."""
    libpq.PQsetErrorVerbosity(connection.pgconn_ptr, _VERBOSE)


def _keywords() -> Iterator[str]:
    options = libpq.PQconndefaults()
    try:
        for option in options:
            if option.keyword is None:
                return
            yield option.keyword.decode()
    finally:
        libpq.PQconninfoFree(options)


KEYWORDS = frozenset(_keywords())
"""The parameters of a DSN that libpq knows."""
