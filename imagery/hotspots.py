"""The memory of hotspots: many looks, one fire, one number.

A fold: ``fold(memory, observation, view)`` returns the next memory and what changed. What one hotspot makes of its
looks stands in `hotspot`; which look is whose in `assignment`; what the passes of several flights, or of several
drones, do to places in `passes`.

- *Confirmation*: three of the last five looks, or one above 150 °C. Then it gets its **number**, small, spoken over
  radio and never used again. What a search for fire found but never above 95 °C stays unconfirmed, however often it is
  seen: roofs, tanks and engines reach 90 °C in the sun. A search for embers or persons is asked for knowing that.
- In view and not seen is evidence against: an unconfirmed one is forgotten after five such looks; a confirmed one never
  disappears by itself, it only grows old.
- Two are joined when they lie within their own size, or when their places agree although no frame ever saw them apart:
  where that could be told by the places alone, or where one was seen time and again with the other in view and unseen.

A frame touches what it may see and nothing else: an index of places tells which that is, so that ten thousand hotspots
cost little more than ten.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from imagery.assignment import Known, assign, size2_m2
from imagery.detect import FIRE_ABOVE_K, KELVIN
from imagery.georeference import COMMON_STATES, View
from imagery.hotspot import Hotspot, apart_m, begun, joined, missed, risen, seen_again
from imagery.looks import GATE, MERGE_GAP_M, Sighting, sightings_of, stacked
from imagery.observe import FrameObservation
from imagery.passes import Passes
from imagery.trend import trend_of
from missions.geometry.geo import LocalFrame, utmref

__all__ = ["Event", "Hotspot", "HotspotMemory", "fold", "hotspot_id", "properties"]

Floats = NDArray[np.float64]

_LOOKS_NEEDED = 3
_SUN_WARMED_BELOW_K = 95.0 + KELVIN
_EDGE_MARGIN_M = 2.0
# Neighbours within this are remembered as others once a frame has seen both.
_NEIGHBOURS_M = 20.0
# Two whose places agree are one only where that could be told: this well known, and so often seen.
_AGREE, _TOLD_M, _TOLD_LOOKS, _TOLD_FARTHEST_M = 6.0, 1.5, 3, 6.0
# Flames cut one large fire into parts that come and go: what is so near to one has its own number once it is seen so
# often, every time of late.
_LARGE_M, _PARTS_APART_M, _PARTS_WITHIN_M, _OWN_LOOKS = 2.0, 4.0, 12.0, 10
# Seen so often while the other was in view and not, two that may be one are one; and oftener, if it is less likely.
_INSTEAD, _INSTEAD_OFTEN, _UNLIKELY = 3, 5, 16.0
# One look hardly moves a place by more.
_MOVES_M = 1.0


@dataclass(frozen=True, slots=True)
class Event:
    """What a fold changed: "new", "confirmed", "seen", "merged" or "forgotten", and which hotspot (its key)."""

    what: str
    key: int


@dataclass(frozen=True, slots=True, eq=False)
class _Index:
    """(N, 2) places of the hotspots that it is ``of``, and (N,) how far from there each may be met."""

    of: tuple[Hotspot, ...] = ()
    en: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    reach_m: Floats = field(default_factory=lambda: np.zeros(0))

    def within(self, low: Floats, high: Floats) -> list[int]:
        """The indices of those that may be met between two corners (2,), in their order."""
        (east, north), reach = self.en.T, self.reach_m
        column = np.flatnonzero((east + reach >= low[0]) & (east - reach <= high[0]))
        north, reach = north[column], reach[column]
        found: list[int] = column[(north + reach >= low[1]) & (north - reach <= high[1])].tolist()
        return found

    def next(self, hotspots: tuple[Hotspot, ...], changed: Sequence[int], gone: Sequence[int] = ()) -> _Index:
        """Of the next hotspots: without those ``gone``, new ones at the end; ``changed``: indices in the next ones."""
        en, reach = (np.delete(array, gone, axis=0) if gone else array for array in (self.en, self.reach_m))
        new = len(hotspots) - len(en)
        en, reach = np.concatenate([en, np.empty((new, 2))]), np.concatenate([reach, np.empty(new)])
        if changed:
            known = _known([hotspots[i] for i in changed])
            en[changed], reach[changed] = known.enu[:, :2], known.reach_m
        return _Index(hotspots, en, reach)


@dataclass(frozen=True, slots=True)
class HotspotMemory:
    """All hotspots of an incident, in the order in which they were first seen, and its passes."""

    hotspots: tuple[Hotspot, ...] = ()
    next_key: int = 1
    next_number: int = 1
    passes: Passes = field(default_factory=Passes)
    _index: _Index = field(default_factory=_Index)

    @property
    def confirmed(self) -> tuple[Hotspot, ...]:
        """Those with a number, by number."""
        return tuple(sorted((h for h in self.hotspots if h.number is not None), key=lambda h: h.number or 0))

    def get(self, key: int) -> Hotspot | None:
        """By key."""
        place = self.place_of(key)
        return None if place is None else self.hotspots[place]

    def place_of(self, key: int) -> int | None:
        """The index of a key."""
        place = bisect_left(self.hotspots, key, key=lambda h: h.key)
        return place if place < len(self.hotspots) and self.hotspots[place].key == key else None

    @property
    def index(self) -> _Index:
        """Where they are."""
        if self._index.of is self.hotspots:
            return self._index
        return _Index().next(self.hotspots, range(len(self.hotspots)))


def fold(
    memory: HotspotMemory, observation: FrameObservation, view: View | None, footprint_en: Floats | None
) -> tuple[HotspotMemory, tuple[Event, ...]]:
    """The next memory. ``view`` is None for a frame without a pose, which changes nothing."""
    if view is None or observation.refusal:
        return memory, ()
    sightings = sightings_of(observation, view)
    passes, now = memory.passes.now((observation.vehicle, observation.camera), observation.time_s)
    near = _near(memory.index, sightings)
    found, passes, now = assign(_known([memory.hotspots[i] for i in near]), sightings, passes, now)
    draft = _Draft(memory, passes)
    owners = {j: near[k] for k, j in found.items()}
    for j, i in sorted(owners.items(), key=lambda pair: pair[1]):
        draft.change(i, seen_again(memory.hotspots[i], sightings[j], observation, passes, now), "seen")
    unseen: list[int] = []
    for i in _well_inside(memory.index, footprint_en):
        if i not in draft.changed:
            draft.change(i, missed(memory.hotspots[i]), "")
            unseen.append(i)
    for j in range(len(sightings)):
        if j not in owners:
            owners[j] = draft.add(begun(draft.next_key, sightings[j], observation, now))
    draft.set_apart([owners[j] for j in range(len(sightings))], sightings)
    draft.set_instead([owners[j] for j in range(len(sightings))], unseen)
    draft.merge()
    draft.confirm()
    return draft.finished()


class _Draft:
    """The next memory while it is made; ``changed``: indices of what a look, or none, has changed."""

    def __init__(self, memory: HotspotMemory, passes: Passes) -> None:
        self._memory, self._passes = memory, passes
        self._hotspots: list[Hotspot | None] = list(memory.hotspots)
        self.changed: set[int] = set()
        self.next_key, self._next_number = memory.next_key, memory.next_number
        self._events: list[Event] = []

    def change(self, i: int, hotspot: Hotspot | None, what: str) -> None:
        """The next state of a hotspot; None forgets it."""
        self._hotspots[i] = hotspot
        self.changed.add(i)
        if hotspot is None:
            what = "forgotten"
        if what:
            self._events.append(Event(what, self._memory.hotspots[i].key))

    def add(self, hotspot: Hotspot) -> int:
        """A new one; its index."""
        self._hotspots.append(hotspot)
        self.next_key += 1
        self.changed.add(len(self._hotspots) - 1)
        self._events.append(Event("new", hotspot.key))
        return len(self._hotspots) - 1

    def set_apart(self, owners: list[int], sightings: list[Sighting]) -> None:
        """Remember which neighbours this frame has seen side by side."""
        if len(owners) < 2:
            return
        places = np.stack([s.place.enu[:2] for s in sightings])
        near = ((places[:, None] - places[None]) ** 2).sum(axis=2) < _NEIGHBOURS_M**2
        for j, owner in enumerate(owners):
            hotspot = self._at(owner)
            keys = {self._at(owners[k]).key for k in np.flatnonzero(near[j])}
            new = keys - hotspot.apart - {hotspot.key}
            if new:
                apart = hotspot.apart | new
                instead = {key: n for key, n in hotspot.instead.items() if key not in apart}
                self._hotspots[owner] = replace(hotspot, apart=apart, instead=instead)

    def set_instead(self, owners: list[int], unseen: list[int]) -> None:
        """Remember which neighbours were seen while another was in view and was not."""
        index = self._memory.index
        there = [i for i in unseen if self._hotspots[i] is not None]
        here = [i for i in owners if i < len(index.en)]
        if not there or not here:
            return
        apart = np.hypot(*(np.subtract.outer(index.en[here, axis], index.en[there, axis]) for axis in (0, 1)))
        for row, column in np.argwhere(apart < _NEIGHBOURS_M):
            seen, other = self._at(here[row]), self._at(there[column])
            if other.key not in seen.apart:
                instead = {**seen.instead, other.key: seen.instead.get(other.key, 0) + 1}
                self._hotspots[here[row]] = replace(seen, instead=instead)

    def merge(self) -> None:
        """Two hotspots that turn out to be one become the older (numbered) one."""
        for i, j in self._close_pairs():
            first, second = self._hotspots[i], self._hotspots[j]
            if first is None or second is None or not _are_one(first, second, self._passes):
                continue
            stays, goes = (j, i) if second.confirmed and not first.confirmed else (i, j)
            kept, gone = (second, first) if stays == j else (first, second)
            self._hotspots[stays], self._hotspots[goes] = joined(kept, gone, self._passes), None
            self.changed |= {stays, goes}
            self._events.append(Event("merged", gone.key))

    def _close_pairs(self) -> list[tuple[int, int]]:
        """Pairs i < j, at least one of them looked at just now, that are near enough to be one."""
        seen = sorted(i for i in self.changed if (h := self._hotspots[i]) is not None and h.looks[-1])
        if not seen:
            return []
        instead = {(min(i, other), max(i, other)) for i in seen for other in self._seen_instead_of(i)}
        # Where they were before this look, or are since it, is near enough to tell who may be one with whom.
        index, before = self._memory.index, len(self._memory.hotspots)
        en = np.array([index.en[i] if i < before else self._at(i).place_en for i in seen])
        others = index.within(en.min(axis=0) - _NEIGHBOURS_M, en.max(axis=0) + _NEIGHBOURS_M)
        others = [i for i in others if self._hotspots[i] is not None]
        theirs = np.concatenate([index.en[others], en[bisect_left(seen, before) :]])
        others += seen[bisect_left(seen, before) :]
        radii, passed = (np.array([getattr(self._at(i), name) for i in seen]) for name in ("radius_m", "passed"))
        their_radii, their_passed = (
            np.array([getattr(self._at(i), name) for i in others]) for name in ("radius_m", "passed")
        )
        touching = _touching_m(radii[:, None], their_radii[None])
        farther = np.where(np.not_equal.outer(passed, their_passed), _NEIGHBOURS_M, _MOVES_M)
        apart = np.hypot(*(np.subtract.outer(en[:, axis], theirs[:, axis]) for axis in (0, 1)))
        near = np.argwhere(apart <= np.maximum(touching, _TOLD_FARTHEST_M) + farther)
        close = {(min(seen[k], others[m]), max(seen[k], others[m])) for k, m in near if seen[k] != others[m]}
        return sorted(close | instead)

    def _seen_instead_of(self, i: int) -> list[int]:
        """Those that were in view and unseen often when this one was seen."""
        often = [key for key, times in self._at(i).instead.items() if times >= _INSTEAD]
        return [
            at for key in often if (at := self._memory.place_of(key)) is not None and self._hotspots[at] is not None
        ]

    def _at(self, i: int) -> Hotspot:
        hotspot = self._hotspots[i]
        assert hotspot is not None
        return hotspot

    def confirm(self) -> None:
        """Give numbers to those that have earned them, the largest first: what is beside it may be a part of it."""
        sure = [i for i in self.changed if (h := self._hotspots[i]) is not None and not h.confirmed and _is_sure(h)]
        earned: list[int] = []
        for i in sorted(sure, key=lambda i: (-self._at(i).area_m2, i)):
            if _is_its_own(self._at(i)) or not self._beside_a_large_one(i, earned):
                earned.append(i)
        for i in sorted(earned):
            hotspot = self._at(i)
            self._hotspots[i] = replace(hotspot, number=self._next_number)
            self._next_number += 1
            self._events.append(Event("confirmed", hotspot.key))

    def _beside_a_large_one(self, i: int, earned: list[int]) -> bool:
        hotspot = self._at(i)
        place, index = hotspot.place_en, self._memory.index
        near = index.within(place - _PARTS_WITHIN_M, place + _PARTS_WITHIN_M)
        others = [h for k in near if (h := self._hotspots[k]) is not None and h.confirmed]
        others += [self._at(k) for k in earned]
        large = [h for h in others if h.radius_m >= max(_LARGE_M, hotspot.radius_m)]
        return any(
            float(np.hypot(*(h.place_en - place))) < h.radius_m + hotspot.radius_m + _PARTS_APART_M for h in large
        )

    def finished(self) -> tuple[HotspotMemory, tuple[Event, ...]]:
        """The next memory and what changed."""
        gone = sorted(i for i in self.changed if self._hotspots[i] is None)
        if gone:
            hotspots = tuple(hotspot for hotspot in self._hotspots if hotspot is not None)
        else:
            hotspots = tuple(self._hotspots)  # type: ignore[arg-type]
        changed = [i - bisect_left(gone, i) for i in sorted(self.changed) if self._hotspots[i] is not None]
        before = [i for i in gone if i < len(self._memory.hotspots)]
        index = self._memory.index.next(hotspots, changed, before)
        memory = HotspotMemory(hotspots, self.next_key, self._next_number, self._passes, index)
        return memory, tuple(self._events)


def _near(index: _Index, sightings: Sequence[Sighting]) -> list[int]:
    """The indices of all that one of these sightings may be."""
    if not sightings:
        return []
    here = stacked(sightings)
    en, reach = here.enu[:, :2], here.reach_m[:, None]
    return index.within((en - reach).min(axis=0), (en + reach).max(axis=0))


def _known(hotspots: Sequence[Hotspot]) -> Known:
    rays = np.array([h.rays for h in hotspots]).reshape(-1, 3, 4 + COMMON_STATES)
    enu, noise, common = risen(rays, np.array([h.height_amsl_m for h in hotspots]))
    radii = np.array([h.radius_m for h in hotspots])
    doubt = noise[:, 0, 0] + noise[:, 1, 1] + 2.0 * (common[:, :2] ** 2).sum(axis=(1, 2))
    reach = np.sqrt(GATE * (doubt + 2.0 * size2_m2(radii, 0.0)))
    passed, first = np.array([h.passed for h in hotspots], np.int64), np.array([h.confirmed for h in hotspots], bool)
    return Known(enu, noise, common, radii, reach, passed, first)


def _well_inside(index: _Index, footprint_en: Floats | None) -> list[int]:
    """Indices of what lies in the footprint (M, 2) with all of its size, clear of the border."""
    if footprint_en is None:
        return []
    polygon = shapely.Polygon(footprint_en)
    near = index.within(footprint_en.min(axis=0), footprint_en.max(axis=0))
    if not near or not polygon.is_valid:
        return []
    points = shapely.points(index.en[near])
    margins = np.array([index.of[i].radius_m for i in near]) + _EDGE_MARGIN_M
    clear = shapely.contains(polygon, points) & (shapely.distance(polygon.exterior, points) >= margins)
    return [i for i, inside in zip(near, clear.tolist(), strict=True) if inside]


def _touching_m(radii: Floats, others: Floats) -> Floats:
    """How near the middles of two are that their own size makes one."""
    return np.asarray(0.7 * np.maximum(radii, others) + MERGE_GAP_M)


def _are_one(first: Hotspot, second: Hotspot, passes: Passes) -> bool:
    """Whether two hotspots, the older one first, are nearer than their size allows for two, or just the same place."""
    others = second.key in first.apart or first.key in second.apart
    seldom = max(first.sightings, second.sightings) < _TOLD_LOOKS
    instead = 0 if others else first.instead.get(second.key, 0) + second.instead.get(first.key, 0)
    touching = float(_touching_m(np.array(first.radius_m), np.array(second.radius_m)))
    # Most pairs are told without asking the passes, which takes longer.
    farthest = touching if others or seldom else max(touching, _TOLD_FARTHEST_M)
    moved = 0.0 if first.passed == second.passed else _NEIGHBOURS_M
    if instead < _INSTEAD and float(np.hypot(*(first.place_en - second.place_en))) > farthest + moved:
        return False
    between, spread = apart_m(first, second, passes)
    if float(np.hypot(*between)) <= touching:
        # Seen apart in this very frame, they are two.
        return not (second.last_seen_s == first.last_seen_s != first.first_seen_s)
    if others or seldom:
        return False
    sizes = float(size2_m2(np.array(first.radius_m), second.radius_m))
    square = float(between @ np.linalg.solve(spread + sizes * np.eye(2), between))
    if instead >= _INSTEAD and square < (_UNLIKELY if instead >= _INSTEAD_OFTEN else GATE):
        return True
    return square < _AGREE and float(np.linalg.eigvalsh(spread)[-1]) < _TOLD_M**2


def _is_sure(hotspot: Hotspot) -> bool:
    strong = hotspot.radiometric and hotspot.peak_k > FIRE_ABOVE_K
    often = hotspot.looks.count(True) >= _LOOKS_NEEDED
    sun_warmed = hotspot.radiometric and hotspot.kind == "fire" and hotspot.peak_k < _SUN_WARMED_BELOW_K
    return strong or (often and not sun_warmed)


def _is_its_own(hotspot: Hotspot) -> bool:
    return hotspot.sightings >= _OWN_LOOKS and all(hotspot.looks)


def hotspot_id(key: int) -> str:
    """The stable id of a hotspot within its incident."""
    return f"hs-{key:06d}"


def properties(hotspot: Hotspot, frame: LocalFrame) -> dict[str, Any]:
    """The agreed properties of a hotspot feature (times in UTC seconds under ``*_s``; the API adds ISO texts)."""
    place = hotspot.place
    lat, lon, _ = frame.geo_from_enu([*place.en, place.up_m])
    ellipse = place.ellipse
    # One pixel's temperature beside a stretched picture is what that place had at least.
    peak_k = hotspot.peak_k if hotspot.radiometric else hotspot.told_k
    return {
        "id": hotspot_id(hotspot.key),
        "number": hotspot.number,
        "kind": hotspot.kind,
        # Several looks make a number, not a fact: "confirmed" is the word of a crew that stood there.
        "status": "detected",
        "vehicle": hotspot.vehicle,
        "camera": hotspot.camera,
        "lat_deg": round(float(lat), 7),
        "lon_deg": round(float(lon), 7),
        "peak_c": None if peak_k is None else round(peak_k - KELVIN, 1),
        "peak_sigma_k": None if peak_k is None else 5.0,
        "peak_is_lower_bound": None if peak_k is None else hotspot.peak_lower_bound or not hotspot.radiometric,
        "contrast_k": round(hotspot.contrast_k, 1) if hotspot.radiometric else None,
        "area_m2": round(hotspot.area_m2, 2),
        "first_seen_s": round(hotspot.first_seen_s, 3),
        "last_seen_s": round(hotspot.last_seen_s, 3),
        "sightings": hotspot.sightings,
        "ellipse95": {
            "semi_major_m": round(ellipse.semi_major_m, 2),
            "semi_minor_m": round(ellipse.semi_minor_m, 2),
            "azimuth_deg": round(ellipse.azimuth_deg, 1),
        },
        "height_amsl_m": round(place.up_m + frame.origin.alt_m, 1),
        "utmref": utmref(float(lat), float(lon), 5 if ellipse.semi_major_m < 10.0 else 4),
        "confidence": None,
        "trend": trend_of(hotspot.levels),
        "frame": hotspot.picture or None,
        "relook_height_m": None,
        "assigned_to": None,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "reignited_at": None,
    }
