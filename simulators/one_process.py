"""What every process of the world has in common: a tick, a UDP socket, one line when it is ready, and an end.

It ends on a signal, and with its parent, however that went (also after kill -9).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

LOOPBACK = "127.0.0.1"
TICK_S = 0.01


def die_with_parent(parent: int) -> None:
    """SIGTERM when the parent is gone, however it went (prctl PR_SET_PDEATHSIG, Linux). 0: started by hand, stay."""
    if not parent:
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != parent:  # it went before the line above
        sys.exit(0)


class Udp(asyncio.DatagramProtocol):
    """One bound socket; ``other`` is where to send: given, or whoever spoke last."""

    def __init__(self, hear: Callable[[bytes], None], other: tuple[str, int] | None) -> None:
        self._hear, self._other = hear, other
        self._fixed = other is not None
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if not self._fixed:
            self._other = addr
        self._hear(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there yet."""

    def send(self, data: bytes) -> None:
        """One datagram; nowhere while there is nobody to send it to."""
        if self._transport is not None and self._other is not None:
            self._transport.sendto(data, self._other)


async def udp(hear: Callable[[bytes], None], *, port: int = 0, to: tuple[str, int] | None = None) -> Udp:
    """A socket on loopback that hears on a port (0: any)."""
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_datagram_endpoint(lambda: Udp(hear, to), local_addr=(LOOPBACK, port))
    return protocol


def say_ready(**facts: Any) -> None:
    """The line that whoever started this waits for."""
    print(json.dumps({"ready": True, "pid": os.getpid(), **facts}), flush=True)


async def ticks() -> AsyncIterator[float]:
    """Monotonic seconds since the first tick, every TICK_S."""
    begin = time.monotonic()
    while True:
        yield time.monotonic() - begin
        await asyncio.sleep(TICK_S)


async def until_terminated(work: Any) -> None:
    """Work until it is done, or SIGTERM or SIGINT comes."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
