"""What AgentOS' users do with sessions, against the Service of a SessionStore."""

import json
from pathlib import Path

import pytest

from .cluster import Cluster
from .postgres import NAMESPACE as POSTGRES_NAMESPACE
from .postgres import Database
from .store import Store

HERE = Path(__file__).parent
AGNO_PYTHON = HERE.parents[1] / ".venv-agentos/bin/python"

pytestmark = pytest.mark.timeout(300, func_only=True)


def test_agnos_own_client_lists_reads_renames_and_deletes_what_agno_wrote(
    cluster: Cluster, store: Store, database: Database
) -> None:
    with cluster.forward(POSTGRES_NAMESPACE, "service/postgres", 5432) as port:
        url = database.url("127.0.0.1", port, "postgresql+psycopg")
        cluster.run(AGNO_PYTHON, HERE / "agno_writes.py", stdin=url)
    store.create({"main": database.dsn})
    store.wait_until_ready()

    with cluster.forward(store.namespace, f"service/{store.name}", 80) as port:
        seen = json.loads(cluster.run(AGNO_PYTHON, HERE / "agno_reads.py", f"http://127.0.0.1:{port}"))

    question = "How do I get to Vienna?"
    assert seen == {
        "listed": {"agent-1": question, "team-1": "Trip", "workflow-1": "Weekly report"},
        "state": {"seats": 2},
        "history": [question, "By train."],
        "runs": {"agent-1": ["By train."], "team-1": ["Booked."], "workflow-1": ["Done."]},
        "renamed": "Vienna",
        "listed afterwards": {"agent-1": "Vienna", "workflow-1": "Weekly report"},
    }
