import json
from typing import Any

import pytest

from session_service.sessions.chat_history import chat_history
from session_service.store.records import RunMessages

from .records import cases, ordered, text


def history(*runs: RunMessages, created_at: int = 3) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(chat_history(runs, session_created_at=created_at))
    return shown


def asked(*messages: Any, run_id: str | None = "r", created_at: Any = 7) -> RunMessages:
    return RunMessages(text(run_id), text(created_at), text(list(messages)))


@pytest.mark.parametrize("case", cases("messages.json"))
def test_messages_of_a_run_are_shown(case: dict[str, Any]) -> None:
    run = RunMessages(b'"g-1"', b"7", text(case["messages"]))
    assert ordered(chat_history([run], session_created_at=3)) == json.dumps(case["shows"])


def test_runs_follow_each_other_as_they_are_stored() -> None:
    runs = [asked({"content": "late"}, run_id="b"), asked({"content": "early"}, run_id="a")]
    assert [message["content"] for message in history(*runs)] == ["late", "early"]


def test_a_run_without_messages_adds_nothing() -> None:
    assert history(RunMessages(b'"r"', b"7", None), RunMessages(b'"r"', b"7", b"null")) == []


def test_a_message_without_an_id_gets_the_same_one_every_time() -> None:
    runs = [asked({"role": "user"}, {"role": "user"}), asked({"role": "user"}, run_id="other")]
    ids = [message["id"] for message in history(*runs)]
    assert ids == [message["id"] for message in history(*runs)]
    assert len(set(ids)) == 3


def test_media_without_an_id_get_the_same_one_every_time() -> None:
    pictures = asked({"images": [{"url": "a"}, {"url": "b"}]}, {"images": [{"url": "a"}]})
    ids = [image["id"] for message in history(pictures) for image in message["images"]]
    assert ids == [image["id"] for message in history(pictures) for image in message["images"]]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("run_created_at", "shown"),
    [(7, 7), (7.9, 7), ("1970-01-01T00:01:00Z", 60), ("1970-01-01T00:01:00", 60), (None, 3), ("noon", 3), (1e300, 3)],
)
def test_a_message_without_a_time_has_its_runs_or_its_sessions(run_created_at: Any, shown: int) -> None:
    assert history(asked({"role": "user"}, created_at=run_created_at))[0]["created_at"] == shown


def test_messages_of_columns_of_type_json_are_shown_without_what_is_empty() -> None:
    stored = b' [ { "content" : [ ] , "tool_args" : { } , "provider_data" : { "a" : 1 } , "images" : [ ] } ] '
    shown = history(RunMessages(b'"r"', b"7", stored))[0]
    assert (shown["provider_data"], {"content", "tool_args", "images"} & set(shown)) == ({"a": 1}, set())


def test_where_a_medium_is_kept_has_the_order_of_its_class() -> None:
    names = ["media_id", "storage_key", "session_id", "storage_backend", "bucket", "region", "url", "mime_type"]
    names += ["filename", "size", "content_hash", "media_type", "metadata"]
    stored = {name: name for name in sorted(names)} | {"region": None, "odd": 1}
    [message] = history(asked({"role": "user", "content": "c", "images": [{"id": "i", "media_reference": stored}]}))
    names.remove("region")
    assert list(message["images"][0]["media_reference"].items()) == [(name, name) for name in names]
    [message] = history(asked({"role": "user", "content": "c", "files": [{"id": "i", "media_reference": {"odd": 1}}]}))
    assert message["files"][0]["media_reference"] == {"odd": 1}
