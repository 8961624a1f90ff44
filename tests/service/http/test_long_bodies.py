"""Bodies within their limits: how long each may be, what a refusal repeats of it, and how many are held at a time."""

import asyncio
import io
import json
import threading

import pytest

from session_service.http import bodies as module
from session_service.http.bodies import ROOM_BESIDE, Bodies
from session_service.http.parameters import LONGEST_INPUT, MOST_PROBLEMS, SHORT_BODY
from session_service.sessions.long_json import LONG

JSON = {"Content-Type": "application/json"}
CREATE = ("POST", "/sessions")
PATCH = ("PATCH", "/sessions/s")
RENAME = ("POST", "/sessions/s/rename")
BULK_DELETE = ("DELETE", "/sessions")


async def ask(client, route, body):
    data = io.BytesIO(body) if isinstance(body, bytes) else body
    async with client.request(*route, data=data, headers=JSON) as answer:
        return answer.status, await answer.json() if answer.status != 204 else None


@pytest.fixture
async def client(serve, v3):
    return await serve(v3.dsn)


def of_size(size, opening=b'{"session_name":"', closing=b'"}'):
    return opening + b"x" * (size - len(opening) - len(closing)) + closing


@pytest.mark.parametrize("route", [RENAME, BULK_DELETE])
@pytest.mark.parametrize("pieces", [False, True])
async def test_a_name_or_ids_of_more_than_a_mebibyte_are_too_large(client, route, pieces):
    async def in_pieces(body):
        for at in range(0, len(body), 2**16):
            yield body[at : at + 2**16]

    for size, statuses in ((SHORT_BODY, {404, 422}), (SHORT_BODY + 1, {413})):
        body = of_size(size)
        status, answer = await ask(client, route, in_pieces(body) if pieces else body)
        assert status in statuses
    assert answer == {"detail": f"The body is larger than {SHORT_BODY} bytes"}


@pytest.mark.parametrize("route", [CREATE, PATCH])
async def test_a_session_may_be_as_long_as_the_setting_says(client, serve, v3, route):
    assert (await ask(client, CREATE, b'{"session_id":"s"}'))[0] == 201
    assert (await ask(client, route, of_size(2 * SHORT_BODY)))[0] in (200, 201)
    limited = await serve(v3.dsn, AGNO_MAX_BODY_BYTES="1000")
    assert (await ask(limited, route, of_size(1001)))[0] == 413
    assert (await ask(limited, RENAME, of_size(1001)))[0] == 413


def refused(value):
    return b'{"session_id": %b}' % value


