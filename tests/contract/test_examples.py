"""Every recorded exchange, against AgentOS itself and against the service."""

import pytest

from .deliberate import OF_EXAMPLES
from .examples import EXAMPLES, Example, replay, request
from .servers import Servers
from .tally import Tally, route

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=[example["name"] for example in EXAMPLES])


@every_example
def test_agentos_answers_as_recorded(example: Example, agentos: Servers, tally: Tally) -> None:
    found = replay(example, agentos[example["setup"], example["server"]])
    tally.note("agentos", route(request(example["request"])), same=not found)
    assert not found, "\n".join(found)


@every_example
def test_the_service_answers_as_agentos(example: Example, service: Servers, tally: Tally) -> None:
    ours = OF_EXAMPLES.get(example["name"], {})
    found = replay(example | ours, service[example["setup"], example["server"]])
    tally.note("service", route(request(example["request"])), same=not found, deliberate=bool(ours))
    assert not found, "\n".join(found)
