"""Queries as types: the forms of whole numbers and booleans, repeated parameters, and refusals."""

import pytest

from session_service.http.parameters import DeleteParameters, ListParameters, RunsParameters, check, query_values


def checked(kind, *pairs):
    return check(kind, "query", query_values(kind, list(pairs)))


@pytest.mark.parametrize(
    ("text", "limit"),
    [("7", 7), (" 7 ", 7), ("+7", 7), ("007", 7), ("1_000", 1000), ("7.0", 7), ("9" * 30, int("9" * 30))],
)
def test_whole_numbers_come_in_many_forms(text, limit):
    assert checked(ListParameters, ("limit", text)).limit == limit


@pytest.mark.parametrize("text", ["", "1e1", "1.5", "0x1", "one", "--1", "1__0"])
def test_what_is_no_whole_number_is_refused(text):
    [problem] = checked(ListParameters, ("limit", text))
    assert problem == {
        "type": "int_parsing",
        "loc": ["query", "limit"],
        "msg": "Input should be a valid integer, unable to parse string as an integer",
        "input": text,
    }


@pytest.mark.parametrize(
    ("name", "text", "kind", "context"),
    [
        ("limit", "0", "greater_than_equal", {"ge": 1}),
        ("limit", "-5", "greater_than_equal", {"ge": 1}),
        ("page", "0", "greater_than_equal", {"ge": 1}),
        ("page", "-1", "greater_than_equal", {"ge": 0}),
        ("type", "Agent", "enum", {"expected": "'agent', 'team' or 'workflow'"}),
        ("type", "", "enum", {"expected": "'agent', 'team' or 'workflow'"}),
        ("sort_order", "ASC", "enum", {"expected": "'asc' or 'desc'"}),
    ],
)
def test_what_is_out_of_bounds_is_refused(name, text, kind, context):
    [problem] = checked(ListParameters, (name, text))
    assert (problem["type"], problem["loc"], problem["ctx"], problem["input"]) == (
        *(kind, ["query", name], context, text),
    )


def test_every_problem_is_told():
    problems = checked(ListParameters, ("page", "x"), ("limit", "0"), ("type", "x"))
    assert {problem["loc"][1] for problem in problems} == {"page", "limit", "type"}


def test_of_a_repeated_parameter_the_last_counts_and_of_a_list_all():
    assert checked(ListParameters, ("user_id", "a"), ("user_id", "b")).user_id == "b"
    assert checked(RunsParameters, ("status", "a"), ("status", "b")).status == ["a", "b"]
    assert checked(ListParameters, ("status", "a")).limit == 20


def test_texts_are_never_trimmed_and_unknown_parameters_are_ignored():
    found = checked(ListParameters, ("user_id", " a "), ("session_name", ""), ("colour", "red"))
    assert (found.user_id, found.session_name) == (" a ", "")


@pytest.mark.parametrize("text", ["true", "1", "YES", "on", "t", "Y"])
def test_true_comes_in_many_forms(text):
    assert checked(DeleteParameters, ("delete_media", text)).delete_media is True


@pytest.mark.parametrize("text", ["", "maybe", "2"])
def test_what_is_no_boolean_is_refused(text):
    [problem] = checked(DeleteParameters, ("delete_media", text))
    assert problem["type"] == "bool_parsing"
