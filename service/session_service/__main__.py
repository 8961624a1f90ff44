"""The command `session-service` from its first line to its exit code."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line; returns the exit code. Without the program's extra, one line says what to install."""
    try:
        from session_service.cli import main as command
    except ModuleNotFoundError as error:
        print(
            f"session-service: {error.name} is not installed: pip install 'agno-session-store[service]'",
            file=sys.stderr,
        )
        return 2
    try:
        try:
            return command()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # the reader has seen enough, as `| head` has; what is left in the buffer must not fail at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
