"""What releases of agno wrote is answered as by AgentOS; what the service wrote they read, and go on with."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.comparison import differences
from tests.contract.exchange import Request
from tests.contract.sidebyside import body

from . import releases
from .conftest import Written
from .story import COMPONENTS, METADATA, NAME, ORIGINAL, PATCHED, RENAMED, STATE, SUMMARY, Story, with_other_ids

pytestmark = pytest.mark.timeout(600)  # whichever comes first has all releases write
# What a release could not do yet, by the first one that could
WAIT_FOR_A_PERSON = {"team-paused": "2.9.0", "workflow-paused": "2.9.0"}
# What 3.1 added to a run, by what is in each of its kind
ADDED = {"agent_id": "metadata", "team_id": "user_id"}
Paths = Callable[[Written], Iterator[str]]


def lists(_: Written) -> Iterator[str]:
    """Pages of each type, and of each component."""
    for kind, component in {**COMPONENTS, "agent&user_id=nobody": "nobody"}.items():
        yield f"?type={kind}&sort_by=session_id&limit=100"
        yield f"?type={kind}&sort_by=session_id&sort_order=asc&limit=2&page=2&user_id=ada"
        yield f"?component_id={component}&sort_by=session_id"


def details(written: Written) -> Iterator[str]:
    """Each session, asked for by its type and by its owner."""
    for id, kind in written.sessions:
        yield f"/{id}?type={kind}"
        yield f"/{id}?user_id=ada"


def runs(written: Written) -> Iterator[str]:
    """The runs of each session."""
    return (f"/{id}/runs?type={kind}" for id, kind in written.sessions)


def previews(written: Written) -> Iterator[str]:
    """The runs of each session in a few words."""
    return (f"/{id}/run-previews?type={kind}" for id, kind in written.sessions)


def single_runs(written: Written) -> Iterator[str]:
    """Each run."""
    return (f"/{id}/runs/{run_id}" for id, run_id in written.runs)


def answer(port: int, path: str, db_id: str = "") -> list[Any]:
    """Status and JSON; from one of the service's databases if it is named."""
    separator = "&" if "?" in path else "?"
    got = Request("GET", f"/sessions{path}" + (f"{separator}db_id={db_id}" if db_id else "")).send(port)
    return [got.status, body(got)]


def test_each_release_wrote_what_it_can(written: Written) -> None:
    order = releases.RELEASES.index
    for session_id, statuses in written.told.items():
        if session_id.endswith("-paused"):
            since = WAIT_FOR_A_PERSON.get(session_id, releases.RELEASES[0])
            assert statuses == ["PAUSED" if order(written.release) >= order(since) else "COMPLETED"]
        if session_id.endswith("-cancelled"):
            assert statuses[-1] == "CANCELLED"
    assert {id.split("-")[0] for id, _ in written.sessions} == set(COMPONENTS)


@pytest.mark.parametrize("paths", [lists, details, runs, previews, single_runs], ids=lambda paths: paths.__name__)
@pytest.mark.parametrize("state", ["left", "opened"])
def test_answers_as_agentos(paths: Paths, state: str, written: Written, service: int, agentos: dict[str, int]) -> None:
    """As the newest, whose API it is; also where that has opened the database, and left its table of runs in it."""
    asked = list(paths(written))
    assert asked
    for path in asked:
        expected, once_more = (answer(agentos[written.release], path) for _ in range(2))
        by_chance = {place(difference) for difference in differences(expected, once_more)}  # ids that are not stored
        got = answer(service, path, written.db_id(state))
        assert [d for d in differences(expected, got) if place(d) not in by_chance] == [], path
        assert answer(service, path, written.db_id(state)) == got, path


def place(difference: str) -> str:
    """Where it is."""
    return difference.partition(": expected")[0]


