"""A long survey in pieces: the same frames in the same pieces, so the same bytes, however many workers there are.

A **piece** is a fixed number of frames in order. Whoever works on it looks at its frames as a live camera would, lays
them on a map of its own, and hands back observations and map as bytes. To judge frozen pictures and dead pixels it
begins a few frames early; those are looked at and not told. The pieces are put together in the order of the survey:
observations are folded one by one, maps are merged. Nothing depends on who did which piece, or when: a survey that was
interrupted goes on from the pieces that lie there, and what one worker makes of it is what eight make of it.

The bytes are JSON and raw arrays, never pickled objects: a piece that lies in a folder is data, and a torn one is
recognised by its checksum.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from imagery.frame import Frame, FrameKind
from imagery.georeference import View
from imagery.map_grid import TILE, MapGrid
from imagery.observe import FrameObservation, Observer
from imagery.thermal_map import MapTile, ThermalMap
from missions.geometry.camera import CameraProfile
from missions.geometry.geo import Datum, LocalFrame
from missions.geometry.pose import NoPose, Pose
from missions.geometry.terrain import FlatGround, Ground

PIECE = 96
# A dead pixel is one after twelve frames.
EARLY = 12
_MAGIC = b"einsatzdrohne piece 1\n"
_ARRAYS = (
    ("latest", np.uint16), ("hottest", np.uint16), ("mean", np.float32), ("looks", np.uint16), ("last_s", np.float32),
    ("before_s", np.float32), ("hot_s", np.float32),
)  # fmt: skip


class PieceError(ValueError):
    """Bytes that are no whole piece: torn, or written by another version."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the frames of a survey, or of a piece of it."""

    frames: int = 0
    placed: int = 0
    refused: int = 0
    detections: int = 0
    unreadable: int = 0
    misfit: int = 0
    not_mapped: int = 0

    def plus(self, other: Counts) -> Counts:
        """Both."""
        return Counts(*(a + b for a, b in zip(self.values(), other.values(), strict=True)))

    def values(self) -> tuple[int, ...]:
        """In the order of the fields."""
        return (self.frames, self.placed, self.refused, self.detections, self.unreadable, self.misfit, self.not_mapped)


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """One frame of a survey: its number from 1, its pose, and the ground below it where only the log knows it."""

    seq: int
    name: str
    pose: Pose | NoPose
    ground: FlatGround | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """What all pieces share. ``mapped``: whether a map is made; ``epoch_s``: UTC from which its times are counted."""

    camera: str
    profile: CameraProfile
    task: str
    ground: Ground
    frame: LocalFrame
    epoch_s: float
    mapped: bool = True
    grid: MapGrid = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", MapGrid(self.ground, self.frame))


@dataclass(slots=True, eq=False)
class Piece:
    """What was made of a piece: observations in order, maps by kind (True: temperatures), counts."""

    observations: list[FrameObservation] = field(default_factory=list)
    maps: dict[bool, ThermalMap] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)


def piece_of(station: Station, frames: Iterable[tuple[Taken, Frame | None]], first_seq: int) -> Piece:
    """Look at frames in order (None: not readable); those before ``first_seq`` only teach the guard."""
    observer, piece = Observer(station.profile, task=station.task), Piece()
    profile = station.profile
    for taken, frame in frames:
        told = taken.seq >= first_seq
        if frame is None:
            piece.counts = piece.counts.plus(Counts(unreadable=int(told)))
            continue
        if (frame.width, frame.height) != (profile.width, profile.height):
            # The profile says nothing about such a picture: no place is better than a wrong one.
            piece.counts = piece.counts.plus(Counts(misfit=int(told)))
            continue
        frame = replace(frame, vehicle=1, camera=station.camera, seq=taken.seq)
        seen = observer.see(frame)
        if not told:
            continue
        observation = FrameObservation(
            1, station.camera, taken.seq, taken.pose.time_s, taken.pose, seen.detections, seen.refusal, frame.name
        )
        piece.observations.append(observation)
        mapped = _lay(station, piece, frame, observation, taken)
        piece.counts = piece.counts.plus(
            Counts(
                frames=1,
                placed=int(isinstance(taken.pose, Pose)),
                refused=int(bool(seen.refusal)),
                detections=len(seen.detections),
                not_mapped=int(not mapped),
            )
        )
    return piece


