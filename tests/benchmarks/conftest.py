"""Figures of this machine, printed with it, asserted by nobody."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

Figures = list[tuple[str, str, str]]
_FIGURES = pytest.StashKey[Figures]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = []


@pytest.fixture
def figure(pytestconfig: pytest.Config) -> Callable[..., None]:
    """Keep one line of the report: what was measured, the value (a number or many seconds), how."""

    def keep(what: str, value: str | Sequence[float], how: str = "") -> None:
        text = value if isinstance(value, str) else percentiles_ms(value)
        pytestconfig.stash.setdefault(_FIGURES, []).append((what, text, how))

    return keep


def percentiles_ms(seconds: Sequence[float]) -> str:
    """p50, p95 and p99 of durations in seconds, as milliseconds."""
    p50, p95, p99 = (1e3 * np.percentile(seconds, level) for level in (50, 95, 99))
    return f"p50 {p50:.1f}  p95 {p95:.1f}  p99 {p99:.1f} ms"


def machine() -> str:
    """What the figures were measured on."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    return f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}{load}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    figures = config.stash.get(_FIGURES, [])
    if not figures:
        return
    terminalreporter.section("figures")
    terminalreporter.write_line(machine())
    widths = [max(len(row[column]) for row in figures) for column in range(2)]
    for what, value, how in figures:
        terminalreporter.write_line(f"{what:<{widths[0]}}  {value:<{widths[1]}}  {how}".rstrip())
