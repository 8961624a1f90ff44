"""An AgentOS with one workflow, which needs no model and no key: it repeats what it is told. Put your agents beside it.

Its database is `main` of the DSN map that the session service has, too.
"""

import json
import os
from pathlib import Path

from agno.db.postgres import PostgresDb
from agno.os import AgentOS
from agno.workflow import Step, StepInput, StepOutput, Workflow

dsn = json.loads(Path(os.environ["AGNO_SESSION_DSN_MAP_FILE"]).read_text())["main"]
database = PostgresDb(id="main", db_url=dsn.replace("postgresql://", "postgresql+psycopg://", 1))


def repeat(given: StepInput) -> StepOutput:
    """Answer with the message itself."""
    return StepOutput(content=f"You said: {given.get_input_as_string()}")


echo = Workflow(id="echo", name="Echo", steps=[Step(name="repeat", executor=repeat)], db=database)
app = AgentOS(id="example", telemetry=False, workflows=[echo]).get_app()
