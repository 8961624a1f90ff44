"""Requests made from the OpenAPI document, by schemathesis: each answer is one that the document knows."""

import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from session_service import __version__
from session_service.http.openapi import document
from tests.service.agno import Agno
from tests.service.process import serving

SCHEMA = schemathesis.openapi.from_dict(document(__version__))
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(postgres):
    """The URL of a service over a few sessions."""
    agno = Agno(postgres, postgres.new_database("v3"))
    for id in ("a", "b", "c"):
        agno.session(id)
    async with serving(AGNO_PG_DSN=agno.dsn, AGNO_DRAIN_SECONDS="0") as service:
        yield service.url
    postgres.run(f"DROP DATABASE {agno.name}")


@pytest.mark.timeout(180)  # 25 examples a route
@SCHEMA.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_the_service_answers_as_the_document_says(case, url):
    answer = case.call(base_url=url)
    assert answer.status_code < 500 or answer.status_code in {503, 504}
    assert "Traceback" not in answer.text
    case.validate_response(answer, checks=CHECKS)
