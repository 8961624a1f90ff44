"""Logs: JSON for machines, text for a terminal, in one form whoever logs."""

import asyncio
import io
import json
import logging
from datetime import UTC, datetime

import pytest

from session_service.observability import logs


@pytest.fixture
def written():
    """Configures logs and gives what was written since."""
    streams = []

    def configure(form, level="info"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        streams.append(stream)
        logs.configure(form, level, stream)
        return lambda: stream.buffer.getvalue().decode()

    before = logging.getLogger().level
    yield configure
    logs.configure()
    logging.getLogger().setLevel(before)


def test_json_is_one_object_a_line_with_the_same_members_whoever_logs(written):
    text = written("auto")
    logs.logger("ours").info("request", status=200)
    logging.getLogger("theirs").warning("odd: %s", "é\ud800")
    ours, theirs = map(json.loads, text().splitlines())
    assert (ours["level"], ours["logger"], ours["event"], ours["status"]) == ("info", "ours", "request", 200)
    assert (theirs["level"], theirs["logger"], theirs["event"]) == ("warning", "theirs", "odd: é?")
    assert ours["time"] <= theirs["time"]
    assert ours["time"].endswith("Z")


def test_an_exception_is_one_line_too(written):
    text = written("json")
    try:
        raise LookupError("lost")  # noqa: TRY301
    except LookupError:
        logging.getLogger("theirs").exception("failed")
    [line] = text().splitlines()
    assert "LookupError: lost" in json.loads(line)["exception"]


def test_text_reads_well(written):
    text = written("text")
    logs.logger("ours").info("request", status=200)
    logging.getLogger("theirs").warning("odd")
    ours, theirs = text().splitlines()
    assert "request" in ours
    assert "status=200" in ours
    assert "odd" in theirs
    assert "\x1b" not in text()


def test_what_is_below_the_level_is_not_written_but_for_the_audit_log(written):
    text = written("json", "error")
    logs.logger("ours").warning("no")
    logging.getLogger("theirs").warning("no")
    logs.audit_logger().info("create")
    [line] = text().splitlines()
    assert (json.loads(line)["logger"], json.loads(line)["event"]) == (logs.AUDIT, "create")


def test_configuring_twice_does_not_write_twice(written):
    written("json")
    text = written("json")
    logging.getLogger("theirs").warning("once")
    assert len(text().splitlines()) == 1


class Counting(io.BytesIO):
    """Counts how often it is written to."""

    writes = 0

    def write(self, data):
        self.writes += 1
        return super().write(data)


@pytest.fixture
def counted():
    raw = Counting()
    logs.configure("json", "info", io.TextIOWrapper(raw, encoding="utf-8"))
    yield raw
    logs.configure()


async def test_the_lines_of_one_turn_of_the_loop_are_written_at_once(counted):
    logger = logs.logger("x")
    logger.info("one")
    logs.audit_logger().info("two")
    assert counted.writes == 0
    await asyncio.sleep(0)
    assert counted.writes == 1
    assert [json.loads(line)["event"] for line in counted.getvalue().splitlines()] == ["one", "two"]


def test_no_line_is_lost_with_the_loop_that_it_was_written_in(counted):
    logger = logs.logger("x")

    async def log_last():
        logger.info("last of a loop")

    loop = asyncio.new_event_loop()
    loop.run_until_complete(log_last())
    loop.close()
    logger.info("without a loop")
    assert [json.loads(line)["event"] for line in counted.getvalue().splitlines()] == [
        "last of a loop",
        "without a loop",
    ]


def test_times_are_of_utc_and_grow(counted):
    logger = logs.logger("x")
    before = datetime.now(UTC)
    for _ in range(3):
        logger.info("now")
    told = [datetime.fromisoformat(json.loads(line)["time"]) for line in counted.getvalue().splitlines()]
    times = [before, *told, datetime.now(UTC)]
    assert times == sorted(times)