def _lay(station: Station, piece: Piece, frame: Frame, observation: FrameObservation, taken: Taken) -> bool:
    """Whether a frame that could be laid on the map was."""
    pose = taken.pose
    if not station.mapped or observation.refusal or frame.kind is FrameKind.VISIBLE:
        return True
    if not isinstance(pose, Pose) or pose.position.datum is not Datum.SEA_LEVEL:
        return True
    if taken.ground is not None and isinstance(station.ground, FlatGround):
        # The log says another height of the ground under every frame; the map has one: what counts is the height above.
        lifted = pose.position.alt_m + station.ground.alt_m - taken.ground.alt_m
        pose = replace(pose, position=replace(pose.position, alt_m=lifted))
    view = View(pose, station.profile, station.ground, station.frame)
    made = piece.maps.get(frame.radiometric)
    if made is None:
        made = piece.maps[frame.radiometric] = empty_map(station, radiometric=frame.radiometric)
    before = made.left_out
    made.add(frame, view, observation.time_s)
    return made.left_out == before


def empty_map(station: Station, *, radiometric: bool) -> ThermalMap:
    """A map of the station's ground without anything on it."""
    return ThermalMap(station.grid, radiometric=radiometric, epoch_s=station.epoch_s)


# --- as bytes -------------------------------------------------------------------------------------------------------


def to_bytes(piece: Piece) -> bytes:
    """A piece as bytes that ``from_bytes`` turns back without losing a bit."""
    blobs: list[bytes] = []
    maps: list[dict[str, Any]] = []
    for radiometric, made in sorted(piece.maps.items()):
        tiles = []
        for key, tile in made.cells():
            tiles.append([*key, *(len(_packed(blobs, getattr(tile, name))) for name, _ in _ARRAYS)])
        maps.append(
            {
                "radiometric": radiometric, "frames": made.frames, "left_out": made.left_out,
                "apart_m2": made.apart_m2, "tiles": tiles,
            }
        )  # fmt: skip
    head = {
        "observations": [observation.to_json() for observation in piece.observations],
        "counts": piece.counts.values(),
        "maps": maps,
    }
    text = json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
    body = len(text).to_bytes(8, "big") + text + b"".join(blobs)
    return _MAGIC + hashlib.sha256(body).digest() + body


def _packed(blobs: list[bytes], array: np.ndarray) -> bytes:
    blobs.append(zlib.compress(np.ascontiguousarray(array).tobytes(), 1))
    return blobs[-1]


def from_bytes(data: bytes, station: Station) -> Piece:
    """The inverse. Raises PieceError."""
    start = len(_MAGIC)
    body = data[start + 32 :]
    if data[:start] != _MAGIC or hashlib.sha256(body).digest() != data[start : start + 32]:
        raise PieceError("no whole piece of a survey")
    size = int.from_bytes(body[:8], "big")
    head, at = json.loads(body[8 : 8 + size]), 8 + size
    piece = Piece([FrameObservation.from_json(one) for one in head["observations"]], {}, Counts(*head["counts"]))
    for facts in head["maps"]:
        made = empty_map(station, radiometric=facts["radiometric"])
        made.frames, made.left_out, made.apart_m2 = facts["frames"], facts["left_out"], facts["apart_m2"]
        for column, row, *sizes in facts["tiles"]:
            arrays: dict[str, Any] = {}
            for (name, kind), length in zip(_ARRAYS, sizes, strict=True):
                raw = zlib.decompress(body[at : at + length])
                arrays[name] = np.frombuffer(raw, kind).reshape(TILE, TILE).copy()
                at += length
            made.tiles[column, row] = MapTile(made.grid.place((column, row)), **arrays)
        piece.maps[facts["radiometric"]] = made
    return piece
