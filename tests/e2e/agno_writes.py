"""Write sessions into a database with agno itself. Run by the Python of .venv-agentos; stdin gives the URL."""

import sys

from agno.db.postgres import PostgresDb
from agno.models.message import Message
from agno.run.agent import RunOutput
from agno.run.base import RunStatus
from agno.run.team import TeamRunOutput
from agno.run.workflow import WorkflowRunOutput
from agno.session import AgentSession, TeamSession, WorkflowSession

URL = sys.stdin.read()
USER = "ada"


def talk(question: str, answer: str) -> list[Message]:
    """A question and its answer."""
    return [Message(role="user", content=question), Message(role="assistant", content=answer)]


AT = 1_790_000_000
db = PostgresDb(db_url=URL, id="main")
agent_run = RunOutput(
    run_id="run-1",
    session_id="agent-1",
    agent_id="planner",
    user_id=USER,
    content="By train.",
    messages=talk("How do I get to Vienna?", "By train."),
    status=RunStatus.completed,
)
team_run = TeamRunOutput(
    run_id="run-2",
    session_id="team-1",
    team_id="travel",
    user_id=USER,
    content="Booked.",
    messages=talk("Book it.", "Booked."),
    status=RunStatus.completed,
)
workflow_run = WorkflowRunOutput(
    run_id="run-3",
    session_id="workflow-1",
    workflow_id="report",
    workflow_name="report",
    user_id=USER,
    input="Weekly report",
    content="Done.",
    status=RunStatus.completed,
)
for session, run in (
    (
        AgentSession(
            session_id="agent-1",
            agent_id="planner",
            user_id=USER,
            created_at=AT,
            session_data={"session_state": {"seats": 2}},
        ),
        agent_run,
    ),
    (
        TeamSession(
            session_id="team-1", team_id="travel", user_id=USER, created_at=AT, session_data={"session_name": "Trip"}
        ),
        team_run,
    ),
    (
        WorkflowSession(session_id="workflow-1", workflow_id="report", user_id=USER, created_at=AT, session_data={}),
        workflow_run,
    ),
):
    db.upsert_session(session)
    db.upsert_run(run, session_id=run.session_id, user_id=USER, run_index=0)