@pytest.mark.parametrize("paths", [lists, details, runs, single_runs], ids=lambda paths: paths.__name__)
def test_answers_as_agentos_of_the_release_that_wrote(
    paths: Paths, written: Written, service: int, own_agentos: int
) -> None:
    """Where its tables are those of the newest; it has no previews yet."""
    for path in paths(written):
        expected, got = answer(own_agentos, path), answer(service, path, written.db_id("left"))
        shown = {runs: got[1], single_runs: [got[1]]}
        for run in shown.get(paths, ()):
            run.pop(ADDED.get(next((id for id in ADDED if id in run), ""), ""), None)
        assert list(differences(expected, got)) == [], path


def test_service_changes_what_it_is_asked_to(story: Story) -> None:
    for kind in COMPONENTS:
        old, new = story.before[RENAMED[kind]], story.changed[RENAMED[kind]]
        assert new == old | {"session_data": old["session_data"] | {"session_name": NAME}}
        old, new = story.before[PATCHED[kind]], story.changed[PATCHED[kind]]
        data = old["session_data"] | {"session_name": NAME, "session_state": STATE}
        summary = {} if kind == "workflow" else {"summary": SUMMARY}
        assert new == old | {"session_data": data, "metadata": METADATA, "updated_at": new["updated_at"]} | summary
        imported, original = story.changed[f"imported-{kind}"], story.before[ORIGINAL[kind]]
        assert imported["runs"] == with_other_ids(original["runs"])
        assert imported["summary"] == summary.get("summary")


def test_agno_reads_what_the_service_wrote(story: Story) -> None:
    for kind, component in COMPONENTS.items():
        for id in (f"made-{kind}", f"imported-{kind}", PATCHED[kind]):
            read = story.told[id]["read"]
            assert (read["session_id"], read["user_id"], read[f"{kind}_id"]) == (id, "ada", component)
            assert (read["session_data"]["session_name"], read["session_data"]["session_state"]) == (NAME, STATE)
            assert read["metadata"] == METADATA
            if kind != "workflow" and not id.startswith("made"):
                assert read["summary"] == SUMMARY
        assert story.told[RENAMED[kind]]["read"]["session_data"]["session_name"] == NAME
        imported, original = (story.told[id]["read"]["runs"] for id in (f"imported-{kind}", ORIGINAL[kind]))
        assert imported == with_other_ids(original)


def test_next_run_loses_nothing(story: Story) -> None:
    kept = ("session_type", "user_id", "agent_id", "team_id", "workflow_id", "created_at")
    for id, told in story.told.items():
        changed, after = story.changed[id], story.after[id]
        assert [after[column] for column in kept] == [changed[column] for column in kept], id
        data, data_after = changed["session_data"], after["session_data"]
        assert data_after.get("session_name") == data.get("session_name"), id
        # agno adds those of the agent
        assert data["session_state"].items() <= data_after["session_state"].items(), id
        assert (changed["metadata"] or {}).items() <= (after["metadata"] or {}).items(), id
        assert bool(changed["summary"]) <= bool(after["summary"]), id
        assert [run["run_id"] for run in after["runs"][len(changed["runs"]) :]] == [told["run_id"]], id
        # 2.x rewrites all runs as it has read them
        for now, stored, read in zip(after["runs"], changed["runs"], told["read"].get("runs") or [], strict=False):
            assert now in (stored, read), id


def test_model_sees_what_was_said(story: Story) -> None:
    for id in ("imported-agent", RENAMED["agent"], PATCHED["agent"], RENAMED["team"], PATCHED["team"]):
        runs = [run for run in story.changed[id]["runs"] if not run.get("parent_run_id")]
        asked = [run["input"]["input_content"] for run in runs if run["status"] == "COMPLETED"]
        assert asked
        assert set(asked) <= set(story.told[id]["seen"]), id


def test_run_that_waits_goes_on(story: Story) -> None:
    assert story.confirmed == "COMPLETED"
    [run] = story.after["agent-paused"]["runs"]
    assert run["tools"][0]["result"] == "2 booked"
