"""Answers that are read in pieces are the same, byte for byte, as those that are read at once."""

import json
import random
from urllib.parse import quote

import pytest

from session_service.store import limits
from tests.service.agno import DATASETS, TO_JSON, Agno

SORTS = ("created_at", "updated_at", "session_id", "session_data", "summary", "runs", "nothing")
TYPES = ("", "?type=agent", "?type=team", "?type=workflow")

# Every answer is too long, and so is every run and message. A member is where it is longer than a time or a word.
TINY = {"MOST_BYTES": 0, "LONG_ITEM": 0, "LONG_MEMBER": 40, "PIECE": 64, "ROWS_AT_ONCE": 13}
# what is cut is cut beyond what a preview shows
TINY_PREVIEWS = TINY | {"PIECE": 4000}


@pytest.fixture
def in_pieces(monkeypatch):
    """Has the rest of the test read every answer in pieces, or at once again."""

    def choose(sizes):
        for name, size in (sizes or AS_THEY_ARE).items():
            monkeypatch.setattr(limits, name, size)

    return choose


AS_THEY_ARE = {name: getattr(limits, name) for name in TINY}


async def answer(client, path, method="GET", **body):
    async with client.request(method, path, json=body or None) as response:
        return response.status, await response.read(), response.headers["Content-Type"]


def assert_same(found, wanted, path):
    """Equal, or else where they begin to differ: pytest takes long to tell how long texts differ."""
    if found != wanted:
        (status, body, _), (other_status, other, _) = found, wanted
        at = next((place for place, (a, b) in enumerate(zip(body, other, strict=False)) if a != b), -60)
        around = slice(max(at - 60, 0), at + 60)
        pytest.fail(f"{path}: {status} {body[around]} instead of {other_status} {other[around]}")


def session_ids(agno):
    return [id for (id,) in agno.run("SELECT session_id FROM ai.agno_sessions ORDER BY 1")]


def lists():
    pages = [f"?limit={limit}&page={page}" for limit, page in ((20, 1), (3, 2), (1, 4), (50, 9), (1000, 1))]
    sorts = [f"?sort_by={sort}&sort_order={order}" for sort in SORTS for order in ("asc", "desc")]
    filters = ["?type=team", "?user_id=u1", "?session_name=a", "?session_name=nothing has this name"]
    return [f"/sessions{query}" for query in ("", *pages, *sorts, *filters)]


async def paths(client, agno):
    """Whatever can be read of a database, the previews apart."""
    found, previews = lists(), []
    for id in map(quote, session_ids(agno)):
        found += [f"/sessions/{id}{kind}" for kind in TYPES]
        found += [f"/sessions/{id}/runs{kind}" for kind in TYPES]
        found += [f"/sessions/{id}/runs?status=completed", f"/sessions/{id}/runs?created_after=1700000000"]
        previews += [f"/sessions/{id}/run-previews{kind}" for kind in TYPES]
        _, runs, _ = await answer(client, f"/sessions/{id}/runs?type=workflow")
        run_ids = {run.get("run_id") for run in json.loads(runs) if isinstance(run, dict)}
        found += [f"/sessions/{id}/runs/{quote(str(run_id))}" for run_id in sorted(map(str, run_ids))]
    return found, previews


async def same_in_pieces(client, agno, in_pieces):
    """Compare every answer; gives how many."""
    found, previews = await paths(client, agno)
    for sizes, asked in ((TINY, found), (TINY_PREVIEWS, previews)):
        for path in asked:
            in_pieces(None)
            at_once = await answer(client, path)
            in_pieces(sizes)
            assert_same(await answer(client, path), at_once, path)
    in_pieces(None)
    return len(found) + len(previews)


@pytest.fixture(params=["v3", "v2", "mixed", "odd", "v2_json"])
def contract(request, postgres):
    """A database with a data set of the contract."""
    agno = Agno(postgres, postgres.new_database("empty"))
    agno.run((DATASETS / f"dataset_{request.param.removesuffix('_json')}.sql").read_text())
    if request.param == "v2_json":
        agno.run(TO_JSON)
    return agno


