"""Runs the tests of a folder on each wanted version of PostgreSQL, and counts them by version."""

from __future__ import annotations

import pytest

from .programs import wanted


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """For the conftest of a folder: its tests that have a server, on each version."""
    if "postgres_version" in metafunc.fixturenames:
        metafunc.parametrize("postgres_version", wanted(), ids=lambda version: f"pg{version}", scope="session")
