"""A survey in pieces: the same bytes whoever works on it, on from where it was interrupted, nothing torn is used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import api.survey
from api import batch
from api.batch import Job, work
from api.cli import main
from imagery.batch import PieceError, from_bytes
from missions.geometry.geo import Datum, GridProjection
from missions.geometry.terrain import TerrainGrid
from missions.geometry.terrain_files import write_terrain

FRAMES, ACROSS = 40, 8
PROFILE = "width=160\nheight=128\nfx=200\nfy=200\ncx=79.5\ncy=63.5\nmount='fixed'\n"
METRE = 1 / 111_320


@pytest.fixture
def survey(tmp_path: Path) -> list[str]:
    """Two opposite legs over a fire, every frame 3 m on, one torn; pieces of eight frames. The words of the command."""
    frames = tmp_path / "frames"
    frames.mkdir()
    rows = ["frame,time,lat,lon,alt_m,datum,qw,qx,qy,qz,sigma_m,sigma_deg"]
    for n in range(FRAMES):
        north = 3.0 * (n - 10) if n < 20 else 3.0 * (30 - n)
        quaternion = "1,0,0,0" if n < 20 else "0,0,0,1"
        picture = np.random.default_rng(n).normal(12, 0.3, (128, 160)).astype(np.float32)
        down = 63.5 + north * 200 / 60 * (1 if n < 20 else -1)
        if 6 < down < 121:
            cv2.circle(picture, (80, round(down)), 5, 400.0, -1)
        assert cv2.imwrite(str(frames / f"{n:03}.tif"), picture)
        stamp = f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z"
        rows.append(f"{n:03}.tif,{stamp},{51.45 + north * METRE:.9f},6.74,60,sea_level,{quaternion},1,1")
    (frames / "017.tif").write_bytes((frames / "017.tif").read_bytes()[:900])
    (tmp_path / "poses.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "camera.toml").write_text(PROFILE)
    x, y = GridProjection("EPSG:25832").xy_from_geo(51.45, 6.74)
    heights = np.random.default_rng(3).normal(0.0, 0.1, (100, 100)).astype(np.float32)
    heights[30:40, 30:40] = 8.0
    grid = TerrainGrid(heights, "EPSG:25832", float(x) - 200, float(y) + 200, 4.0, 4.0, Datum.SEA_LEVEL, 1.0)
    write_terrain(tmp_path / "ground.tif", grid)
    words: list[Any] = ["see", frames, "--poses", tmp_path / "poses.csv", "--terrain", tmp_path / "ground.tif"]
    return [str(word) for word in [*words, "--camera-profile", tmp_path / "camera.toml"]]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "PIECE", ACROSS)
    monkeypatch.setattr(batch, "EARLY", 3)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def seen(words: list[str], out: Path, *more: str) -> dict[str, bytes]:
    assert main([*words, "--out", str(out), "--quiet", *more]) == 0
    found = files_of(out)
    assert {"hotspots.geojson", "coverage.geojson", "perimeter.geojson", "relook.geojson", "thermal.tif"} == set(found)
    return found


class Watched:
    """A pool of threads, so that pieces end in any order; which jobs it was given, and after how many it is cut off."""

    width = 3

    def __init__(self, cut_after: int | None = None) -> None:
        self._threads, self._cut_after = ThreadPoolExecutor(3), cut_after
        self.first_seqs: list[int] = []

    def submit(self, job: Job) -> Callable[[], tuple[bytes, list[str]]]:
        self.first_seqs.append(job.first_seq)
        if self._cut_after is not None and len(self.first_seqs) > self._cut_after:
            raise KeyboardInterrupt
        return self._threads.submit(work, job).result


def using(monkeypatch: pytest.MonkeyPatch, pool: Watched) -> Watched:
    @contextmanager
    def ours(*_: Any) -> Iterator[Watched]:
        yield pool

    monkeypatch.setattr(api.survey, "pool_of", ours)
    return pool


def test_whoever_works_on_it_the_bytes_are_the_same(
    survey: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    alone = seen(survey, tmp_path / "alone", "--workers", "1")
    assert "40 frames" not in capsys.readouterr().out  # one is torn
    pool = using(monkeypatch, Watched())
    assert seen(survey, tmp_path / "threads") == alone
    assert pool.first_seqs == [1, 9, 17, 25, 33]
    assert "skipped: 017.tif" in capsys.readouterr().err.replace("einsatzdrohne see: ", "")
    assert b'"number": 1' in alone["hotspots.geojson"]


def test_what_was_interrupted_goes_on_where_it_was_and_torn_pieces_are_made_anew(
    survey: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    whole = seen(survey, tmp_path / "whole", "--workers", "1")
    using(monkeypatch, Watched(cut_after=4))
    out = tmp_path / "out"
    assert main([*survey, "--out", str(out)]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    kept = sorted((out / ".see").glob("*.piece"))
    assert len(kept) == 2 and not list(out.glob("*.geojson"))
    kept[0].write_bytes(kept[0].read_bytes()[:-50])
    pool = using(monkeypatch, Watched())
    assert seen(survey, out) == whole
    assert len(pool.first_seqs) == 4, "one of five was kept"
    assert not (out / ".see").exists()


def test_a_survey_that_has_changed_does_not_go_on_from_old_pieces(
    survey: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    using(monkeypatch, Watched(cut_after=4))
    assert main([*survey, "--out", str(out)]) == 130
    frame = tmp_path / "frames" / "002.tif"
    os.utime(frame, ns=(1, 1))
    pool = using(monkeypatch, Watched())
    seen(survey, out)
    assert pool.first_seqs[0] == 1 and len(pool.first_seqs) == 4
    pool = using(monkeypatch, Watched())
    seen(survey, out, "--task", "embers")
    assert len(pool.first_seqs) == 5


@pytest.mark.parametrize("cut", [0, 10, 40, 200, -1])
def test_torn_bytes_are_no_piece(survey: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    using(monkeypatch, Watched(cut_after=3))
    assert main([*survey, "--out", str(tmp_path / "out")]) == 130
    (path, *_) = (tmp_path / "out" / ".see").glob("*.piece")
    with pytest.raises(PieceError):
        from_bytes(path.read_bytes()[:cut], None)  # type: ignore[arg-type]


@pytest.mark.parametrize("words", [("--workers", "0"), ("--workers", "65")])
def test_numbers_of_workers_that_cannot_be(survey: list[str], tmp_path: Path, capsys: Any, words: Any) -> None:
    assert main([*survey, "--out", str(tmp_path / "out"), *words]) == 2
    assert "allowed are 1 to 64" in capsys.readouterr().err


def test_a_scheduler_that_does_not_answer_is_named(survey: list[str], tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("distributed")
    monkey = pytest.MonkeyPatch()
    monkey.setattr(batch, "PATIENCE", "1s")
    try:
        assert main([*survey, "--out", str(tmp_path / "out"), "--scheduler", "tcp://127.0.0.1:9"]) == 1
    finally:
        monkey.undo()
    assert "tcp://127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.long
def test_two_processes_give_the_bytes_of_one(survey: list[str], tmp_path: Path) -> None:
    assert seen(survey, tmp_path / "two", "--workers", "2") == seen(survey, tmp_path / "one", "--workers", "1")


@pytest.mark.long
def test_a_real_scheduler_with_two_workers_gives_the_bytes_of_one(survey: list[str], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    alone = seen(survey, tmp_path / "one", "--workers", "1")
    with cluster(tmp_path, 2) as address:
        assert seen(survey, tmp_path / "cluster", "--scheduler", address) == alone


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """Dask's own scheduler and workers as processes, on ports that are free."""
    environment = {**os.environ, "PYTHONPATH": str(Path(batch.__file__).parents[1])}
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str, *words: str) -> Path:
        log = folder / f"{name}.log"
        module = [sys.executable, "-m", f"distributed.cli.dask_{name.partition('-')[0]}"]
        with log.open("wb") as out:
            running.append(subprocess.Popen([*module, *words], stdout=out, stderr=out, env=environment, cwd=folder))
        return log

    try:
        log = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        address = _said(log, r"Scheduler at:\s+(tcp://[0-9.:]+)")
        for number in range(workers):
            words = (address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder))
            _said(start(f"worker-{number}", *words), r"(Registered to)")
        yield address
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            process.wait(30)


def _said(log: Path, pattern: str) -> str:
    """What a process has said; waits for it, a minute at most."""
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        if found := re.search(pattern, log.read_text(errors="replace")):
            return found.group(1)
        time.sleep(0.1)
    raise AssertionError(f"{log.name}: {log.read_text(errors='replace')[-500:]}")
