"""The store is tested on several versions of PostgreSQL."""

from tests.postgresql.plugin import pytest_generate_tests  # noqa: F401
from tests.service.http.conftest import serve  # noqa: F401
