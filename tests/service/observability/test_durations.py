"""A histogram in plain numbers counts as that of prometheus-client does."""

import random

from prometheus_client import CollectorRegistry, Histogram

from session_service.observability.durations import BOUNDS, Durations


def test_it_counts_as_prometheus_does():
    registry = CollectorRegistry()
    theirs, ours = Histogram("d", "", buckets=BOUNDS, registry=registry), Durations()
    for seconds in [*BOUNDS, 0.0, 1e9, *(random.expovariate(10) for _ in range(1000))]:
        theirs.observe(seconds)
        ours.add(seconds)
    [family] = registry.collect()
    buckets = [(sample.labels["le"], sample.value) for sample in family.samples if sample.name == "d_bucket"]
    assert ours.buckets == buckets
    assert ours.sum == next(sample.value for sample in family.samples if sample.name == "d_sum")


def test_two_are_added_up():
    one, other = Durations(), Durations()
    one.add(0.5)
    other.add(70.0)
    one.include(other)
    assert one.sum == 70.5
    assert one.buckets[-2:] == [("60.0", 1.0), ("+Inf", 2.0)]
