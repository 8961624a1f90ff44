"""An AgentOS with one workflow, which needs no model and no key: it repeats what it is told. Put your agents beside it.

Its database has the id `main`, as it has for the session service.
"""

import os

from agno.db.postgres import PostgresDb
from agno.os import AgentOS
from agno.workflow import Step, StepInput, StepOutput, Workflow

database = PostgresDb(id="main", db_url=os.environ["DATABASE_URL"])


def repeat(given: StepInput) -> StepOutput:
    """Answer with the message itself."""
    return StepOutput(content=f"You said: {given.get_input_as_string()}")


echo = Workflow(id="echo", name="Echo", steps=[Step(name="repeat", executor=repeat)], db=database)
app = AgentOS(id="example", telemetry=False, workflows=[echo]).get_app()
