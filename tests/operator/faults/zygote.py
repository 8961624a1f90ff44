"""Operators by the dozen, to be killed: a process that has imported the operator forks one in milliseconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = """
import json, os, signal, sys
from session_operator.main import main
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    kubeconfig, log, arguments = json.loads(line)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ["KUBECONFIG"] = kubeconfig
        output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for descriptor in (1, 2):
            os.dup2(output, descriptor)
        sys.exit(main(["run", "--listen=127.0.0.1:0", *arguments]))
    print(pid, flush=True)
"""


class Zygote:
    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self._popen = popen

    @classmethod
    @contextmanager
    def ready(cls) -> Iterator[Zygote]:
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as popen:
            yield cls(popen)
            assert popen.stdin is not None
            popen.stdin.close()

    def fork(self, kubeconfig: Path, log: Path, *arguments: str) -> int:
        """Start an operator; gives its process id."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.write(json.dumps([str(kubeconfig), str(log), arguments]) + "\n")
        self._popen.stdin.flush()
        return int(self._popen.stdout.readline())


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
