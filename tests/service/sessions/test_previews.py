import json
from typing import Any

import pytest

from session_service.sessions.previews import run_preview
from session_service.sessions.runs import Run

from .records import cases, ordered, record, text


@pytest.mark.parametrize("case", cases("previews.json"))
def test_a_run_is_previewed(case: dict[str, Any]) -> None:
    preview = run_preview(Run(text(case["run"]) or b""), record(), case["listed_as"])
    assert ordered(preview) == json.dumps(case["shows"])
