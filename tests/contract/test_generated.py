"""Generated requests to AgentOS and to the service."""

import pytest

from .deliberate import RULED, Expectations
from .generation import EACH, GENERATED, cases, generated
from .servers import CONFIGURATIONS, Servers
from .sidebyside import departures, observe
from .tally import Tally
from .vocabulary import STORED


@pytest.mark.parametrize("route", GENERATED)
def test_the_service_answers_generated_requests_as_agentos(
    route: str, expectations: Expectations, service: Servers, tally: Tally
) -> None:
    wrong = []
    for configuration, request in cases(route):
        expected = expectations.of(configuration, request)
        found = departures(expected.outcome, observe(service[configuration], request))
        tally.note("generated", route, same=not found, deliberate=bool(expected.differences))
        if found:
            names = ", ".join(sorted(expected.differences))
            wrong.append("\n".join([f"{configuration} {request} {names}", *found]))
    assert not wrong, "\n\n".join(wrong)


def test_every_rule_is_met(expectations: Expectations) -> None:
    asked = [expectations.of(*case).differences for route in GENERATED for case in cases(route)]
    assert set().union(*asked) == RULED


def test_generated_requests_are_many_and_of_every_kind() -> None:
    everything = [case for route in GENERATED for case in generated(route)]
    assert len({str(request) for _, request in everything}) >= 480
    for route in GENERATED:
        asked = [configuration for configuration, _ in generated(route)]
        assert {each: asked.count(each) for each in CONFIGURATIONS} == dict.fromkeys(CONFIGURATIONS, EACH)
    own = [
        request
        for (dataset, _), request in generated("PATCH /sessions/{session_id}")
        if STORED[dataset].types.get(request.session_id) == request.query.get("type") == "workflow"
    ]
    assert own
