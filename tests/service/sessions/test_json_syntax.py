"""What is accepted, and what is said of the rest, is what Python's `json` accepts and says."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.sessions import json_syntax
from session_service.sessions.json_syntax import InvalidJson, as_utf8, checked, skip

DIGITS = sys.get_int_max_str_digits()
WORDS = [
    *(
        '"',
        "\\",
        "\\u",
        "\\ud800",
        "\\udc00",
        "\\u00e9",
        "\\n",
        "\\\\ud800",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        '{"a":',
        '"a"',
    ),
    *('"ab":1,', "[1,2],", "{}", "[]", "null", "true", "fals", "NaN", "Infinity", "-Infinity", "-", "0", "01", "1."),
    *("1.5", "1e5", "1E+", "e", ".", "é", "😀", "\ud800", " ", "\n", "\t", "\x00", "\x1f", "\x7f", "\ufeff", " " * 20),
    *("1" * DIGITS, "1" * (DIGITS + 1), "-" + "1" * (DIGITS + 1), "1" * (DIGITS + 1) + ".5", "'"),
]
ENCODINGS = ["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]

values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)


@st.composite
def nearly_json(draw):
    text = json.dumps(draw(values), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    for _ in range(draw(st.integers(0, 3))):
        at, gone = draw(st.integers(0, len(text))), draw(st.integers(0, 2))
        text = text[:at] + draw(st.sampled_from([*WORDS, ""])) + text[at + gone :]
    return text


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map("".join) | nearly_json().filter(bool)


def outcome(read):
    """How reading ends: with nothing, or in an error, with the words and the place if it has them."""
    try:
        read()
    except json.JSONDecodeError as error:
        return "words", error.msg, error.pos
    except InvalidJson as error:
        return "words", error.words, error.position
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        return type(error)
    return None


def read(body):
    checked(as_utf8(body))


@settings(max_examples=400, deadline=None)
@given(texts, st.sampled_from(ENCODINGS), st.sampled_from([7, 8, 5000, 16384]), st.sampled_from([1, 2, 3, 5, 2**18]))
def test_any_text_is_read_as_json_reads_it(text, encoding, window, recoded):
    body = text.encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_syntax, "_WINDOW", window)
        patch.setattr(json_syntax, "_RECODED_AT_ONCE", recoded)
        assert outcome(lambda: read(bytearray(body))) == outcome(lambda: json.loads(body))


LONG = 40_000
BAD = {
    "a list that goes on": "[" + "[]," * LONG,
    "an object that is closed as a list": '{"a":[' + "[]," * LONG + "[]}}",
    "a string without its end": '["' + "😀" * LONG,
    "a bad escape in a long string": '{"a":"' + "é" * LONG + '\\x"}',
    "a control character in a long name": '{"' + "é" * LONG + '\n":1}',
    "no colon after a long name and long blanks": '{"' + "a" * LONG + '"' + " " * LONG + "1}",
    "no comma after a long text": '{"a":"' + "a" * LONG + '"' + "\n" * LONG + '"b":1}',
    "a comma too many": '{"a":{"b":[' + "1," * LONG + "]}}",
    "something after all": "[" + "1," * LONG + "1]" + " " * LONG + "é",
    "a word that is none": "[" + "null," * LONG + "nul]",
    "a word that is cut off": "[" + "null," * LONG + "nul",
    "NaN and then an error": "[" + "NaN," * LONG + "]",
    "a number that NaN is joined to": "[" + "1," * LONG + "-NaN]",
    "halves of pairs, and then an error": "[" + '"\\ud800",' * LONG + "x]",
    "a long number before an error": "[" + "1" * DIGITS + "0," * LONG + "x]",
    "a long number in a string": '["' + "1" * 2 * DIGITS + '",]',
    "a long fraction": "[0." + "1" * LONG + ",]",
    "deep brackets": "[" * LONG,
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_long_text_is_said_as_json_says_it(name):
    body = BAD[name].encode()
    expected = outcome(lambda: json.loads(body))
    assert expected is not None
    assert outcome(lambda: read(body)) == expected


@pytest.mark.parametrize("digits", [DIGITS, DIGITS + 1])
@pytest.mark.parametrize(
    "shape", ["%s", "-%s", "[%s]", '{"a":[1,%s,2]}', "[%s.5]", "[%se5]", '["%s"]', "[1.%s]", "[1e-%s]"]
)
def test_digits_of_an_integer_are_limited_and_no_others(shape, digits):
    text = (shape % ("1" * digits)).encode()
    assert outcome(lambda: read(text)) == outcome(lambda: json.loads(text))


@settings(max_examples=100, deadline=None)
@given(values, values, st.sampled_from(["", " ", "\n\t"]))
def test_a_value_is_skipped_to_its_end(value, other, blanks):
    first = json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
    text = b"[%b%b,%b]" % (first, blanks.encode(), json.dumps(other).encode())
    assert skip(checked(text), 1) == 1 + len(first)
