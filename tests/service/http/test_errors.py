"""What a client is told when a database fails."""

import pytest

from session_service.database.errors import (
    Conflict,
    Forbidden,
    LayoutChanged,
    Refused,
    StatementFailed,
    TimedOut,
    Unavailable,
    Unstorable,
)
from session_service.http.errors import database_failure


@pytest.mark.parametrize(
    ("error", "status", "detail", "retry"),
    [
        (Unavailable("Unreachable", "canary"), 503, "Database 'main' is unavailable (Unreachable)", "5"),
        (Refused("InvalidPassword", "canary"), 503, "Database 'main' is unavailable (InvalidPassword)", "5"),
        (Forbidden("ReadOnlyDatabase", "canary"), 503, "Database 'main' is unavailable (ReadOnlyDatabase)", "5"),
        (LayoutChanged("LayoutChanged", "canary"), 503, "Database 'main' is unavailable (LayoutChanged)", "5"),
        (TimedOut("StatementTimeout", "canary"), 504, "Database 'main' did not answer in time", None),
        (Unavailable("PoolQueueFull", "canary", 0.2), 503, "Database 'main' is unavailable (PoolQueueFull)", "1"),
        (Unavailable("Unreachable", "canary", 1.2), 503, "Database 'main' is unavailable (Unreachable)", "2"),
        (Conflict("Conflict", "canary"), 503, "Database 'main' is unavailable (Conflict)", "5"),
        (Unstorable("22P05", "canary"), 422, "Database 'main' can't store this value (SQLSTATE 22P05)", None),
        (StatementFailed("23505", "canary"), 500, "Database 'main' refused the statement (SQLSTATE 23505)", None),
        (StatementFailed("XX000", "canary"), 500, "Database 'main' refused the statement (SQLSTATE XX000)", None),
    ],
)
def test_a_failure_becomes_a_status_and_never_tells_more_than_its_word(error, status, detail, retry):
    answer = database_failure(error, "main")
    assert (answer.status, answer.detail, answer.headers.get("Retry-After")) == (status, detail, retry)
