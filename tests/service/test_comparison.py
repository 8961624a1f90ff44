"""What of two answers is a difference, and what is another order of equal rows."""

import pytest

from session_service.comparison import Answer, Found, compare


def page(*rows, total=9, number=1, of=1):
    data = [{"session_id": id, "created_at": time, "session_name": name} for id, time, name in rows]
    return Answer(
        200,
        {"data": data, "meta": {"total_count": total, "page": number, "total_pages": of, "search_time_ms": id(rows)}},
    )


A, B, C, D = (("a", 3, "x"), ("b", 2, "x"), ("c", 2, "x"), ("d", 1, "x"))


@pytest.mark.parametrize(
    ("reference", "candidate", "found"),
    [
        (page(A, B, C, D), page(A, B, C, D), Found()),
        (page(A, B, C, D), page(A, C, B, D), Found(tied=True)),
        (page(A, B, C, D), page(A, C, ("b", 2, "y"), D), Found(('/data/b/session_name: "x" and "y"',), tied=True)),
        # one of two: the page ends, or begins, within them
        (page(A, B, of=2), page(A, C, of=2), Found(tied=True)),
        (page(C, D, number=2, of=2), page(B, D, number=2, of=2), Found(tied=True)),
        (page(A, B), page(A, C), Found(("/data/b: only in the reference", "/data/c: only in the candidate"))),
        (page(A, B, D), page(A, C, D), Found(("/data/b: only in the reference", "/data/c: only in the candidate"))),
        (page(A, D), page(D, A), Found(("/data: the same rows in another order",))),
        (page(A), page(), Found(("/data/a: only in the reference",))),
        (page(A, total=1), page(A, total=2), Found(("/meta/total_count: 1 and 2",))),
        (Answer(200, {"a": [1], "b": 1}), Answer(200, {"b": 1, "a": [1]}), Found()),
        (Answer(200, {"a": [1]}), Answer(200, {"a": [1.0]}), Found(("/a/0: 1 and 1.0",))),
        (
            Answer(200, {"a": 1, "b": 1}),
            Answer(200, {"c": 1, "b": 1}),
            Found(("/a: only in the reference", "/c: only in the candidate")),
        ),
        (Answer(200, "x" * 90), Answer(200, []), Found((f'/: "{"x" * 76}… and []',))),
        (Answer(500, "a"), Answer(200, {}), Found(("status: 500 and 200",))),
    ],
)
def test_two_answers(reference, candidate, found):
    assert compare("", reference, candidate) == found


def test_rows_are_equal_by_what_the_list_is_sorted_by():
    rows = [{"session_id": id, "created_at": 1, "updated_at": 2} for id in "ab"]
    other = [rows[0] | {"updated_at": None, "created_at": 2}, rows[1]]
    for first in (rows, other):
        pair = [Answer(200, {"data": data, "meta": {}}) for data in (first, first[::-1])]
        assert compare("limit=2&sort_by=updated_at", *pair) == Found(tied=True)
    assert compare("", *pair).lines == ("/data: the same rows in another order",)
