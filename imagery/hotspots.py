"""The memory of hotspots: many looks, one fire, one number.

A fold: ``fold(memory, observation, view)`` returns the next memory and what changed. Each hotspot is an information
filter on the ground (east, north): independent **noise** adds information; how the **common** states of the flight
moved each look (``Place.common``) is averaged with the same weights and added when the ellipse is asked for, so that a
thousand looks through the same crooked mount never look better than the mount.

- *Assignment* is one to one within a frame, nearest first, inside the 99 % gate (d² < 9.21, two degrees of freedom),
  the gate widened by the fire's own size and by what this look and the earlier ones differ under the common states
  (which another drone does not share: its receiver and its mount err by themselves).
- *Confirmation*: three of the last five looks, or one above 150 °C. Then it gets its **number**, small, spoken over
  radio and never used again. What a search for fire found but never above 95 °C stays unconfirmed, however often it is
  seen: roofs, tanks and engines reach 90 °C in the sun. A search for embers or persons is asked for knowing that.
- In view and not seen is evidence against: an unconfirmed one is forgotten after five such looks; a confirmed one never
  disappears by itself, it only grows old.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from imagery.detect import FIRE_ABOVE_K, KELVIN
from imagery.georeference import Ellipse95, NoPlace, Place, View, ellipse95
from imagery.observe import FrameObservation
from missions.geometry.geo import LocalFrame, utmref

Floats = NDArray[np.float64]

GATE = 9.21
_LOOKS_REMEMBERED = 5
_LOOKS_NEEDED = 3
_FORGET_AFTER = 5
_SUN_WARMED_BELOW_K = 95.0 + KELVIN
# Two parts of one fire closer than this are one; a fire brigade's hose reaches both.
_MERGE_GAP_M = 0.6
_EDGE_MARGIN_M = 2.0
# A larger region is a burning area, whose parts keep their own places; it must not swallow its neighbours.
_MAX_RADIUS_M = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Hotspot:
    """One remembered source of heat; metres, kelvin.

    ``information`` (2, 2) 1/m², ``vector`` (2,) and ``pulls`` (2, COMMON_STATES) are sums over the looks of Λ, Λ x and
    Λ F, with the place x and its columns F of common states.
    """

    key: int
    number: int | None
    kind: str
    vehicle: int
    camera: str
    information: Floats
    vector: Floats
    pulls: Floats
    height_amsl_m: float
    peak_k: float
    peak_lower_bound: bool
    latest_peak_k: float
    contrast_k: float
    area_m2: float
    radius_m: float
    whole: bool
    radiometric: bool
    first_seen_s: float
    last_seen_s: float
    sightings: int
    looks: tuple[bool, ...]
    picture: str
    several: bool = False
    """Whether more than one drone has seen it."""

    @property
    def confirmed(self) -> bool:
        """Whether it has a number."""
        return self.number is not None

    @property
    def place_en(self) -> Floats:
        """(2,) east, north, metres."""
        return np.asarray(np.linalg.solve(self.information, self.vector), np.float64)

    @property
    def noise_m2(self) -> Floats:
        """(2, 2) what is left of the noise."""
        return np.asarray(np.linalg.inv(self.information), np.float64)

    @property
    def common(self) -> Floats:
        """(2, COMMON_STATES) how one sigma of each common state moves the place, metres."""
        return np.asarray(np.linalg.solve(self.information, self.pulls), np.float64)

    @property
    def covariance_m2(self) -> Floats:
        """(2, 2) remaining noise and all of the common error."""
        common = self.common
        return np.asarray(self.noise_m2 + common @ common.T, np.float64)

    @property
    def ellipse(self) -> Ellipse95:
        """The 95 % ellipse."""
        return ellipse95(self.covariance_m2)


@dataclass(frozen=True, slots=True)
class Event:
    """What a fold changed: "new", "confirmed", "seen", "merged" or "forgotten", and which hotspot (its key)."""

    what: str
    key: int


@dataclass(frozen=True, slots=True)
class HotspotMemory:
    """All hotspots of an incident, in the order in which they were first seen."""

    hotspots: tuple[Hotspot, ...] = ()
    next_key: int = 1
    next_number: int = 1

    @property
    def confirmed(self) -> tuple[Hotspot, ...]:
        """Those with a number, by number."""
        return tuple(sorted((h for h in self.hotspots if h.number is not None), key=lambda h: h.number or 0))

    def get(self, key: int) -> Hotspot | None:
        """By key."""
        return next((h for h in self.hotspots if h.key == key), None)


@dataclass(frozen=True, slots=True, eq=False)
class _Sighting:
    place: Place
    index: int
    radius_m: float
    area_m2: float
    edge: bool


def fold(
    memory: HotspotMemory, observation: FrameObservation, view: View | None, footprint_en: Floats | None
) -> tuple[HotspotMemory, tuple[Event, ...]]:
    """The next memory. ``view`` is None for a frame without a pose, which changes nothing."""
    if view is None or observation.refusal:
        return memory, ()
    sightings = _sightings(observation, view)
    places = _places(memory.hotspots)
    matches = _assign(memory.hotspots, places, sightings, observation.vehicle)
    in_view = _well_inside(memory.hotspots, places, footprint_en)
    events: list[Event] = []
    kept: list[Hotspot] = []
    for index, hotspot in enumerate(memory.hotspots):
        matched = matches.get(index)
        if matched is not None:
            kept.append(_seen_again(hotspot, sightings[matched], observation))
            events.append(Event("seen", hotspot.key))
        else:
            missed = _missed(hotspot) if in_view[index] else hotspot
            if missed is None:
                events.append(Event("forgotten", hotspot.key))
            else:
                kept.append(missed)
    memory = replace(memory, hotspots=tuple(kept))
    for index in sorted(set(range(len(sightings))) - set(matches.values())):
        memory = _begin(memory, sightings[index], observation)
        events.append(Event("new", memory.hotspots[-1].key))
    memory, merged = _merge(memory)
    events += merged
    memory, confirmed = _confirm(memory)
    return memory, (*events, *confirmed)


def _sightings(observation: FrameObservation, view: View) -> list[_Sighting]:
    found = observation.detections
    # The centroid of a large or half-seen fire is not its middle: its own size is part of the doubt.
    sides = found.bbox[:, 2:].max(axis=1, initial=0)
    sizes = 0.15 * np.sqrt(found.area_px) + np.where(found.edge, 0.5 * sides, 0.0)
    sigmas = np.hypot(view.profile.pixel_sigma_px, sizes)
    sightings = []
    for i, place in enumerate(view.places(np.column_stack([found.u, found.v]), sigma_px=sigmas.tolist())):
        if isinstance(place, NoPlace):
            continue
        area = float(found.area_px[i]) * place.pixel_m**2
        radius = min(_MAX_RADIUS_M, 0.5 * float(sides[i]) * place.pixel_m)
        sightings.append(_Sighting(place, i, radius, area, bool(found.edge[i])))
    return _one_fire_each(sightings)


def _one_fire_each(sightings: list[_Sighting]) -> list[_Sighting]:
    """Drop the smaller of two parts that touch: flames and shadows cut one fire into several regions."""
    kept: list[_Sighting] = []
    for sighting in sorted(sightings, key=lambda s: -s.area_m2):
        if all(
            float(np.hypot(*(sighting.place.enu - other.place.enu)[:2]))
            > sighting.radius_m + other.radius_m + _MERGE_GAP_M
            for other in kept
        ):
            kept.append(sighting)
    return sorted(kept, key=lambda s: s.index)


def _places(hotspots: Sequence[Hotspot]) -> Floats:
    """(N, 2) east-north of all of them at once."""
    if not hotspots:
        return np.zeros((0, 2))
    information, vectors = np.stack([h.information for h in hotspots]), np.stack([h.vector for h in hotspots])
    return np.asarray(np.linalg.solve(information, vectors[..., None])[..., 0], np.float64)


def _distances2(hotspots: Sequence[Hotspot], places: Floats, sightings: list[_Sighting], vehicle: int) -> Floats:
    """(N, M) squared Mahalanobis distances of what a vehicle sights, the fires' own sizes allowed for."""
    information = np.stack([h.information for h in hotspots])
    remembered = np.linalg.inv(information)
    seen = np.stack([s.place.noise_m2 for s in sightings])
    # What the common states do to both alike is no difference between them; another drone has its own.
    ours = np.linalg.solve(information, np.stack([h.pulls for h in hotspots]))[:, None]
    theirs = np.stack([s.place.common for s in sightings])[None]
    alone = np.array([h.several or h.vehicle != vehicle for h in hotspots])[:, None, None, None]
    shared = (ours - theirs) @ (ours - theirs).swapaxes(-1, -2)
    common = np.where(alone, ours @ ours.swapaxes(-1, -2) + theirs @ theirs.swapaxes(-1, -2), shared)
    size2 = 0.25 * np.add.outer([h.radius_m**2 for h in hotspots], [s.radius_m**2 for s in sightings]) + 0.05
    spread = remembered[:, None] + seen[None] + common
    east2, both, north2 = spread[..., 0, 0] + size2, spread[..., 0, 1], spread[..., 1, 1] + size2
    apart = np.stack([s.place.enu[:2] for s in sightings])[None] - places[:, None]
    e, n = apart[..., 0], apart[..., 1]
    return np.asarray((north2 * e * e - 2.0 * both * e * n + east2 * n * n) / (east2 * north2 - both * both))


