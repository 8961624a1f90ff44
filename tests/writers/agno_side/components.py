"""The agents, teams and workflows that write the sessions; the same for every release of agno."""

import inspect
from typing import Any

from agno.agent import Agent
from agno.db.postgres import PostgresDb
from agno.media import Image
from agno.team import Team
from agno.tools import tool
from agno.tools.function import ToolResult
from agno.workflow import Condition, Loop, Parallel, Step, StepInput, StepOutput, Workflow
from model import PIXEL, Parrot
from pydantic import BaseModel

try:
    from agno.workflow.types import HumanReview

    REVIEW = {"human_review": HumanReview(requires_confirmation=True, confirmation_message="Really?")}
except ImportError:  # before 2.6 a workflow does not wait for anybody
    REVIEW = {}


class Place(BaseModel):
    """What the structured agent answers."""

    city: str
    stars: int


@tool
def weather(city: str) -> str:
    """What the weather is."""
    return f'{{"city": "{city}", "sky": "clear ☀"}}'


@tool
def photograph(of: str) -> ToolResult:
    """A picture, as a tool makes one."""
    return ToolResult(content=f"A picture of {of}", images=[Image(id="shot", content=PIXEL, mime_type="image/png")])


@tool(requires_confirmation=True)
def book(seats: int) -> str:
    """Books seats, once a person has said yes."""
    return f"{seats} booked"


@tool
def break_down() -> str:
    """Never works."""
    raise RuntimeError("out of order")


def parameters(kind: type) -> list[str]:
    """What this release can be told to make one."""
    return list(inspect.signature(kind.__init__).parameters)


def known(kind: type, **words: Any) -> Any:
    """An object of agno's, made with those words that this release knows."""
    return kind(**{name: value for name, value in words.items() if name in parameters(kind)})


def component(kind: type, db: PostgresDb | None, id: str, **words: Any) -> Any:
    """An agent or a team that remembers what was said."""
    return known(
        kind,
        id=id,
        name=id.title(),
        model=Parrot(),
        db=db,
        telemetry=False,
        add_history_to_context=True,
        num_history_runs=20,
        **words,
    )


def agent(db: PostgresDb | None, id: str, **words: Any) -> Agent:
    """An agent that remembers what was said."""
    return component(Agent, db, id, **words)


def planner(db: PostgresDb) -> Agent:
    """An agent with tools, state, metadata, events and summaries."""
    return agent(
        db,
        "planner",
        tools=[weather, photograph, book, break_down],
        session_state={"seats": 2, "Ünïcode": ["ß", None]},
        metadata={"tier": "gold"},
        store_events=True,
        store_media=True,
        enable_session_summaries=True,
    )


def structured(db: PostgresDb) -> Agent:
    """An agent whose content is an object."""
    return agent(db, "structured", output_schema=Place, use_json_mode=True)


def team(db: PostgresDb | None, id: str, members: list[Any], **words: Any) -> Team:
    """A team that keeps what its members said."""
    return component(Team, db, id, members=members, store_member_responses=True, **words)


def travel(db: PostgresDb) -> Team:
    """A team with a member, and with a team as a member."""
    guide = agent(None, "guide", tools=[weather])
    hotels = team(None, "hotels", [agent(None, "finder", tools=[weather])])
    return team(
        db,
        "travel",
        [guide, hotels],
        tools=[book],
        session_state={"trip": "Vienna"},
        store_events=True,
        store_media=True,
        enable_session_summaries=True,
    )


def shout(step: StepInput) -> StepOutput:
    """A step that is a function."""
    return StepOutput(content=str(step.previous_step_content or step.input).upper(), images=step.images)


def report(db: PostgresDb) -> Workflow:
    """A workflow of functions, an agent, a team, two at a time, a condition, a loop, and a workflow."""
    writer = agent(None, "writer", tools=[weather, photograph])
    reviewers = team(None, "reviewers", [agent(None, "reader")])
    inner = known(Workflow, id="inner", name="Inner", steps=[Step(name="deep", executor=shout)], telemetry=False)
    nested = [known(Step, name="nested", workflow=inner)] if "workflow" in parameters(Step) else []
    return workflow(
        db,
        "report",
        [
            Step(name="write", agent=writer),
            Step(name="shout", executor=shout),
            Parallel(Step(name="left", agent=agent(None, "left")), Step(name="right", executor=shout), name="both"),
            Condition(name="perhaps", evaluator=lambda _: True, steps=[Step(name="then", executor=shout)]),
            Loop(name="again", steps=[Step(name="once more", executor=shout)], max_iterations=2),
            Step(name="team", team=reviewers),
            *nested,
        ],
    )


def booking(db: PostgresDb) -> Workflow:
    """A workflow that waits for a person before its step, where this release knows that."""
    return workflow(db, "booking", [known(Step, name="book", executor=shout, **REVIEW)])


def workflow(db: PostgresDb, id: str, steps: list[Any]) -> Workflow:
    """A workflow with state, metadata and events."""
    return known(
        Workflow,
        id=id,
        name=id.title(),
        description="Writes it up",
        db=db,
        steps=steps,
        telemetry=False,
        store_events=True,
        store_media=True,
        session_state={"pages": 1},
        metadata={"tier": "gold"},
    )


OF_SESSIONS = {"planner": planner, "structured": structured, "travel": travel, "report": report, "booking": booking}
