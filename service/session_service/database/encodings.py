"""What a server can hold, by the encoding of its database."""

from __future__ import annotations

from psycopg2.extensions import encodings

_ANY = {"UTF8", "SQL_ASCII"}


def holds(encoding: str, *texts: str | None) -> bool:
    """Whether a database of this encoding, by the server's name for it, can hold each of these texts.

    What Python does not know is left to the server.
    """
    codec = None if encoding in _ANY else encodings.get(encoding)
    if codec is None:
        return True
    try:
        for text in texts:
            (text or "").encode(codec)
    except UnicodeEncodeError:
        return False
    return True