@pytest.mark.timeout(180)  # hundreds of answers, each in tiny pieces
async def test_every_answer_of_the_contract_is_the_same_in_pieces(contract, serve, in_pieces):
    client = await serve(contract.dsn)
    assert await same_in_pieces(client, contract, in_pieces) > 60


async def test_every_change_is_answered_the_same_in_pieces(contract, serve, in_pieces):
    client = await serve(contract.dsn)
    for id in session_ids(contract):
        if "/" in id:  # no path leads there
            continue
        path = f"/sessions/{quote(id)}"
        name, metadata = {"session_name": "another name"}, {"metadata": {"a": ["text"] * 9}}
        await answer(client, f"{path}/rename", "POST", **name)
        contract.run("UPDATE ai.agno_sessions SET updated_at = 9")
        at_once = await answer(client, f"{path}/rename", "POST", **name)
        in_pieces(TINY)
        assert_same(await answer(client, f"{path}/rename", "POST", **name), at_once, path)
        status, patched, _ = await answer(client, path, "PATCH", **metadata)
        assert status == 200, (path, patched)
        patched_at = json.loads(patched)["updated_at"]
        in_pieces(None)
        _, as_read, _ = await answer(client, f"{path}/rename", "POST", **name)
        assert (status, json.loads(patched)) == (200, json.loads(as_read))
        assert patched_at != "1970-01-01T00:00:09Z"


async def test_a_created_session_is_answered_the_same_in_pieces(v3, serve, in_pieces):
    client = await serve(v3.dsn)
    messages = [{"role": "user", "content": "a question"}, {"role": "assistant", "content": "an answer"}]
    runs = [{"run_id": "r", "agent_id": "a", "messages": messages, "created_at": 5}]
    for body in ({}, {"metadata": {"a": 1}, "session_state": {"b": [2]}, "user_id": "u"}, {"runs": runs}):
        bodies = []
        for sizes in (None, TINY):
            in_pieces(sizes)
            v3.run("DELETE FROM ai.agno_sessions")
            status, created, _ = await answer(client, "/sessions", "POST", session_id="a", **body)
            assert status == 201
            bodies.append({**json.loads(created), "created_at": None, "updated_at": None})
            if runs := bodies[-1].get("chat_history"):
                assert [message["content"] for message in runs] == ["a question", "an answer"]
        assert bodies[0] == bodies[1]


