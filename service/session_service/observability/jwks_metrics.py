"""What became of fetching keys for tokens, read when it is scraped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class JwksCollector(Collector):
    """Counts fetches by their result, and tells the age of the keys in use from when there are any."""

    def __init__(self, results: Mapping[Any, int], age: Callable[[], float]) -> None:
        self._results = results
        self._age = age

    def collect(self) -> Iterator[Metric]:
        """The two families."""
        fetches = CounterMetricFamily("agno_session_jwks_fetches", "Fetches of AGNO_JWT_JWKS_URL.", labels=["result"])
        for result in ("ok", "failed"):
            fetches.add_metric([result], self._results.get(result, 0))
        yield fetches
        age = GaugeMetricFamily("agno_session_jwks_age_seconds", "How old the keys in use are, in seconds.")
        if math.isfinite(self._age()):
            age.add_metric([], self._age())
        yield age
