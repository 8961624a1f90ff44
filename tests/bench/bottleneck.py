"""Whether the load generator is what limits: wrk against an answer that costs next to nothing."""

import asyncio
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

from tests.contract.servers import free_port

from .wrk import Load, Request, Wrk

_SIZES = (1_000, 150_000)


class _Constant(asyncio.Protocol):
    """Answers whatever comes with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answer * data.count(b"\r\n\r\n"))


def serve(port: int, size: int) -> None:
    """Serve a body of this size for ever."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size

    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Constant(answer), "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(forever())


def wrk_alone(wrk: Wrk, seconds: int) -> dict[int, Load]:
    """What wrk gets over 16 connections from a server that does nothing, by the size of the body."""
    found = {}
    for size in _SIZES:
        port = free_port()
        process = subprocess.Popen([sys.executable, "-m", "tests.bench.bottleneck", str(port), str(size)])
        try:
            _wait(port)
            with wrk.script([Request("GET", "/")]) as script:
                found[size] = wrk.run(f"http://127.0.0.1:{port}", script, 16, seconds)
        finally:
            process.kill()
            process.wait()
        print(f"wrk alone, {size} bytes: {found[size].requests / found[size].seconds:.0f}/s", flush=True)
    return found


def _wait(port: int) -> None:
    for _ in range(500):
        try:
            urlopen(f"http://127.0.0.1:{port}/").read()
        except (URLError, OSError):
            time.sleep(0.02)
        else:
            return


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