def _assign(hotspots: tuple[Hotspot, ...], places: Floats, sightings: list[_Sighting], vehicle: int) -> dict[int, int]:
    """{index of hotspot: index of sighting}, nearest pairs first."""
    if not hotspots or not sightings:
        return {}
    distances2 = _distances2(hotspots, places, sightings, vehicle)
    pairs = []
    for i, j in np.argwhere(distances2 < GATE).tolist():
        # A numbered hotspot has the first claim: a new, unsure one beside it must not take its sightings.
        pairs.append((float(distances2[i, j]) + (0.0 if hotspots[i].confirmed else 1.0), i, j))
    matches: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(pairs):
        if i not in matches and j not in taken:
            matches[i] = j
            taken.add(j)
    return matches


def _begin(memory: HotspotMemory, sighting: _Sighting, observation: FrameObservation) -> HotspotMemory:
    found, i, place = observation.detections, sighting.index, sighting.place
    information = np.asarray(np.linalg.inv(place.noise_m2), np.float64)
    hotspot = Hotspot(
        key=memory.next_key,
        number=None,
        kind=found.kind,
        vehicle=observation.vehicle,
        camera=observation.camera,
        information=information,
        vector=information @ place.enu[:2],
        pulls=information @ place.common,
        height_amsl_m=float(place.enu[2]),
        peak_k=float(found.peak[i]),
        peak_lower_bound=bool(found.lower_bound[i]),
        latest_peak_k=float(found.peak[i]),
        contrast_k=float(found.contrast[i]),
        area_m2=sighting.area_m2,
        radius_m=sighting.radius_m,
        whole=not sighting.edge,
        radiometric=found.radiometric,
        first_seen_s=observation.time_s,
        last_seen_s=observation.time_s,
        sightings=1,
        looks=(True,),
        picture=observation.picture,
    )
    return replace(memory, hotspots=(*memory.hotspots, hotspot), next_key=memory.next_key + 1)


