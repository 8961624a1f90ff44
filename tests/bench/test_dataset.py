"""The generated sessions: the same from the same seed, and of the announced sizes."""

import json

from .dataset import FIRST_SESSION, Generator


def made(seed):
    return list(Generator(seed).sessions(60, 1))


def test_a_seed_gives_the_same_sessions():
    assert made(3) == made(3)
    assert made(3) != made(4)


def test_sessions_have_the_announced_numbers_and_sizes():
    whale, *sessions = made(3)
    assert len(whale.runs) == 200
    assert all(1 <= len(session.runs) <= 40 for session in sessions)
    sizes = [len(json.dumps(run["run_data"])) for session in sessions for run in session.runs]
    assert min(sizes) > 4_000
    assert max(sizes) < 80_000
    named = ["session_name" in session.row["session_data"] for session in sessions]
    assert named.count(True) == 30
    assert sessions[0].row["session_id"] == str(FIRST_SESSION + 1)
