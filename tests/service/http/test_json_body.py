"""A long body is read as a short one is, and refused in the same words."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.http import json_body
from session_service.http.errors import ApiError
from session_service.http.json_body import read_body
from session_service.http.parameters import BulkDeleteBody, CreateBody, PatchBody, RenameBody
from session_service.sessions import long_json
from session_service.sessions.long_json import LongJson
from tests.service.sessions.test_json_syntax import texts, values

NAMES = ["session_id", "session_name", "session_state", "metadata", "runs", "summary", "session_ids", "session_types"]
lists = st.lists(st.sampled_from(["agent", "x", 1, {}, {"run_id": "a"}]), max_size=4)
bodies = st.dictionaries(st.sampled_from([*NAMES, "other"]), values | lists, max_size=4).map(json.dumps)


def outcome(body, into, longest):
    """What is read, or how it is refused, where what is longer counts as long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_json, "LONG", longest)
        patch.setattr(json_body, "LONG", longest)
        patch.setattr(long_json, "WINDOW", 12)
        try:
            found = read_body(bytearray(body), is_json=True, into=into, absent={}, embedded=into is RenameBody)
        except ApiError as error:
            return error.status, error.detail
        if isinstance(found, list):
            return found
        return {name: value.decoded() if isinstance(value, LongJson) else value for name, value in found}


@settings(max_examples=200, deadline=None)
@given(text=texts | bodies, into=st.sampled_from([CreateBody, RenameBody, PatchBody, BulkDeleteBody]))
def test_a_long_body_is_read_as_a_short_one(text, into):
    body = text.encode(errors="surrogatepass")
    # a null is never long
    assert repr(outcome(body, into, len("null"))) == repr(outcome(body, into, 2**20))