def _seen_again(hotspot: Hotspot, sighting: _Sighting, observation: FrameObservation) -> Hotspot:
    found, i, place = observation.detections, sighting.index, sighting.place
    information, vector, pulls = hotspot.information, hotspot.vector, hotspot.pulls
    first_whole = not sighting.edge and not hotspot.whole
    added = np.asarray(np.linalg.inv(place.noise_m2), np.float64)
    if first_whole:  # so far only parts were seen, cut by the border: the first whole view starts the place anew
        information, vector, pulls = added, added @ place.enu[:2], added @ place.common
    elif not (sighting.edge and hotspot.whole):
        information, vector = information + added, vector + added @ place.enu[:2]
        pulls = pulls + added @ place.common
    share = 1.0 if first_whole else 1.0 / min(hotspot.sightings + 1, 200)
    peak = float(found.peak[i])
    hotter = peak > hotspot.peak_k
    larger = not sighting.edge or not hotspot.whole
    return replace(
        hotspot,
        information=information,
        vector=vector,
        pulls=pulls,
        height_amsl_m=hotspot.height_amsl_m + share * (float(place.enu[2]) - hotspot.height_amsl_m),
        peak_k=max(peak, hotspot.peak_k),
        peak_lower_bound=bool(found.lower_bound[i]) if hotter else hotspot.peak_lower_bound,
        latest_peak_k=peak,
        contrast_k=max(float(found.contrast[i]), hotspot.contrast_k),
        area_m2=0.8 * hotspot.area_m2 + 0.2 * sighting.area_m2 if larger else hotspot.area_m2,
        radius_m=max(sighting.radius_m, 0.9 * hotspot.radius_m) if larger else hotspot.radius_m,
        whole=hotspot.whole or not sighting.edge,
        last_seen_s=observation.time_s,
        sightings=hotspot.sightings + 1,
        looks=(*hotspot.looks, True)[-_LOOKS_REMEMBERED:],
        picture=observation.picture if hotter and observation.picture else hotspot.picture,
        vehicle=observation.vehicle,
        camera=observation.camera,
        several=hotspot.several or hotspot.vehicle != observation.vehicle,
    )


def _missed(hotspot: Hotspot) -> Hotspot | None:
    """In view and not seen is a look against it; None when an unconfirmed one has had enough of them."""
    looks = (*hotspot.looks, False)[-_LOOKS_REMEMBERED:]
    if not hotspot.confirmed and looks[-_FORGET_AFTER:].count(False) >= _FORGET_AFTER:
        return None
    return replace(hotspot, looks=looks)


