import json
from typing import Any

import pytest

from session_service.sessions.listing import list_body, list_row
from session_service.store.records import NameSource, SessionPage

from .records import cases, listed, ordered


@pytest.mark.parametrize("case", cases("list_rows.json"))
def test_a_session_is_listed(case: dict[str, Any]) -> None:
    assert ordered(list_row(listed(**case["session"]))) == json.dumps(case["shows"])


def test_a_session_without_a_name_is_listed_by_its_first_question() -> None:
    source = NameSource(has_runs=True, content=b'"How do I reset my password?"', input=None, workflow_name=None)
    assert json.loads(list_row(listed(source)))["session_name"] == "How do I reset my password?"


@pytest.mark.parametrize(("total", "limit", "pages"), [(0, 20, 0), (1, 20, 1), (20, 20, 1), (21, 20, 2), (5, 1, 5)])
def test_a_page_tells_how_many_there_are(total: int, limit: int, pages: int) -> None:
    body = list_body(SessionPage(total, [list_row(listed())]), 7, limit)
    assert body.endswith(
        b'"meta":{"page":7,"limit":%d,"total_pages":%d,"total_count":%d,"search_time_ms":0.0}}' % (limit, pages, total)
    )
    assert [row["session_id"] for row in json.loads(body)["data"]] == ["s-1"]


def test_a_page_past_the_last_is_empty_with_the_right_totals() -> None:
    assert list_body(SessionPage(3, []), 9, 2) == (
        b'{"data":[],"meta":{"page":9,"limit":2,"total_pages":2,"total_count":3,"search_time_ms":0.0}}'
    )


def test_pages_are_counted_beyond_64_bits() -> None:
    body = list_body(SessionPage(1, []), 10**30, 10**31)
    assert b'{"page":1%b,"limit":1%b,"total_pages":1,' % (b"0" * 30, b"0" * 31) in body


def test_null_in_a_column_is_left_out() -> None:
    columns = ("state", "metrics", "summary", "metadata", "sdk", "framework")
    shown = list_row(listed()._replace(**dict.fromkeys(columns, b"null")))
    assert shown == list_row(listed())


def test_of_equal_metrics_the_last_counts() -> None:
    shown = list_row(listed()._replace(metrics=b'{"total_tokens": 1, "n": {"total_tokens": 2}, "total_tokens": 3.0}'))
    assert json.loads(shown)["total_tokens"] == 3


def test_names_keep_their_script_and_are_escaped_where_json_needs_it() -> None:
    shown = list_row(listed(session_id='日"\\\n', session_data={"session_name": "서울 ☂"}))
    assert shown.startswith('{"session_id":"日\\"\\\\\\n","session_name":"서울 ☂",'.encode())