@pytest.mark.parametrize("blanks", [0, LONG])
async def test_a_long_input_is_cut_to_its_beginning(client, blanks):
    short = b"[" + b"1," * ((LONGEST_INPUT - 3) // 2) + b"1]"
    for value in (short, short[:-1] + b" ]", b"[" + b"1," * LONG + b"1]"):
        status, answer = await ask(client, CREATE, refused(value) + b" " * blanks)
        [problem] = answer["detail"]
        assert (status, problem["type"], problem["loc"]) == (422, "string_type", ["body", "session_id"])
        if len(value) <= LONGEST_INPUT:
            assert problem["input"] == json.loads(value)
        else:
            assert problem["input"] == value.decode()[:LONGEST_INPUT]


@pytest.mark.parametrize("size", [LONGEST_INPUT + 1, LONG + 1])
async def test_what_a_missing_field_is_missed_in_is_cut_too(client, size):
    body = of_size(size, b'{"other":"')
    status, answer = await ask(client, BULK_DELETE, body)
    assert (status, [problem["input"] for problem in answer["detail"]]) == (422, [body.decode()[:LONGEST_INPUT]] * 2)
    for other in (b"[" + body + b"]", b'"' + b"x" * size + b'"'):
        status, answer = await ask(client, PATCH, other)
        assert (status, answer["detail"][0]["type"]) == (422, "model_attributes_type")
        assert answer["detail"][0]["input"] == other.decode()[:LONGEST_INPUT]


async def test_a_long_body_of_another_type_is_cut_too(client):
    async with client.post("/sessions", data=b"x" * 2 * LONG, headers={"Content-Type": "text/plain"}) as answer:
        [problem] = (await answer.json())["detail"]
    assert problem["input"] == '"' + "x" * (LONGEST_INPUT - 1)


@pytest.mark.parametrize("filling", [b"", b'"other":"' + b"x" * LONG + b'",'])
@pytest.mark.parametrize("value", [b"NaN", b"[NaN]", b"[" * 400 + b"NaN" + b"]" * 400, b"[" * 880 + b"]" * 880])
async def test_an_input_that_no_json_can_say_is_no_error_of_ours(client, value, filling):
    for body in (b'{%b"session_id":%b}' % (filling, value), b'{%b"runs":[%b]}' % (filling, value)):
        status, answer = await ask(client, CREATE, body)
        assert status == 422, answer
    status, answer = await ask(client, BULK_DELETE, b'{%b"session_ids":[%b],"session_types":[]}' % (filling, value))
    assert status == 422, answer


@pytest.mark.parametrize("filling", [b"", b'"other":"' + b"x" * LONG + b'",'])
@pytest.mark.parametrize("digits", [4300, 4301])
async def test_an_integer_of_more_digits_than_python_takes_is_400(client, digits, filling):
    body = b'{%b"session_state":{"a":%b}}' % (filling, b"1" * digits)
    status, answer = await ask(client, CREATE, body)
    assert status == (201 if digits == 4300 else 400)
    if status == 400:
        assert answer == {"detail": "There was an error parsing the body"}


@pytest.mark.parametrize("number", [1000, 2 * LONG])
async def test_problems_are_told_of_so_many_items_only(client, number):
    items = b",".join([b"1"] * number)
    status, answer = await ask(client, CREATE, b'{"runs":[%b]}' % items)
    assert (status, len(answer["detail"])) == (422, MOST_PROBLEMS)
    assert answer["detail"][-1]["loc"] == ["body", "runs", MOST_PROBLEMS - 1]
    status, answer = await ask(
        client, BULK_DELETE, b'{"session_ids":[%b],"session_types":["agent",%b]}' % (items, items)
    )
    assert (status, len(answer["detail"])) == (422, 2 * MOST_PROBLEMS)


LONG_ITEM = b'"' + b"some text \\n \\ud83d\\ude00 " * 4000 + b'"'


async def test_long_values_are_stored(client, v3):
    body = b'{"session_id":"l","session_name":%b,"session_state":{"a":[%b,1.0,[[[[[]]]]]]},"metadata":{"m":%b},' % (
        (LONG_ITEM,) * 3
    )
    body += b'"summary":{"summary":%b},"runs":[{"run_id":"r","content":%b},{"run_id":"q"}]}' % ((LONG_ITEM,) * 2)
    status, answer = await ask(client, CREATE, body)
    assert status == 201
    expected, text = json.loads(body), json.loads(LONG_ITEM)
    assert answer["session_name"] == text
    assert answer["session_state"] == expected["session_state"]
    assert answer["metadata"] == expected["metadata"]
    assert answer["session_summary"] == expected["summary"]
    async with client.get("/sessions/l/runs/r") as run:
        assert (await run.json())["content"] == text
    status, answer = await ask(client, ("PATCH", "/sessions/l"), b'{"session_state":{"b":%b}}' % LONG_ITEM)
    assert (status, answer["session_state"]) == (200, {"b": text})
    status, answer = await ask(client, ("POST", "/sessions/l/rename"), b'{"session_name":%b}' % LONG_ITEM)
    assert (status, answer["session_name"]) == (200, text)


async def test_few_long_bodies_have_room_and_others_wait():
    bodies = Bodies(2**20)
    await bodies.enter(2**20)
    waiting = asyncio.create_task(bodies.enter(2**20 + ROOM_BESIDE))
    await asyncio.sleep(0)
    # who needs less goes ahead
    await bodies.enter(ROOM_BESIDE)
    assert not waiting.done()
    bodies.leave(2**20)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    bodies.leave(ROOM_BESIDE)
    await waiting
    bodies.close()


async def test_room_is_held_for_as_long_as_something_works_on_the_body(monkeypatch):
    bodies = Bodies(2**20)
    begun, ends = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work():
        loop.call_soon_threadsafe(begun.set)
        ends.wait()

    async def request():
        async with bodies.body() as body:
            await body._enter(2**20)
            body.hold(None)
            await body.make(lambda _: work())

    task = asyncio.create_task(request())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    waiting = asyncio.create_task(bodies.enter(2**20 + ROOM_BESIDE))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    ends.set()
    await waiting
    bodies.close()


async def test_a_long_body_that_does_not_arrive_gives_its_room_back(client, monkeypatch):
    monkeypatch.setattr(module, "BODY_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(b"POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n{" % (32 * 2**20))
    assert (await reader.readline()).split()[1] == b"408"
    writer.close()
    monkeypatch.undo()
    assert (await ask(client, CREATE, of_size(30 * 2**20)))[0] == 201