def _well_inside(hotspots: Sequence[Hotspot], places: Floats, footprint_en: Floats | None) -> NDArray[np.bool_]:
    """(N,) whether each lies in the footprint (M, 2) with all of its size, clear of the border."""
    if footprint_en is None or not hotspots:
        return np.zeros(len(hotspots), np.bool_)
    polygon = shapely.Polygon(footprint_en)
    if not polygon.is_valid:
        return np.zeros(len(hotspots), np.bool_)
    points = shapely.points(places)
    margins = np.array([h.radius_m for h in hotspots]) + _EDGE_MARGIN_M
    clear = shapely.contains(polygon, points) & (shapely.distance(polygon.exterior, points) >= margins)
    return np.asarray(clear, np.bool_)


def _merge(memory: HotspotMemory) -> tuple[HotspotMemory, list[Event]]:
    """Two hotspots that turn out to be one become the older (numbered) one."""
    events: list[Event] = []
    hotspots = list(memory.hotspots)
    gone: set[int] = set()
    for i, j in _close_pairs(hotspots):
        first, second = hotspots[i], hotspots[j]
        if i in gone or j in gone or second.last_seen_s == first.last_seen_s != first.first_seen_s:
            continue  # seen apart in the same frame: they are two
        stays, goes = (j, i) if second.confirmed and not first.confirmed else (i, j)
        hotspots[stays] = _joined(hotspots[stays], hotspots[goes])
        gone.add(goes)
        events.append(Event("merged", hotspots[goes].key))
    return replace(memory, hotspots=tuple(h for k, h in enumerate(hotspots) if k not in gone)), events


def _close_pairs(hotspots: Sequence[Hotspot]) -> list[tuple[int, int]]:
    """Pairs i < j that are nearer than their own size allows for two."""
    places, radii = _places(hotspots), np.array([h.radius_m for h in hotspots])
    apart = np.hypot(*(np.subtract.outer(places[:, axis], places[:, axis]) for axis in (0, 1)))
    near = np.triu(apart <= 0.7 * np.maximum.outer(radii, radii) + _MERGE_GAP_M, k=1)
    return [(i, j) for i, j in np.argwhere(near).tolist()]


def _joined(stays: Hotspot, goes: Hotspot) -> Hotspot:
    return replace(
        stays,
        information=stays.information + goes.information,
        vector=stays.vector + goes.vector,
        pulls=stays.pulls + goes.pulls,
        peak_k=max(stays.peak_k, goes.peak_k),
        contrast_k=max(stays.contrast_k, goes.contrast_k),
        area_m2=max(stays.area_m2, goes.area_m2),
        radius_m=max(stays.radius_m, goes.radius_m),
        first_seen_s=min(stays.first_seen_s, goes.first_seen_s),
        last_seen_s=max(stays.last_seen_s, goes.last_seen_s),
        sightings=stays.sightings + goes.sightings,
        several=stays.several or goes.several or stays.vehicle != goes.vehicle,
    )


def _confirm(memory: HotspotMemory) -> tuple[HotspotMemory, tuple[Event, ...]]:
    events = []
    hotspots = []
    number = memory.next_number
    for hotspot in memory.hotspots:
        strong = hotspot.radiometric and hotspot.peak_k > FIRE_ABOVE_K
        often = hotspot.looks.count(True) >= _LOOKS_NEEDED
        sun_warmed = hotspot.radiometric and hotspot.kind == "fire" and hotspot.peak_k < _SUN_WARMED_BELOW_K
        if not hotspot.confirmed and (strong or (often and not sun_warmed)):
            hotspot = replace(hotspot, number=number)
            number += 1
            events.append(Event("confirmed", hotspot.key))
        hotspots.append(hotspot)
    return replace(memory, hotspots=tuple(hotspots), next_number=number), tuple(events)


def hotspot_id(key: int) -> str:
    """The stable id of a hotspot within its incident."""
    return f"hs-{key:06d}"


def properties(hotspot: Hotspot, frame: LocalFrame) -> dict[str, Any]:
    """The agreed properties of a hotspot feature (times in UTC seconds under ``*_s``; the API adds ISO texts)."""
    east, north = hotspot.place_en
    lat, lon, _ = frame.geo_from_enu([east, north, hotspot.height_amsl_m])
    ellipse = hotspot.ellipse
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
        "peak_c": round(hotspot.peak_k - KELVIN, 1) if hotspot.radiometric else None,
        "peak_sigma_k": 5.0 if hotspot.radiometric else None,
        "peak_is_lower_bound": hotspot.peak_lower_bound if hotspot.radiometric else None,
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
        "height_amsl_m": round(hotspot.height_amsl_m + frame.origin.alt_m, 1),
        "utmref": utmref(float(lat), float(lon), 5 if ellipse.semi_major_m < 10.0 else 4),
        "confidence": None,
        "trend": "unknown",
        "frame": hotspot.picture or None,
        "relook_height_m": None,
        "assigned_to": None,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "reignited_at": None,
    }
