"""Whole programs as processes: started, watched over HTTP, ended, and nothing of them left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def wait_for(what: str, condition: Callable[[], Any], limit_s: float) -> Any:
    """The first true answer of ``condition``; fails naming ``what`` after ``limit_s``."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"not within {limit_s:g} s: {what}")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A loopback port that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children_of(pid: int) -> list[int]:
    """All processes below one, by /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if stat[0] != "Z":
                parents[int(entry.name)] = int(stat[1])
    found, family = [], {pid}
    for _ in range(5):
        for child, parent in parents.items():
            if parent in family and child not in family:
                family.add(child)
                found.append(child)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Program:
    """One run of the command in a data folder of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "program.log"
        data = () if "--data" in words else ("--data", str(folder / "data"))
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api.cli", *words, "--port", str(self.port), *data],
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of an answer; status 0 while nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")
        except OSError:
            return 0, None

    def wait_up(self, limit_s: float = 90.0) -> None:
        """Until it answers; fails with its log when it has ended instead."""

        def up() -> bool:
            if self.process.poll() is not None:
                pytest.fail(f"ended with {self.process.returncode}: {self.log.read_text()}")
            return self.get("/healthz")[0] == 200

        wait_for("the program answers", up, limit_s)

    def source(self, kind: str) -> dict[str, Any]:
        """The first source of a kind, as /readyz tells it."""
        _, body = self.get("/readyz")
        return next((s for s in (body or {}).get("sources", []) if s["kind"] == kind), {"state": "none"})

    @property
    def incident(self) -> Path:
        """The incident folder of this run."""
        return next((self.folder / "data" / "incidents").iterdir())

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait for its end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)


def run_verb(*words: str, limit_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """A verb to its end."""
    command = [sys.executable, "-m", "api.cli", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False)
