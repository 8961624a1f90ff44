"""Every recorded exchange, against AgentOS itself and against the service."""

import pytest

from .examples import EXAMPLES, Example, replay
from .servers import Servers

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=[example["name"] for example in EXAMPLES])


@every_example
def test_agentos_answers_as_recorded(example: Example, agentos: Servers) -> None:
    assert not replay(example, agentos[example["setup"], example["server"]])
