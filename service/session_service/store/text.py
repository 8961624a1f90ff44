"""Which text Postgres can hold."""

from __future__ import annotations

import re

# NUL, and halves of surrogate pairs, which UTF-8 lacks
_UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")


def storable(*values: str | None) -> bool:
    """Whether every value can be text in a row; no row has a value that can't."""
    return not any(_UNSTORABLE.search(value) for value in values if value is not None)
