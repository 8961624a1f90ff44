"""What the comparison with AgentOS is worth: each fault that is put into the service on purpose is caught."""

from dataclasses import replace

import pytest

from .deliberate import Expectations
from .faults import FAULTS
from .generation import cases
from .servers import Servers
from .sidebyside import departures, observe
from .spoiling import InAnswers, InRows


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_is_caught_on_each_route_and_beside_each_deliberate_difference(
    fault: InAnswers | InRows, expectations: Expectations, service: Servers
) -> None:
    caught: set[tuple[str, ...]] = set()
    for route in fault.routes:
        for configuration, request in cases(route):
            expected = expectations.of(configuration, request)
            kind = (route, *sorted(expected.differences))
            if kind in caught or not fault.may_strike(expected.outcome):
                continue
            got = observe(replace(service[configuration], fault=fault), request)
            if fault.struck:
                assert departures(expected.outcome, got), f"{configuration} {request}"
                caught.add(kind)
        assert any(kind[0] == route for kind in caught), f"no exchange of {route} was spoiled"
    print("\n".join(" ".join(kind) for kind in sorted(caught)))
