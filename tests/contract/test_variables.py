"""agno's own variables, as its source has them: the service leaves them alone."""

import re

from session_service.spelling import AGNOS_OWN
from session_service.variables import VARIABLES

from .servers import AGENTOS_PYTHON

PACKAGES = next((AGENTOS_PYTHON.parents[1] / "lib").glob("python*/site-packages"))


def test_every_variable_that_agno_reads_is_known_to_be_its_own() -> None:
    sources = [text for name in ("agno", "agnoctl") for text in (PACKAGES / name).rglob("*.py")]
    read = {name for source in sources for name in re.findall(r"[\"'](AGNO_[A-Z0-9_]+)[\"']", source.read_text())}
    settings = (PACKAGES / "agno/api/settings.py").read_text().partition('SettingsConfigDict(env_prefix="AGNO_")')[0]
    read |= {f"AGNO_{field.upper()}" for field in re.findall(r"^    (\w+): \w+ =", settings, re.MULTILINE)}

    assert {"AGNO_DEBUG", "AGNO_TELEMETRY_TIMEOUT", "AGNO_AUTH_HEADER"} <= read
    assert read <= AGNOS_OWN | {variable.name for variable in VARIABLES}
