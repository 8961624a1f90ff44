"""What Python's `json` accepts, found out without Python objects, and what it says of the rest.

msgspec looks at the text. What it refuses, `json` itself is shown: the innermost bracket, and the words that are wrong.
Text is UTF-8; halves of surrogate pairs may stand in it, as `json` lets them.
"""

from __future__ import annotations

import codecs
import json
import re
import string
import sys
from dataclasses import dataclass
from itertools import product

import msgspec

Text = bytes | bytearray

BLANKS = b" \t\n\r"
SPACE = rb"[ \t\n\r]*+"
_PART_OF_STRING = rb'"(?>[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+'
STRING = _PART_OF_STRING + rb'"'
_DIGITS = sys.get_int_max_str_digits()
# int() takes so many digits, float() any number of them
_INTEGER_DIGITS = rb"[0-9]{0,%d}+(?![0-9])" % (_DIGITS - 1) if _DIGITS else rb"[0-9]*+"
_NUMBER = (
    rb"(?>0|[1-9](?>" + _INTEGER_DIGITS + rb"|[0-9]++(?=\.[0-9]|[eE][-+]?[0-9])))"
    rb"(?>\.[0-9]++)?+(?>[eE][-+]?[0-9]++)?+"
)
_SCALAR = rb"(?>" + STRING + rb"|-?" + _NUMBER + rb"|true|false|null|NaN|-?Infinity)"
# levels of brackets that one expression sees at once
_SEEN_AT_ONCE = 2


def _list_of(item: bytes) -> bytes:
    return item + SPACE + rb"(?>," + SPACE + item + SPACE + rb")*+"


def _value(depth: int) -> bytes:
    if not depth:
        return _SCALAR
    inner = _value(depth - 1)
    members = _list_of(STRING + SPACE + rb":" + SPACE + inner)
    return (
        rb"(?>" + _SCALAR + rb"|\[" + SPACE + rb"(?>" + _list_of(inner) + rb")?+\]"
        rb"|\{" + SPACE + rb"(?>" + members + rb")?+\})"
    )


# values of few levels, and members of an object
VALUE = _value(_SEEN_AT_ONCE)
MEMBER = STRING + SPACE + rb":" + SPACE + VALUE

# bytes that are looked at, or recoded, at once
_WINDOW = 16 * 1024
_RECODED_AT_ONCE = 256 * 1024

_decode = msgspec.json.Decoder(msgspec.Raw).decode
_TRAILING = "JSON is malformed: trailing characters"
_place = re.compile(r"\(byte (\d+)\)\Z").search

# What msgspec refuses and `json` reads. In its place comes as much that both read: in a string it harms nothing, and
# outside of one it is a value that nothing can be joined to.
_STAND_INS = ((b"NaN", b"[0]"), (b"-Infinity", b"[0.00000]"), (b"Infinity", b"[0.0000]"))
_HALVES = [b"\\u" + bytes(half) for half in product(b"dD", b"89abcdefABCDEF")]

_flat = re.compile(rb'(?>[^"0-9]++|' + STRING + rb"|" + _NUMBER + rb")*+").match
_token = re.compile(STRING + rb"|-?" + _NUMBER).match
_strings = re.compile(STRING).finditer
_IN_NUMBERS = b"0123456789.eE+-"
_IN_WORDS = string.ascii_letters.encode() + _IN_NUMBERS
_QUOTE = b'"'[0]
_ALL_DIGITS_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
# a string or a word that may be wrong, and what may be wrong behind it
_wrong = re.compile(rb"[\[{,:]?+" + SPACE + rb"(?>" + _PART_OF_STRING + rb'"?+|[-+.0-9a-zA-Z]++)?+' + SPACE).match
_BEHIND = len("\\u0000")
# of UTF-8: without them there is a byte for each character
_CONTINUATION = bytes(range(0x80, 0xC0))


class InvalidJson(ValueError):
    """What `json` says of the text, and of which character."""

    def __init__(self, words: str, position: int) -> None:
        super().__init__(words)
        self.words = words
        self.position = position


def as_utf8(body: Text) -> Text:
    """The text of a body in UTF-8, UTF-16 or UTF-32, found out as `json` does. Raises UnicodeDecodeError."""
    encoding = json.detect_encoding(body)
    if encoding == "utf-8" and body.isascii():
        return body
    decoder = codecs.getincrementaldecoder(encoding.removesuffix("-sig"))("surrogatepass")
    recoded = None if encoding.startswith("utf-8") else bytearray()
    for at in range(0, len(body), _RECODED_AT_ONCE):
        piece = decoder.decode(bytes(body[at : at + _RECODED_AT_ONCE]), at + _RECODED_AT_ONCE >= len(body))
        if recoded is not None:
            recoded += piece.encode("utf-8", "surrogatepass")
    if recoded is not None:
        return recoded
    return body[len(codecs.BOM_UTF8) :] if encoding == "utf-8-sig" else body


