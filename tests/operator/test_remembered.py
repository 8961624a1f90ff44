"""Whatever stands in the status of a store, a pass begins from it, and its report is the same as ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from session_operator.events import transitions
from session_operator.reasons import CONDITIONS
from session_operator.remembered import remembered
from session_operator.resource import Object, SessionStore
from session_operator.sources import resolve
from session_operator.status import applied_generation, begun, is_reported, refused, report

from .stores import body, secret

NOW = datetime(2026, 11, 3, tzinfo=UTC)
SECRETS = {"chat-main": secret(dsn="postgresql://db")}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=10), below, max_size=4),
    max_leaves=12,
)


def reported(status: Any, **options: Any) -> Object:
    store = SessionStore.parse(body() | {"status": status})
    return report(
        store,
        resolve(store, SECRETS),
        **{"applied": 3, "dsn_map": "map", "workload": None, "failure": None, "now": NOW} | options,
    )


AS_EVER = reported({})
CONDITION = AS_EVER["conditions"][0]


def damaged(part: Any) -> st.SearchStrategy[Any]:
    """A status with parts gone, and others in their place."""
    if isinstance(part, dict):
        fields = {name: damaged(value) for name, value in part.items()}
        return st.fixed_dictionaries({}, optional=fields | {"other": JSON}) | JSON
    if isinstance(part, list):
        return st.lists(st.one_of(*map(damaged, part), JSON), max_size=8) | JSON
    return st.just(part) | JSON


@settings(deadline=None)
@given(damaged(AS_EVER))
def test_a_pass_begins_from_any_status(status: Any) -> None:
    store = SessionStore.parse(body() | {"status": status})

    if "conditions" in store.status:
        assert begun(store, NOW)["conditions"]  # of an empty list, the API server makes null
    for after in (AS_EVER, refused(store.status, 3, "wrong", NOW)):
        assert list(transitions(store.status, after)) is not None
    assert applied_generation(store) in (None, 3) or status["conditions"]
    assert is_reported(store) in (True, False)
    found = reported(status)
    without_times = [
        {**each, "lastTransitionTime": now["lastTransitionTime"]}
        for each, now in zip(found["conditions"], AS_EVER["conditions"], strict=True)
    ]
    assert found | {"conditions": without_times} == AS_EVER
    assert reported(found, now=NOW + timedelta(hours=1)) == found  # and it stays so
    assert SessionStore.parse(body() | {"status": found}).status == found


@settings(deadline=None)
@given(st.permutations(AS_EVER["conditions"]), st.lists(JSON, max_size=3))
def test_what_others_add_and_the_order_mean_nothing(conditions: list[Object], others: list[Any]) -> None:
    foreign = [{**CONDITION, "type": "Foreign"}, *others]

    assert remembered(AS_EVER | {"conditions": [*conditions, *foreign], "foreign": 1}) == AS_EVER


def test_of_a_condition_each_part_is_needed() -> None:
    for part in CONDITION:
        for value in (None, [], {}, True, "", 1):
            if not isinstance(value, type(CONDITION[part])) or (value == "" and part not in ("reason", "message")):
                assert remembered({"conditions": [CONDITION | {part: value}]}) == {}, (part, value)
        assert remembered({"conditions": [{k: v for k, v in CONDITION.items() if k != part}]}) == {}
    assert [each["type"] for each in AS_EVER["conditions"]] == list(CONDITIONS)
