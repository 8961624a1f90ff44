"""docs/reference/errors.md has the tables of SQLSTATEs that the code goes by."""

import re
from pathlib import Path

from session_service.database.errors import CONNECT_ERRORS, STATEMENT_ERRORS, WORDS, Refused, StatementFailed
from session_service.http.errors import database_failure

PAGE = (Path(__file__).parents[2] / "docs/reference/errors.md").read_text()


def rows(heading):
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [
        tuple(cell.strip(" `") for cell in line.split("|")[1:-1])
        for line in re.findall(r"^\| `.*", section, re.MULTILINE)
    ]


def test_statements_that_fail():
    def row(state, kind, reason, message):
        return state, reason or "the SQLSTATE", str(database_failure(kind(reason or state, message), "main").status)

    assert rows("A statement that fails") == [row(*entry) for entry in STATEMENT_ERRORS]
    assert "| any other | the SQLSTATE | 500 |" in PAGE
    assert database_failure(StatementFailed("XX000", ""), "main").status == 500


def test_connections_that_fail():
    def row(state, kind, reason):
        assert database_failure(kind(reason, ""), "main").status == 503
        return state, reason, "refused" if kind is Refused else "unreachable"

    assert rows("A connection that fails") == [row(*entry) for entry in (*CONNECT_ERRORS, *WORDS)]
