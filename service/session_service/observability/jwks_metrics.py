"""Metrics of fetching keys for tokens, read at each scrape."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class JwksCollector(Collector):
    """Counts fetches by result, and reports the age of the keys in use once there are any."""

    def __init__(self, results: Mapping[Any, int], age: Callable[[], float]) -> None:
        self._results = results
        self._age = age

    def collect(self) -> Iterator[Metric]:
        """Yield the families of fetches and of the age of keys."""
        fetches = CounterMetricFamily("agno_session_jwks_fetches", "Fetches of AGNO_JWT_JWKS_URL.", labels=["result"])
        for result in ("ok", "failed"):
            fetches.add_metric([result], self._results.get(result, 0))
        yield fetches
        age = GaugeMetricFamily("agno_session_jwks_age_seconds", "How old the keys in use are, in seconds.")
        if math.isfinite(self._age()):
            age.add_metric([], self._age())
        yield age
