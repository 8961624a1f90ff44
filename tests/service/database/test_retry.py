"""How long a database that could not be reached is left alone."""

import pytest

from session_service.database.retry import Retry


def test_pauses_double_up_to_the_longest_and_vary_by_a_fifth():
    retry = Retry(32)
    pauses = [retry.failed() for _ in range(40)]
    for pause, middle in zip(pauses, [1, 2, 4, 8, 16, *[32] * 35], strict=True):
        assert 0.8 * middle <= pause <= 1.2 * middle
    assert len(set(pauses)) == 40


def test_one_success_forgets_all_failures():
    now = 100.0
    retry = Retry(32, lambda: now)
    assert (retry.failures, retry.seconds_left) == (0, 0)
    pause = retry.failed()
    assert retry.seconds_left == pytest.approx(pause)
    now += pause + 0.001
    assert (retry.failures, retry.seconds_left) == (1, 0)
    retry.failed()
    retry.succeeded()
    assert (retry.failures, retry.seconds_left) == (0, 0)
    assert retry.failed() <= 1.2
