"""The folder that ``see`` writes: hotspots, coverage, fire edges and the re-look list as GeoJSON, the map as COG."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from api.area_features import coverage_facts, fire_features, multi_polygon, not_seen_features, relook_features
from api.cog import write_thermal
from api.geojson import hotspot_feature
from api.survey import Seen
from imagery.hotspots import properties
from imagery.perimeter import fire_areas
from missions.geometry.camera import CameraProfile

MODE = "auswertung"


def write_survey(folder: Path, seen: Seen) -> None:
    """Every file of a survey; each appears whole or not at all. Raises OSError, CogError."""
    folder.mkdir(parents=True, exist_ok=True)
    frame, picture = seen.surroundings.frame, seen.picture
    confirmed = picture.memory.confirmed
    again = {
        one["id"]: one["properties"] for one in relook_features(confirmed, {**seen.surroundings.profiles}, frame, MODE)
    }
    hotspots = []
    for hotspot in confirmed:
        feature = hotspot_feature(properties(hotspot, frame), frame, MODE)
        facts = again.get(feature["id"])
        feature["properties"]["relook_height_m"] = None if facts is None else facts["relook_height_m"]
        hotspots.append(feature)
    _write(folder / "hotspots.geojson", hotspots)
    _write(folder / "relook.geojson", relook_features(confirmed, {**seen.surroundings.profiles}, frame, MODE))
    coverage = picture.coverage
    facts = {"kind": "seen", "frames": coverage.frames, "area_m2": round(coverage.area_m2), **coverage_facts(coverage)}
    outline = {"type": "Feature", "geometry": multi_polygon(frame, coverage.polygons()), "properties": facts}
    _write(folder / "coverage.geojson", [outline, *not_seen_features(coverage, frame)])
    radiometric = seen.maps.get(True)
    areas = [] if radiometric is None else fire_areas(radiometric)
    _write(folder / "perimeter.geojson", fire_features(areas, MODE))
    for kind, name in ((True, "thermal.tif"), (False, "grey.tif")):
        made = seen.maps.get(kind)
        if made is None or not write_thermal(made, folder / name, now_s=seen.last_s):
            (folder / name).unlink(missing_ok=True)  # of an earlier run
    if seen.calibration is not None:
        _put(folder / "calibration.json", json.dumps(seen.calibration.to_json(), indent=1) + "\n")
        _put(folder / "camera-calibrated.toml", profile_toml(seen.profile))


def _write(path: Path, features: list[dict[str, Any]]) -> None:
    document = {"type": "FeatureCollection", "features": features}
    _put(path, json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def _put(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    os.replace(part, path)


def profile_toml(profile: CameraProfile) -> str:
    """A camera profile as a file that ``--camera-profile`` reads."""
    lines = []
    for one in fields(profile):
        value = getattr(profile, one.name)
        if isinstance(value, bool):
            lines.append(f"{one.name} = {str(value).lower()}")
        else:
            lines.append(f"{one.name} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def summary(seen: Seen) -> Iterator[str]:
    """What is said on the terminal."""
    counts, profile, picture = seen.counts, seen.profile, seen.picture
    yield f"{counts.frames} frames, {counts.placed} with a pose, {counts.refused} not looked at for hotspots"
    if left := unused(counts, profile):
        yield f"not used: {left}"
    if seen.calibration is not None:
        yield from calibration_lines(seen.calibration.to_json())
    if profile.band == "visible":
        yield "no hotspots: a daylight camera has no temperatures; footprints only"
        return
    yield f"{picture.coverage.area_m2 / 1e4:.2f} ha seen, {counts.detections} detections"
    if counts.not_mapped:
        yield f"not on the map: {counts.not_mapped} frames (the map is full)"
    for hotspot in picture.memory.confirmed:
        facts = properties(hotspot, seen.surroundings.frame)
        least = "≥ " if facts["peak_is_lower_bound"] else ""
        heat = "no °C" if facts["peak_c"] is None else f"{least}{facts['peak_c']} °C"
        yield f"hotspot {facts['number']}: {heat}, {facts['utmref']}, ± {facts['ellipse95']['semi_major_m']} m"
    if not picture.memory.confirmed:
        yield "no hotspot in what was seen"


def unused(counts: Any, profile: CameraProfile) -> str:
    """What was left out and why, in words; empty when nothing was."""
    size = f"of another size than the camera profile's {profile.width}×{profile.height}"
    told = {"unreadable": "unreadable", "misfit": size}
    return ", ".join(f"{number} {words}" for key, words in told.items() if (number := getattr(counts, key)))


def calibration_lines(found: dict[str, Any]) -> list[str]:
    """One line of what a calibration has found."""
    sigma = found["sigma"]
    return [
        f"calibration: time offset {found['time_offset_s']:+.3f} ± {sigma['time_offset_s']:.3f} s, roll pitch yaw "
        + " ".join(f"{found[f'{axis}_deg']:+.2f} ± {sigma[f'{axis}_deg']:.2f}" for axis in ("roll", "pitch", "yaw"))
        + f"°, scale {found['scale']:.4f} ± {sigma['scale']:.4f}"
    ]
