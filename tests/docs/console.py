"""The commands of a page and what it says that they print.

A block of the language `console` holds commands after `$ `, each with what it prints below it; a command may go on
after a backslash. `…` stands for any text within a line, a line `...` for any lines. What stands below a comment that
begins with `not run` is left to the reader.
"""

import re
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"(?P<before>[^\n]*)\n```console\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A command, the lines that it is to print, and whether a test may run it."""

    text: str
    output: str
    run: bool

    def matches(self, printed: str) -> bool:
        """Whether these lines are what the page shows. How many blanks stand between columns does not matter."""
        pattern = "".join(
            r"(?:.*\n)*?" if line == "..." else "".join(_words(line)) + "\n" for line in self.output.splitlines()
        )
        return re.fullmatch(pattern, "".join(f"{' '.join(line.split())}\n" for line in _lines(printed))) is not None


def commands(page: Path) -> list[Command]:
    """All commands of a page in their order."""
    found = []
    for block in BLOCK.finditer(page.read_text()):
        run = not block["before"].startswith("<!-- not run")
        for text in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
            command, _, output = re.sub(r"\\\n\s*", "", text).partition("\n")
            found.append(Command(command, output.strip("\n"), run))
    return found


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _words(line: str) -> list[str]:
    return [".*" if part == "…" else re.escape(part) for part in re.split("(…)", " ".join(line.split()))]
