"""Which text Postgres can hold, and how a text is read that is none."""

from __future__ import annotations

import re

# JSON to store. Long JSON is UTF-8 already: a `str` takes four bytes a character where one is beyond the basic plane.
JsonText = str | bytes

# NUL, and halves of surrogate pairs, which UTF-8 lacks
_UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")


def storable(*values: str | None) -> bool:
    """Whether every value can be text in a row; no row has a value that can't."""
    return not any(_UNSTORABLE.search(value) for value in values if value is not None)


UNCHECKED = "SQL_ASCII"
"""The encoding of a database that takes any bytes for text."""

# a byte that no JSON has in a text
_END = "chr(26)"
_VALID = "|".join(
    (
        r"[\x01-\x19\x1b-\x7f]",
        r"[\xc2-\xdf][\x80-\xbf]",
        r"\xe0[\xa0-\xbf][\x80-\xbf]",
        r"[\xe1-\xec\xee\xef][\x80-\xbf]{2}",
        r"\xed[\x80-\x9f][\x80-\xbf]",
        r"\xf0[\x90-\xbf][\x80-\xbf]{2}",
        r"[\xf1-\xf3][\x80-\xbf]{3}",
        r"\xf4[\x80-\x8f][\x80-\xbf]{2}",
    )
)


def valid_utf8(text: str) -> str:
    """SQL of a text of an unchecked database with U+FFFD for each byte that is no UTF-8: to send it would fail.

    Each stretch that is valid gets an end, and each other byte becomes such an end; then the ends of stretches go.
    """
    ended = f"regexp_replace({text}, '((?:{_VALID})+)|[\\x1a\\x80-\\xff]', '\\1' || {_END}, 'g')"
    return f"replace(regexp_replace({ended}, '([^\\x1a])\\x1a', '\\1', 'g'), {_END}, '\ufffd')"
