"""How long the command takes to be there, and how much memory its parts take."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.benchmark
COMMAND = Path(sys.executable).with_name("einsatzdrohne")
# Not ru_maxrss: that one remembers the process that started this one.
PEAK = "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])"


def test_the_command_answers(figure: Callable[..., None]) -> None:
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([COMMAND, "--help"], check=True, capture_output=True, timeout=60)
        seconds.append(time.perf_counter() - started)
    figure("start: einsatzdrohne --help", seconds, "whole process, 5 times")


@pytest.mark.parametrize("module", ["ground_station.station", "imagery.incident", "api.run"])
def test_imports(figure: Callable[..., None], module: str) -> None:
    started = time.perf_counter()
    code = f"import {module}; {PEAK}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    took = time.perf_counter() - started
    figure(f"start: import {module}", f"{took:.2f} s, {int(done.stdout) / 1024:.0f} MB", "fresh process, peak memory")
