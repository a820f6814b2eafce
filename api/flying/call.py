"""What an action of `fly` is, and what it gets."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.flight_session import Session
from ground_station.operation import REFUSED, Operation, Outcome
from ground_station.vehicle import Vehicle
from missions.formats import Plan, read

KINDS = {"mission": 0, "fence": 1, "rally": 2}
# How long to wait for something that the vehicle tells by itself.
TOLD_S = 4.0


@dataclass(frozen=True, slots=True)
class Call:
    """``more``: further keys of the answer with ``--json``. ``plan``: the file of ``--plan``, read."""

    args: argparse.Namespace
    session: Session
    vehicle: Vehicle
    plan: Plan | None = None
    more: dict[str, Any] = field(default_factory=dict)

    async def one(self, operation: Operation) -> list[Outcome]:
        """Run one operation to its end."""
        return [await self.session.finish(operation)]

    def tell(self, line: str) -> None:
        """A line for whoever reads along."""
        if not self.args.quiet:
            print(line, file=sys.stderr)


Run = Callable[[Call], Awaitable[list[Outcome]]]


def _any_words(args: argparse.Namespace) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Action:
    """``check`` raises ValueError for wrong usage before anything is opened. ``reads``: it only reads.

    ``plan``: "" never takes a plan, "needs" or "may".
    """

    run: Run
    check: Callable[[argparse.Namespace], None] = _any_words
    reads: Callable[[argparse.Namespace], bool] = lambda args: False
    plan: str = ""


def no_words(args: argparse.Namespace) -> None:
    """For an action that stands alone."""
    if args.words:
        raise ValueError(f"fly {args.action}: {' '.join(args.words)!r} is not understood")


def always(args: argparse.Namespace) -> bool:
    """For an action that only reads."""
    return True


def now() -> float:
    """The monotonic clock that deadlines stand on."""
    return time.monotonic()


def number(what: str, text: str, low: float, high: float, unit: str) -> float:
    """A number of the command line within its limits."""
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"fly {what}: {text!r} is not a number") from error
    if not low <= value <= high:
        raise ValueError(f"fly {what}: {value:g} is not within {low:g} to {high:g} {unit}")
    return value


def refused(action: str, why: str) -> list[Outcome]:
    """Nothing was sent."""
    return [Outcome(action, REFUSED, why)]


def read_plan(path: Path) -> Plan:
    """A plan file. Raises ValueError with its name."""
    try:
        return read(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no text file") from error
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
