"""Makes text of others safe to print: it cannot move the cursor, forge a line or reverse the writing direction."""

from __future__ import annotations

import logging
import re

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")


def printable(text: str) -> str:
    """The text on one line; control, invisible and invalid characters become a mark."""
    return "".join(each if each.isprintable() else " " if each in "\n\r\t" else "\ufffd" for each in text)


def word(text: object) -> str:
    """The text if it is a single word, as reasons are; else an empty string."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else ""


class PrintableFormatter(logging.Formatter):
    """Formats log records so that a message stays on one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Format a record but for a traceback."""
        record.message = printable(record.message)
        return super().formatMessage(record)
