"""Who works on the pieces of a survey: this process, a pool of processes, or a Dask cluster; and where they are kept.

Every worker starts anew (spawn): the fork of a process whose libraries run threads can wait for ever for a lock. A
finished piece is written to ``OUT/.see`` under a name that is a digest of all that it was made from; a run that was
interrupted finds it there and goes on, and any change of frames, poses, lens, ground or program makes another name.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from imagery.batch import EARLY, PIECE, Piece, PieceError, Station, Taken, from_bytes, piece_of, to_bytes
from imagery.frame import Frame
from imagery.readers import ReadError, read
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.pose import NoPose
from missions.geometry.terrain import FlatGround, Ground
from missions.geometry.terrain_files import read_terrain

__all__ = [
    "WORK_FOLDER",
    "Brief",
    "ClusterError",
    "Job",
    "Kept",
    "brief_of",
    "pieces",
    "pool_of",
    "run_jobs",
    "station_of",
    "work",
]

_FORMAT = 1
WORK_FOLDER = ".see"
PATIENCE = "10s"


class ClusterError(RuntimeError):
    """The scheduler cannot be reached or cannot work: says which and what to do."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What a worker must know, small enough to travel with every piece; the terrain travels as the name of its file."""

    camera: str
    profile: CameraProfile
    task: str
    terrain: str | None
    flat: tuple[float, str, float] | None
    origin: tuple[float, float, float, str]
    epoch_s: float
    mapped: bool
    kelvin_per_count: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One piece. ``paths``: pictures to read, or ``frames``: those of a video, which travel with the job."""

    brief: Brief
    taken: tuple[Taken, ...]
    first_seq: int
    paths: tuple[str, ...] = ()
    frames: tuple[Frame | None, ...] = field(default=(), repr=False)


def brief_of(profile: CameraProfile, frame: LocalFrame, ground: Ground, terrain: Path | None, **more: Any) -> Brief:
    """The brief of a survey; ``ground`` is a plane where there is no terrain file."""
    flat = (ground.alt_m, ground.datum.value, ground.sigma_m) if isinstance(ground, FlatGround) else None
    at = frame.origin
    origin = (at.lat_deg, at.lon_deg, at.alt_m, at.datum.value)
    return Brief(profile=profile, terrain=None if terrain is None else str(terrain), flat=flat, origin=origin, **more)


def station_of(brief: Brief) -> Station:
    """What the brief says, with its ground loaded."""
    if brief.flat is not None:
        alt_m, datum, sigma_m = brief.flat
        ground: Ground = FlatGround(alt_m, Datum(datum), sigma_m)
    else:
        ground = _terrain(str(brief.terrain))
    lat, lon, alt, datum = brief.origin
    frame = LocalFrame(GeoPoint(lat, lon, alt, Datum(datum)))
    return Station(brief.camera, brief.profile, brief.task, ground, frame, brief.epoch_s, brief.mapped)


@lru_cache(maxsize=2)
def _terrain(path: str) -> Ground:
    return read_terrain(Path(path))


def work(job: Job) -> tuple[bytes, list[str]]:
    """One piece, in whatever process: its bytes, and what is to be told of pictures that cannot be read."""
    import cv2

    cv2.setNumThreads(1)
    told: list[str] = []
    frames = job.frames or _read(job, told)
    return to_bytes(piece_of(station_of(job.brief), zip(job.taken, frames, strict=True), job.first_seq)), told


def _read(job: Job, told: list[str]) -> Iterator[Frame | None]:
    brief = job.brief
    for taken, path in zip(job.taken, job.paths, strict=True):
        try:
            data = Path(path).read_bytes()
            yield read(data, taken.name, kelvin_per_count=brief.kelvin_per_count, band=brief.profile.band).frame
        except (ReadError, OSError) as error:  # one torn picture must not cost the whole survey
            if taken.seq >= job.first_seq:
                told.append(str(error))
            yield None


def pieces(taken: Sequence[Taken]) -> Iterator[tuple[int, int, int]]:
    """(early, first, end) indices of every piece: from early it looks, from first it tells, before end it stops."""
    for first in range(0, len(taken), PIECE):
        yield max(0, first - EARLY), first, min(len(taken), first + PIECE)


# --- who works ------------------------------------------------------------------------------------------------------


class Pool(Protocol):
    """Somebody who works on jobs. ``width``: how many of them are worth being under way."""

    width: int

    def submit(self, job: Job) -> Callable[[], tuple[bytes, list[str]]]: ...


class _Here:
    """This process."""

    width = 1

    def submit(self, job: Job) -> Callable[[], tuple[bytes, list[str]]]:
        return lambda: work(job)


class _Processes:
    def __init__(self, executor: ProcessPoolExecutor, workers: int) -> None:
        self._executor, self.width = executor, workers + 2

    def submit(self, job: Job) -> Callable[[], tuple[bytes, list[str]]]:
        future: Future[tuple[bytes, list[str]]] = self._executor.submit(work, job)
        return future.result


class _Cluster:
    def __init__(self, client: Any) -> None:
        self._client = client
        self.width = 2 * max(1, len(client.scheduler_info()["workers"])) + 2

    def submit(self, job: Job) -> Callable[[], tuple[bytes, list[str]]]:
        future = self._client.submit(work, job, pure=False)

        def result() -> tuple[bytes, list[str]]:
            found: tuple[bytes, list[str]] = future.result()
            future.release()
            return found

        return result


@contextmanager
def pool_of(workers: int, scheduler: str | None, jobs: int) -> Iterator[Pool]:
    """This process for one piece or one worker; else processes; with ``scheduler`` a Dask cluster.

    Raises ClusterError.
    """
    if scheduler:
        with _client(scheduler) as client:
            yield _Cluster(client)
    elif min(workers, jobs) <= 1:
        yield _Here()
    else:
        many = min(workers, jobs)
        executor = ProcessPoolExecutor(many, multiprocessing.get_context("spawn"))
        try:
            yield _Processes(executor, many)
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        what = "pip install 'einsatzdrohne[cluster]', here and on the workers"
        raise ClusterError(f"--scheduler needs Dask: {what}") from None
    try:
        client = distributed.Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(f"--scheduler {scheduler}: no scheduler answers there ({error})") from error
    try:
        if not client.scheduler_info()["workers"]:
            raise ClusterError(f"--scheduler {scheduler}: it has no workers: start dask worker {scheduler}")
        yield client
    finally:
        client.close()


# --- what is kept ---------------------------------------------------------------------------------------------------


class Kept:
    """Finished pieces in a folder, by the digest of what they were made from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def name(self, job: Job) -> str:
        """The digest of a job."""
        digest = hashlib.sha256(json.dumps(_facts(job), sort_keys=True, default=str).encode())
        for path in job.paths:
            try:
                facts = os.stat(path)
                digest.update(f"{Path(path).name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
            except OSError:
                digest.update(b"missing\n")
        for frame in job.frames:
            digest.update(b"none" if frame is None else frame.image.tobytes())
        return digest.hexdigest()[:32]

    def get(self, name: str, station: Station) -> Piece | None:
        """A finished piece; None where there is none, or a torn one."""
        try:
            return from_bytes((self.folder / f"{name}.piece").read_bytes(), station)
        except (OSError, PieceError, ValueError, KeyError, TypeError):
            return None

    def put(self, name: str, data: bytes) -> None:
        """Whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{name}.part"
        part.write_bytes(data)
        os.replace(part, self.folder / f"{name}.piece")

    def clear(self) -> None:
        """The survey is done."""
        for path in self.folder.glob("*.p*"):
            path.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()


def _facts(job: Job) -> dict[str, Any]:
    brief = job.brief
    terrain = None
    if brief.terrain is not None:
        facts = os.stat(brief.terrain)
        terrain = [facts.st_size, facts.st_mtime_ns]
    return {
        "format": _FORMAT,
        "brief": asdict(brief),
        "terrain": terrain,
        "first": job.first_seq,
        "taken": [
            [one.seq, one.name, _pose_facts(one.pose), None if one.ground is None else asdict(one.ground)]
            for one in job.taken
        ],
    }


def _pose_facts(pose: Any) -> list[Any]:
    if isinstance(pose, NoPose):
        return [pose.time_s, pose.reason.value]
    at = pose.position
    return [pose.time_s, at.lat_deg, at.lon_deg, at.alt_m, pose.ned_from_mount.tolist(), pose.ned_from_body.tolist()]


def run_jobs(
    jobs: Iterable[Job], pool: Pool, kept: Kept | None, station: Station, told: Callable[[str], None]
) -> Iterator[Piece]:
    """Every piece in the order of the jobs; what is kept is not made again. Raises what a worker raised."""
    under_way: deque[tuple[str, Piece | None, Callable[[], tuple[bytes, list[str]]]]] = deque()

    def first() -> Piece:
        name, piece, result = under_way.popleft()
        if piece is not None:
            return piece
        data, lines = result()
        for line in lines:
            told(line)
        if kept is not None:
            kept.put(name, data)
        return from_bytes(data, station)

    for job in jobs:
        name = "" if kept is None else kept.name(job)
        piece = None if kept is None else kept.get(name, station)
        under_way.append((name, piece, _none if piece is not None else pool.submit(job)))
        while len(under_way) >= pool.width:
            yield first()
    while under_way:
        yield first()


def _none() -> tuple[bytes, list[str]]:
    raise AssertionError("a piece that is kept is not made again")
