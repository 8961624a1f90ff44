"""Logs: JSON for machines, text for a terminal, in one form whoever logs."""

import io
import json
import logging

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