def checked(text: Text) -> Text:
    """The text if it is one value that `json` reads, with stand-ins for what msgspec would refuse.

    Raises InvalidJson if it is none, RecursionError if it is too deep, and ValueError for an integer of more digits
    than Python takes.
    """
    plain = text
    if _error(text) is not None:
        plain = _plain(text)
        # msgspec reads words by their length, and would find a wrong one cut off at the end
        error = _error(plain + b" " * len("false"))
        if error is not None:
            raise _refusal(text, plain, min(error.place, len(text)))
    if _DIGITS and b"0" * (_DIGITS + 1) in text.translate(_ALL_DIGITS_ZERO):
        at, _ = _read_flat(text, len(text))
        if at < len(text):
            raise ValueError("an integer of too many digits")
    return plain


def skip(plain: Text, at: int, most: int | None = None) -> int:
    """Where the value ends that begins here in a checked text. Raises ValueError if it may go on beyond `most`."""
    error = _error(memoryview(plain)[at:most])
    if error is None:
        end = len(plain) if most is None else min(most, len(plain))
    elif error.trailing:
        end = at + error.place
    else:
        raise ValueError("it goes on")
    return _before(plain, end, BLANKS)


@dataclass(frozen=True, slots=True)
class _Error:
    """What msgspec refuses: from which byte on, and whether that comes after a whole value."""

    place: int
    trailing: bool = False
    truncated: bool = False


def _error(text: Text | memoryview) -> _Error | None:
    try:
        _decode(text)
    except msgspec.DecodeError as error:
        words = str(error)
        found = _place(words)
        if found is None:
            return _Error(len(text), truncated=True)
        # of what trails it tells the byte after the first
        trailing = words.startswith(_TRAILING)
        return _Error(int(found[1]) - trailing, trailing)
    return None


def _plain(text: Text) -> bytes:
    plain = bytes(text)
    if b"\\ud" in plain or b"\\uD" in plain:
        plain = plain.replace(b"\\\\", b"__")
        for half in _HALVES:
            plain = plain.replace(half, b"\\u00")
    for word, stand_in in _STAND_INS:
        plain = plain.replace(word, stand_in)
    return plain


def _read_flat(text: Text, end: int) -> tuple[int, int]:
    """How far there are strings that end and numbers that Python takes, and a place shortly before the last string."""
    at = last = 0
    while at < end:
        window = min(at + _WINDOW, end)
        found = _flat(text, at, window)
        assert found is not None  # noqa: S101
        reached = found.end()
        if reached == window < end:  # a number may go on
            reached = _before(text, reached, _IN_NUMBERS, at)
        if reached == at:
            found = _token(text, at, end)
            if found is None:
                break
            reached = found.end()
        if text.find(b'"', at, reached) >= 0:
            last = at
        at = reached
    return at, last


def _refusal(text: Text, plain: Text, place: int) -> ValueError:
    """What `json` says of a text that msgspec reads up to this place.

    It is shown the innermost bracket and what is wrong, from the bracket, comma or colon before it, and bytes as
    characters: all that is no ASCII is the same to it.
    """
    at, near = _read_flat(text, place)
    if at == place:
        at = _before(text, at, _IN_WORDS)
    elif text[at] != _QUOTE:
        return ValueError("an integer of too many digits")
    before = _before(text, at, BLANKS)
    # the name of a member, or a value, which may be wrong itself
    if before and text[before - 1] == _QUOTE:
        *_, name = _strings(text, near, before)
        at = name.start()
    elif before and text[before - 1] in _IN_WORDS:
        at = _before(text, before, _IN_WORDS)
    at, shown = _shown_before(text, plain, at)
    wrong = _wrong(text, at)
    assert wrong is not None  # noqa: S101
    try:
        json.loads(shown + str(memoryview(text)[at : wrong.end() + _BEHIND], "latin-1"))
    except json.JSONDecodeError as error:
        return InvalidJson(error.msg, _characters(text, at + error.pos - len(shown)))
    except ValueError as error:
        return error
    return ValueError("it can't be read")


def _shown_before(text: Text, plain: Text, at: int) -> tuple[int, str]:
    """From where on `json` is shown what is here, and what it is shown before that."""
    before = _before(text, at, BLANKS)
    match bytes(text[max(0, before - 1) : before]):
        case b"":
            return 0, ""
        case b"[" | b"{":
            return before - 1, ""
        case b":":
            return before - 1, '{""'
        case b",":
            return before - 1, _inside(plain, before - 1)
    return at, _inside(plain, at)


def _inside(plain: Text, end: int) -> str:
    """The innermost bracket around a value that ends here, with a value."""
    if _error(memoryview(plain)[:end]) is None:
        return "0 "
    closed = _error(bytes(memoryview(plain)[:end]) + b"]")
    return "[0 " if closed is None or closed.truncated else '{"":0 '


def _before(text: Text, at: int, some: bytes, start: int = 0) -> int:
    """Where these bytes begin that end here."""
    while at > start and text[at - 1] in some:
        window = max(start, at - _WINDOW)
        at = window + len(bytes(text[window:at]).rstrip(some))
    return at


def _characters(text: Text, end: int) -> int:
    """How many there are up to this byte."""
    pieces = (bytes(text[at : min(end, at + _RECODED_AT_ONCE)]) for at in range(0, end, _RECODED_AT_ONCE))
    return sum(len(piece.translate(None, _CONTINUATION)) for piece in pieces)
