"""The check of `make lint` finds the words that CONTRIBUTING.md rejects, and only those."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECK = runpy.run_path(str(ROOT / "scripts/plain_english.py"))
listed, pattern, problems = CHECK["listed"], CHECK["pattern"], CHECK["problems"]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def test_the_list_has_not_shrunk() -> None:
    assert len(listed(CONTRIBUTING, "words")) >= 11  # whoever adds a word raises this


@pytest.mark.parametrize("word", listed(CONTRIBUTING, "words"))
def test_each_word_of_the_list_is_found(word: str) -> None:
    found = list(problems({"page.md": f"First.\nThen {word} it is.\n"}, listed(CONTRIBUTING, "words"), []))

    assert found == [f"page.md:2: {word!r}: CONTRIBUTING.md says what to write instead"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Frobish.", True),
        ("unfrobished", False),
        ("a thingness of memory", False),
        ("class Thingness:", True),
        ("    # odd\n    # bod", True),
        ("odd, bod", False),
    ],
)
def test_whole_words_are_found_across_lines(text: str, found: bool) -> None:
    assert (pattern(["frobish", "Thingness", "odd bod"]).search(text) is not None) is found


def test_a_file_that_waits_is_let_pass_until_it_is_clean() -> None:
    texts = {"waits.py": "# frobish", "clean.py": "# again"}

    assert list(problems(texts, ["frobish"], ["waits.py", "clean.py", "gone.py"])) == [
        "clean.py is clean: take it off the list in CONTRIBUTING.md",
        "gone.py does not exist: take it off the list in CONTRIBUTING.md",
    ]
