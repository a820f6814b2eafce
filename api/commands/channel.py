"""``channel``: a bad radio between two programs on this machine, over UDP or TCP."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
from typing import Any

_HOSTS = ("127.0.0.1", "localhost")
_PAIRS = {"udpin": ("udpout", "udp"), "tcpin": ("tcp", "tcp")}


def register(verbs: Any) -> None:
    """The verb's options."""
    parser = verbs.add_parser("channel", help="a bad radio between two programs on this machine")
    parser.add_argument("--listen", required=True, metavar="URL", help="udpin:127.0.0.1:PORT or tcpin:…; port 0: any")
    parser.add_argument("--to", required=True, metavar="URL", help="udpout:127.0.0.1:PORT or tcp:127.0.0.1:PORT")
    parser.add_argument(
        "--quality",
        action="append",
        default=[],
        metavar="[there:|back:]NAME=VALUE,…",
        help="loss burst delay_s jitter_s doubled reorder reorder_s corrupt bytes_per_s queue_bytes gap_s gap_every_s "
        "cuts_s=FROM-TO/FROM-TO; there: from who connects; repeatable",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="other dice (%(default)s)")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so many; default: on a signal")


def run(args: argparse.Namespace) -> int:
    """Carry until a signal or ``--seconds``. One JSON line when it listens, one with the counts at the end."""
    from simulators.channel import directions_of
    from simulators.channel_process import BACK, THERE

    scheme, port = _address(args.listen, "--listen", tuple(_PAIRS), lowest=0)
    outward, kind = _PAIRS[scheme]
    _, to = _address(args.to, "--to", (outward,), lowest=1)
    if not 0 <= args.seed < 2**31:
        raise ValueError(f"--seed {args.seed}: allowed are 0 to {2**31 - 1}")
    return asyncio.run(_carry(args, scheme, kind, port, to, directions_of(args.quality, (THERE, BACK))))


def _address(url: str, option: str, schemes: tuple[str, ...], *, lowest: int) -> tuple[str, int]:
    scheme, _, rest = url.partition(":")
    host, _, port = rest.rpartition(":")
    if scheme not in schemes or host not in _HOSTS or not port.isdecimal() or not lowest <= int(port) <= 65535:
        allowed = " or ".join(f"{name}:127.0.0.1:PORT" for name in schemes)
        raise ValueError(f"{option} {url!r}: allowed is {allowed} with a port from {lowest} to 65535")
    return scheme, int(port)


async def _carry(args: argparse.Namespace, scheme: str, kind: str, port: int, to: int, qualities: Any) -> int:
    from simulators.channel_process import Proxy

    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    async with Proxy(kind, to, qualities, seed=args.seed, port=port) as proxy:
        print(json.dumps({"listen": f"{scheme}:127.0.0.1:{proxy.port}", "to": args.to, "pid": os.getpid()}), flush=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(args.seconds):
                await end.wait()
    print(json.dumps(proxy.figures()), flush=True)
    return 0
