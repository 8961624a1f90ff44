"""Generated requests to AgentOS and to the service."""

import pytest
from hypothesis import HealthCheck, given, settings

from .deliberate import deliberate
from .generation import GENERATED
from .servers import Servers
from .sidebyside import departures
from .tally import Tally

EACH = 40


@pytest.mark.parametrize("route", GENERATED)
def test_the_service_answers_generated_requests_as_agentos(
    route: str, agentos: Servers, service: Servers, tally: Tally
) -> None:
    @settings(
        max_examples=EACH, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(GENERATED[route])
    def check(drawn) -> None:  # type: ignore[no-untyped-def]
        configuration, request = drawn
        found, expected, answer = departures(request, agentos[configuration], service[configuration])
        row = deliberate(request, expected) if found and answer.status < 500 else None
        if row:
            found = []
        tally.note("generated", route, same=not found, deliberate=row is not None)
        assert not found, "\n".join([f"{configuration} {request}", *found])

    check()
