"""What the tests of pages read out of a page, and when they take an output for the one that it shows."""

from pathlib import Path

import pytest

from .console import Command, commands

PAGE = """
Some words.

```console
$ kubectl get sst
NAME   READY
chat   True
$ echo one \\
    two
one two
```

<!-- not run by the test: for the reader -->
```console
$ kind delete cluster
```

```json
{"$ no": "command"}
```
"""


def test_commands_are_read_with_what_they_print(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)

    assert commands(page) == [
        Command("kubectl get sst", "NAME   READY\nchat   True", run=True),
        Command("echo one two", "one two", run=True),
        Command("kind delete cluster", "", run=False),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("ready", "ready\n", True),
        ("ready", "ready\nand more\n", False),
        ("ready", "already\n", False),
        ("", "", True),
        ("", "something\n", False),
        ("chat   True    …", "chat  True  14s\n", True),
        ("chat   True    …", "chat  False  14s\n", False),
        ("...\nlast", "first\nsecond\nlast\n", True),
        ("...\nlast", "first\n", False),
        ("first\n...", "first\n", True),
        ('{"a":1,…}', '{"a":1,"b":2}', True),
    ],
)
def test_an_output_is_compared_with_what_is_shown(shown: str, printed: str, same: bool) -> None:
    assert Command("", shown, run=True).matches(printed) is same
