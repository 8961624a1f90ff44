"""docker-compose.session.yml: what Docker Compose takes, and what the programs in it read."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from session_service.settings import VARIABLES, Settings

ROOT = Path(__file__).parents[2]
MODULE = "github.com/compose-spec/compose-go/v2"
FILE = yaml.safe_load((ROOT / "docker-compose.session.yml").read_text())
SERVICES = FILE["services"]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.fixture(scope="module")
def schema() -> Any:
    """The schema of compose files, out of the module that Docker Compose reads them with."""
    place = Path(__file__).parent / "compose-spec"
    subprocess.run(["go", "mod", "download", MODULE], cwd=place, capture_output=True, check=True)
    command = ["go", "list", "-m", "-f", "{{.Dir}}", MODULE]
    directory = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True).stdout.strip()
    return json.loads((Path(directory) / "schema/compose-spec.json").read_text())


def test_it_follows_the_compose_specification(schema: Any) -> None:
    jsonschema.validate(FILE, schema)


@pytest.mark.parametrize(
    "wrong",
    [
        {"services": {"sessions": {"image": "x", "port": [8080]}}},
        {"services": {"sessions": {"image": "x", "depends_on": {"postgres": {"condition": "healthy"}}}}},
    ],
    ids=["unknown key", "unknown condition"],
)
def test_what_is_wrong_is_noticed(schema: Any, wrong: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)


def test_postgresql_and_the_service_are_enough_and_the_rest_is_a_profile() -> None:
    assert {name for name, service in SERVICES.items() if "profiles" not in service} == {"postgres", "sessions"}
    assert {tuple(service["profiles"]) for service in SERVICES.values() if "profiles" in service} == {("agentos",)}


def test_each_waits_until_what_it_needs_is_healthy() -> None:
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert SERVICES[needed]["healthcheck"]["test"][0] == "CMD"  # the image of the service has no shell


def test_the_service_reads_what_it_is_given() -> None:
    environment = {name: substituted(value) for name, value in SERVICES["sessions"]["environment"].items()}
    assert set(environment) <= {variable.name for variable in VARIABLES}
    place = environment.pop("AGNO_SESSION_DSN_MAP_FILE")
    assert place.removeprefix("/run/secrets/") in SERVICES["sessions"]["secrets"]

    settings = Settings.load(environment | {"AGNO_SESSION_DSN_MAP_FILE": str(secret_file("dsn-map.json"))})

    assert list(settings.databases.sources) == ["main"]
    [source] = settings.databases.sources["main"]
    assert f"password={secret_file('postgres-password').read_text().strip()} " in f"{source.dsn.text} "


def test_no_dsn_and_no_password_is_a_variable_and_each_file_is_mounted_where_it_is_read() -> None:
    for service in SERVICES.values():
        files = {value for name, value in service.get("environment", {}).items() if name.endswith("_FILE")}
        assert files == {f"/run/secrets/{name}" for name in service.get("secrets", ())}
        for name, value in service.get("environment", {}).items():
            assert "://" not in value
            assert name.endswith("_FILE") or "PASSWORD" not in name
    assert {name for service in SERVICES.values() for name in service.get("secrets", ())} == set(FILE["secrets"])


def test_images_of_the_project_have_its_version_and_are_built_from_it() -> None:
    for service in SERVICES.values():
        if "build" in service:
            assert service["image"].endswith(f":{VERSION}")
            assert (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_nginx_leads_to_services_of_the_file() -> None:
    (mount,) = SERVICES["nginx"]["volumes"]
    upstreams = re.findall(r"server (\w+):(\d+);", (ROOT / mount.split(":")[0]).read_text())

    assert {name for name, _ in upstreams} == {"sessions", "agentos"} == set(SERVICES["nginx"]["depends_on"])
    for name, port in upstreams:
        assert f":{port}/" in SERVICES[name]["healthcheck"]["test"][-1]


def test_nothing_is_reachable_from_other_machines() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def secret_file(name: str) -> Path:
    """The file of a secret where no variable names another; containers read it as another user."""
    path = ROOT / substituted(FILE["secrets"][name]["file"])
    assert path.stat().st_mode & 0o004
    return path


def substituted(text: str) -> str:
    """What Compose makes of `${NAME:-default}` where NAME is not set."""
    return re.sub(r"\$\{\w+:-(.*?)\}", r"\1", text)