class Values:
    """JSON of any shape out of the words that agents write, some of it long."""

    WORDS = (
        "content",
        "role",
        "id",
        "url",
        "images",
        "audio",
        "files",
        "videos",
        "metadata",
        "input",
        "messages",
        "input_content",
        "references",
        "metrics",
        "query",
        "time",
        "sdk",
        "framework",
        "total_tokens",
        "user",
        "assistant",
        "agent_id",
        "team_id",
        "workflow_id",
        "provider_data",
        "tool_calls",
        'a"b\\c',
        "é😀\n",
        "",
        "null",
    )

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        return self.random.choice([*self.WORDS, "text " * self.random.randint(0, 60), 'é"\\\n😀' * 9])

    def scalar(self):
        return self.random.choice([None, True, False, 0, 7, -2.5, 1.0, 10**20, 1760000000, self.text(), self.text()])

    def any(self, depth=0):
        kind = self.random.random()
        if depth > 2 or kind < 0.3:
            return self.scalar()
        if kind < 0.6:
            return [self.any(depth + 1) for _ in range(self.random.randint(0, 4))]
        return self.object(self.WORDS, depth)

    def object(self, names, depth=0):
        names = self.random.sample(names, self.random.randint(0, min(len(names), 6)))
        return {name: self.any(depth + 1) for name in names}

    def either(self, *values):
        """One of these, or anything."""
        return self.random.choice([*values, *values, *values, self.any()])

    def medium(self):
        return self.either(
            self.object(("id", "url", "content", "mime_type", "format", "metadata", "transcript", "size"))
        )

    def message(self):
        message = self.object(
            ("content", "reasoning_content", "tool_args", "tool_calls", "provider_data", "id", "name")
        )
        message["role"] = self.random.choice(["user", "assistant", "tool", "system", None])
        for name in self.random.sample(("images", "audio", "videos", "files"), 2):
            message[name] = self.either([self.medium() for _ in range(self.random.choice([0, 1, 3, 9]))])
        message["audio_output"] = self.medium()
        message["references"] = self.either({"query": self.text(), "references": self.any(), "other": 1}, {"other": 1})
        message["metrics"] = self.either({"input_tokens": 0, "total_tokens": 9, "provider_metrics": self.any()})
        message["created_at"] = self.either(1760000000, "1760000001")
        message["from_history"] = self.random.choice([True, False, None])
        return message

    def run(self, number):
        run = self.object(
            (
                "content",
                "reasoning_content",
                "tools",
                "events",
                "citations",
                "session_state",
                "metadata",
                "references",
                "step_results",
                "images",
                "files",
                "response_audio",
                "followups",
                "metrics",
            )
        )
        run |= {
            "run_id": f"r{number}",
            "status": self.either("COMPLETED", "ERROR"),
            "created_at": self.either(1760000000 + number),
        }
        for name in ("agent_id", "team_id", "workflow_id", "parent_run_id"):
            if self.random.random() < 0.4:
                run[name] = self.either("x")
        if self.random.random() < 0.8:
            run["messages"] = self.either([self.message() for _ in range(self.random.randint(0, 4))])
        if self.random.random() < 0.5:
            given = {"input_content": self.either(self.text(), [self.message()]), "images": [self.medium()] * 2}
            run["input"] = self.either(given, self.text())
        if self.random.random() < 0.3:
            step = {"messages": [self.message() for _ in range(2)]}
            run["step_executor_runs"] = self.either([step, step])
        return run

    def session(self):
        data = {"session_state": self.any(), "session_metrics": self.either({"total_tokens": 7, "a": self.text()})}
        if self.random.random() < 0.4:
            data["session_name"] = self.either(self.text())
        sdk = {"sdk": self.either("langgraph"), "framework": self.either("other"), "name": self.text()}
        return {
            "session_data": self.either(data),
            "agent_data": self.either(sdk, {"agent_id": "x"}),
            "team_data": self.any(),
            "workflow_data": self.either({"name": "Flow", "a": self.text()}),
            "metadata": self.either({"a": self.text(), "sdk": 5, "b": [1, 2]}),
            "summary": self.either(
                {"summary": self.text(), "topics": ["a", self.text()], "updated_at": "2026-01-01T00:00:00"}
            ),
        }


@pytest.mark.parametrize("layout", ["v3", "v2", "v2_json", "mixed"])
async def test_whatever_agents_write_is_the_same_in_pieces(new_agno, serve, in_pieces, layout):
    agno = new_agno(layout)
    values = Values(layout)
    for number in range(10):
        kind = values.random.choice(["agent", "team", "workflow", "robot"])
        runs = [values.run(number * 100 + place) for place in range(values.random.randint(0, 5))]
        half = len(runs) // 2 if layout == "mixed" else 0 if layout == "v3" else len(runs)
        columns = {} if layout == "v3" else {"runs": runs[:half]}
        session = {name: json.dumps(value) for name, value in values.session().items()}
        agno.session(f"s{number}", kind, user_id=f"u{number % 3}", agent_id="x", **columns, **session)
        for place, run in enumerate(runs[half:]):
            agno.add_run(f"s{number}", run.pop("run_id"), place, **run)
    client = await serve(agno.dsn)
    assert await same_in_pieces(client, agno, in_pieces) > 150
