"""Programs for the flights: started by a test, gone after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flights.programs import Program, alive, children_of, wait_for


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start programs; all of them, and all they started, are gone afterwards."""
    started: list[Program] = []

    def start(*words: str) -> Program:
        folder = tmp_path / f"run{len(started)}"
        folder.mkdir()
        started.append(Program(folder, *words))
        return started[-1]

    yield start
    for one in started:
        family = children_of(one.process.pid)
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(10)
        wait_for("no process is left", lambda family=family: not any(alive(pid) for pid in family), 5.0)
