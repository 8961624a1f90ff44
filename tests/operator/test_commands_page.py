"""docs/reference/operator-commands.md lists the commands and options that there are."""

from __future__ import annotations

import re
import subprocess

from .apiserver import ROOT
from .process import PROGRAM

PAGE = (ROOT / "docs/reference/operator-commands.md").read_text()
COMMANDS = ("run", "plan", "status")


def help_of(*command: str) -> str:
    return subprocess.run([PROGRAM, *command, "--help"], capture_output=True, text=True, check=True).stdout


def test_every_command_is_listed_and_teaches() -> None:
    assert re.findall(r"^\| `session-operator (\w+)` \|", PAGE, re.MULTILINE) == list(COMMANDS)
    assert re.findall(r"^    (\w+) +\S", help_of(), re.MULTILINE) == list(COMMANDS)
    for command in COMMANDS:
        assert "Examples:" in help_of(command)
    for command in COMMANDS[1:]:
        assert "Exit codes:" in help_of(command)


def test_every_option_is_listed_with_its_commands() -> None:
    options: dict[str, set[str]] = {}
    for command in COMMANDS:
        for option in re.findall(r"^  (?:-\w(?: [A-Z]+)?, )?(--[a-z-]+)", help_of(command), re.MULTILINE):
            options.setdefault(option, set()).add(command)
    listed: dict[str, set[str]] = {}
    for option, of in re.findall(r"^\| `(--[a-z-]+)`[^|]*\| ([^|]*) \|", PAGE, re.MULTILINE):
        listed.setdefault(option, set()).update(COMMANDS if of == "all" else re.findall(r"\w+", of))

    assert listed == options
