"""The patterns of ``plan``: what each asks for, and the mission that comes of it. Reading files is this file's work."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shapely import Polygon

from imagery.sightings import utc
from missions import formats
from missions.airspace import RULES, Knowledge, fences_of
from missions.area import check_area, parse_area, parse_line
from missions.checks import Finding, Limits
from missions.corridor import corridor
from missions.daylight import check_daylight
from missions.duration import flight_time
from missions.energy import Conditions, Supply
from missions.fence import Fence, FencePolygon, fence_around, fence_items, rally_items
from missions.formats import ENDINGS, kml
from missions.geometry.camera import CameraProfile, parse_profile
from missions.geometry.geo import Datum, GeoPoint
from missions.geometry.terrain import Ground, TerrainGrid
from missions.geometry.terrain_files import TerrainError, read_terrain, require_cover
from missions.items import MissionItem
from missions.mission import Mission
from missions.orbit import orbit
from missions.power import parse_power
from missions.search import height_for
from missions.search_plan import AREA_PATTERNS, DATUM_PATTERNS, PATTERNS, Task, plan_search
from missions.survey import height_for_gsd, survey
from missions.wind import Air
from missions.wind_heading import choose_heading
from missions.zones import Zone, parse_zones

_USUAL = Task()
_USUAL_HEIGHT_M = 60.0


@dataclass(frozen=True, slots=True)
class Planned:
    """A mission, the terrain it was planned on, a line about its worth, and what it keeps out of (lon_deg, lat_deg)."""

    mission: Mission
    terrain: TerrainGrid | None = None
    worth: str = ""
    no_fly: tuple[Polygon, ...] = ()
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What a pattern looks at with which camera, and what for: enough to predict its coverage."""

    area: Polygon
    profile: CameraProfile
    target_m: float = _USUAL.target_m
    share: float = _USUAL.share


class BadInput(ValueError):
    """Input that cannot be used; its text is one complete sentence for the user."""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add every pattern as a sub-verb."""
    _register_survey(verbs.add_parser("survey", help="parallel lines over an area"))
    _register_corridor(verbs.add_parser("corridor", help="lines along a route"))
    _register_orbit(verbs.add_parser("orbit", help="once around a place, the camera on it"))
    _register_search(verbs.add_parser("search", help="IAMSAR patterns over an area, around a datum, along a route"))


def _register_survey(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--area", type=Path, required=True, help="GeoJSON or KML polygon")
    parser.add_argument("--camera", type=Path, required=True, help="camera profile (TOML or JSON)")
    parser.add_argument("--height-m", type=float, help="above the surface with --terrain, else above home (60)")
    parser.add_argument("--gsd-cm", type=float, help="instead of a height: ground that a pixel covers")
    parser.add_argument("--target-m", type=float, help="instead of a height: size that must cover 4 px")
    parser.add_argument("--sidelap", type=float, default=0.3, help="0 to 0.95 (default 0.3)")
    parser.add_argument("--heading-deg", type=float, help="of the lines; default: as --wind asks, else the long side")
    parser.add_argument("--crosshatch", action="store_true", help="a second set of lines at right angles")
    parser.add_argument("--no-fly", type=Path, action="append", default=[], help="GeoJSON polygon, led around")
    register_common(parser)


def _register_orbit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--centre", required=True, help="LAT,LON of the place looked at")
    parser.add_argument("--radius-m", type=float, default=40.0)
    parser.add_argument(
        "--height-m", type=float, default=40.0, help="above the surface with --terrain, else above home"
    )
    parser.add_argument("--turns", type=int, default=1)
    register_common(parser)


def register_common(parser: argparse.ArgumentParser, speed_m_s: float = 5.0) -> None:
    """What every pattern asks for."""
    parser.add_argument("--out", type=Path, required=True, help=f"target file ({' '.join(ENDINGS)})")
    parser.add_argument("--speed-m-s", type=float, default=speed_m_s)
    parser.add_argument("--home", help="LAT,LON[,ALT] of the take-off; ALT in metres above sea level")
    parser.add_argument("--terrain", type=Path, help="elevation raster: heights follow the surface")
    parser.add_argument("--fence-m", type=float, metavar="MARGIN", help="a geofence around the flight with this margin")
    parser.add_argument("--rally", action="append", default=[], metavar="LAT,LON,HEIGHT", help="HEIGHT above home")
    parser.add_argument("--quiet", action="store_true")
    add_supply(parser)
    add_airspace(parser)
    add_limits(parser)
    parser.add_argument("--fence-zones", action="store_true", help="the zones met become exclusion areas of the fence")


def fence_of(planned: Planned, margin_m: float | None, zones: tuple[Zone, ...] = ()) -> tuple[MissionItem, ...]:
    """Fence items: around home and everything flown to, and around what must not be overflown."""
    places = [*planned.mission.waypoints()]
    if planned.mission.home is not None:
        places.append(planned.mission.home)
    polygons = [] if margin_m is None else [fence_around(places, margin_m)]
    for area in planned.no_fly:
        corners = tuple((float(lat), float(lon)) for lon, lat in area.exterior.coords[:-1])
        polygons.append(FencePolygon(corners, False))
    polygons += fences_of(zones)
    return fence_items(Fence(tuple(polygons)))


def rally_of(args: argparse.Namespace) -> tuple[MissionItem, ...]:
    """Rally items of the command line."""
    points = []
    for text in args.rally:
        try:
            lat, lon, height = (float(part) for part in text.split(","))
        except ValueError as problem:
            raise BadInput(f"--rally {text!r}: LAT,LON,HEIGHT in numbers is needed") from problem
        points.append(GeoPoint(lat, lon, height, Datum.HOME))
    return rally_items(points)


def add_supply(parser: argparse.ArgumentParser) -> None:
    """What the energy of a flight needs."""
    parser.add_argument("--power", type=Path, metavar="FILE", help="power model (plan power): does the battery last?")
    parser.add_argument("--wind", metavar="M_S,FROM_DEG", help="for example 6,240: 6 m/s from the south-west")
    parser.add_argument("--temperature-c", type=float, default=15.0)


def add_airspace(parser: argparse.ArgumentParser) -> None:
    """What judging geographical zones needs."""
    parser.add_argument("--zones", type=Path, action="append", default=[], metavar="FILE", help="ED-269, ED-318, KML")
    parser.add_argument("--at", metavar="UTC[/UTC]", help="when it is flown: zones that hold then, daylight")
    parser.add_argument("--class", dest="mission_class", default="einsatz", choices=tuple(RULES))
    parser.add_argument("--qnh", type=float, metavar="HPA", help="for flight levels; without it they are a band")
    parser.add_argument("--undulation-m", type=float, metavar="M", help="geoid above ellipsoid (Duisburg 46)")


def zones_of(args: argparse.Namespace) -> tuple[Zone, ...]:
    """All zones of the files named."""
    return tuple(zone for path in args.zones for zone in parse_zones(text_of(path), str(path)))


def knowledge_of(args: argparse.Namespace) -> Knowledge:
    """What the options say of time, pressure and geoid."""
    begin, _, end = (args.at or "").partition("/")
    times = [utc(text, "--at") if text else None for text in (begin, end)]
    for name, value, low, high in (("--qnh", args.qnh, 870.0, 1090.0), ("--undulation-m", args.undulation_m, -110, 90)):
        if value is not None and not low <= value <= high:
            raise BadInput(f"{name} {value:g}: allowed are {low:g} to {high:g}")
    return Knowledge(times[0], times[1], args.qnh, args.undulation_m, args.mission_class)


def supply_of(args: argparse.Namespace) -> Supply | None:
    """None without ``--power``: nothing is said of the battery then."""
    air = conditions_of(args)
    if args.power is None:
        return None
    return Supply(parse_power(text_of(args.power), str(args.power)), air)


def air_of(args: argparse.Namespace) -> Air:
    """The wind, and what the aircraft has against it: as its power model says, else what is usual."""
    supply = supply_of(args)
    return Air(conditions_of(args)) if supply is None else supply.air


def conditions_of(args: argparse.Namespace) -> Conditions:
    """Wind and temperature of the command line."""
    speed_m_s, from_deg = 0.0, 0.0
    if args.wind is not None:
        try:
            speed_m_s, from_deg = (float(part) for part in args.wind.split(","))
        except ValueError as problem:
            raise BadInput(f"--wind {args.wind!r}: M_S,FROM_DEG is needed, for example 6,240") from problem
        if not (0.0 <= speed_m_s <= 40.0 and -360.0 <= from_deg <= 360.0):
            raise BadInput(f"--wind {args.wind!r}: allowed are 0 to 40 m/s from 0 to 360°")
    if not -40.0 <= args.temperature_c <= 60.0:
        raise BadInput(f"--temperature-c {args.temperature_c}: allowed are -40 to 60 °C")
    return Conditions(speed_m_s, from_deg, args.temperature_c)


def add_limits(parser: argparse.ArgumentParser) -> None:
    """What the way home and the radio need."""
    usual = Limits()
    parser.add_argument("--rtl-m", type=float, default=usual.rtl_m, help="RTL_ALT above home (15, ArduCopter's own)")
    parser.add_argument("--rtl-cone", type=float, default=usual.rtl_cone_slope, help="RTL_CONE_SLOPE (3; 0: no cone)")
    parser.add_argument(
        "--rally-limit-m", type=float, default=usual.rally_limit_m, help="RALLY_LIMIT_KM (300; 0: none)"
    )
    parser.add_argument("--link-m", type=float, help="how far the radio reaches")
    parser.add_argument("--link-mhz", type=float, default=usual.link_mhz, help="its frequency (2400)")
    parser.add_argument("--antenna-m", type=float, default=usual.antenna_m, help="its height above the ground at home")


def limits_of(args: argparse.Namespace) -> Limits:
    """Limits of the command line."""
    for name, value, low, high, unit in (
        ("--rtl-m", args.rtl_m, 0.0, 1000.0, "m"),
        ("--rtl-cone", args.rtl_cone, 0.0, 10.0, "times the distance"),
        ("--rally-limit-m", args.rally_limit_m, 0.0, 100_000.0, "m"),
        ("--link-m", args.link_m, 10.0, 100_000.0, "m"),
        ("--link-mhz", args.link_mhz, 100.0, 10_000.0, "MHz"),
        ("--antenna-m", args.antenna_m, 0.0, 100.0, "m"),
    ):
        if value is not None and not low <= value <= high:
            raise BadInput(f"{name} {value:g}: allowed are {low:g} to {high:g} {unit}")
    return Limits(
        rtl_m=args.rtl_m, rtl_cone_slope=args.rtl_cone, rally_limit_m=args.rally_limit_m, link_m=args.link_m,
        link_mhz=args.link_mhz, antenna_m=args.antenna_m,
    )  # fmt: skip


def daylight_of(
    args: argparse.Namespace, items: Sequence[MissionItem], home: GeoPoint | None, terrain: Ground | None
) -> list[Finding]:
    """Whether the flight stays in daylight: with ``--at``, which says when it begins (and perhaps ends)."""
    begin, _, end = (args.at or "").partition("/")
    if not begin or home is None or len(items) < 2:
        return []
    begin_s = utc(begin, "--at")
    end_s = utc(end, "--at") if end else begin_s + flight_time(items, home, terrain, air=air_of(args)).time_s
    return list(check_daylight(home, begin_s, end_s))


def _register_corridor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--route", type=Path, required=True, help="GeoJSON or KML line")
    parser.add_argument("--camera", type=Path, required=True, help="camera profile (TOML or JSON)")
    parser.add_argument("--width-m", type=float, required=True, help="of the strip, half of it to each side")
    parser.add_argument(
        "--height-m", type=float, default=60.0, help="above the surface with --terrain, else above home"
    )
    parser.add_argument("--sidelap", type=float, default=0.3, help="0 to 0.95 (default 0.3)")
    register_common(parser)


def _register_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pattern", choices=PATTERNS)
    parser.add_argument("--area", type=Path, help="GeoJSON polygon (parallel, creeping)")
    parser.add_argument("--datum", metavar="LAT,LON", help="last known or most likely place (square, sector)")
    parser.add_argument("--route", type=Path, help="GeoJSON line (trackline)")
    parser.add_argument("--camera", type=Path, required=True, help="camera profile (TOML or JSON)")
    parser.add_argument("--target-m", type=float, default=_USUAL.target_m, help="size searched for; gives the height")
    parser.add_argument("--height-m", type=float, help="above the surface; default: 4 px on the target, 20 to 120 m")
    parser.add_argument("--spacing-m", type=float, help="between tracks; default: swath and --overlap")
    parser.add_argument("--overlap", type=float, default=_USUAL.overlap, help="0 to 0.95 (0.4; under trees 0.75)")
    parser.add_argument("--share", type=float, default=_USUAL.share, help="detected of what is in the picture (0.8)")
    parser.add_argument("--heading-deg", type=float, default=0.0, help="of the first leg: down-drift (square, sector)")
    parser.add_argument("--legs", type=int, default=_USUAL.legs, help="of an expanding square (10)")
    parser.add_argument("--radius-m", type=float, default=_USUAL.radius_m, help="of a sector search (200)")
    parser.add_argument("--second", action="store_true", help="after a first one: turned by 45° (square), 30° (sector)")
    parser.add_argument("--drift-m-s", type=float, default=0.0, help="of what is searched for")
    parser.add_argument("--drift-to-deg", type=float, default=0.0, help="where to, clockwise from north")
    register_common(parser)


def text_of(path: Path) -> str:
    """The text of a file, a KMZ unpacked. Raises FormatError or BadInput naming it."""
    try:
        return formats.text_of(path.read_bytes(), str(path))
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror})") from problem


def place_of(option: str, text: str | None, terrain: TerrainGrid | None) -> GeoPoint | None:
    """`LAT,LON[,ALT]`; without ALT the terrain's height there, or 0 where there is no terrain."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as problem:
        raise BadInput(f"{option} {text!r}: LAT,LON or LAT,LON,ALT in numbers is needed") from problem
    if len(numbers) not in (2, 3):
        raise BadInput(f"{option} {text!r}: LAT,LON or LAT,LON,ALT is needed")
    lat, lon = numbers[:2]
    if len(numbers) == 3:
        return GeoPoint(lat, lon, numbers[2], Datum.SEA_LEVEL)
    place = GeoPoint(lat, lon, 0.0, Datum.SEA_LEVEL)
    if terrain is None:
        return place
    require_cover(terrain, lat, lon, option.removeprefix("--"))
    return replace(place, alt_m=float(terrain.height_at(lat, lon)))


def require_covered(path: Path, terrain: TerrainGrid, lat_deg: float, lon_deg: float, what: str) -> None:
    try:
        require_cover(terrain, lat_deg, lon_deg, what)
    except TerrainError as problem:
        raise BadInput(f"{path}: {problem}") from problem


def _survey(args: argparse.Namespace) -> Planned:
    area = drawn("area", args.area)
    profile = parse_profile(text_of(args.camera), str(args.camera))
    terrain = read_terrain(args.terrain) if args.terrain else None
    home = place_of("--home", args.home, terrain)
    no_fly = tuple(drawn("area", path) for path in args.no_fly)
    if terrain is not None:
        require_covered(args.terrain, terrain, area.centroid.y, area.centroid.x, f"the middle of {args.area}")
    height_m, heading_deg, why = _survey_height_m(args, profile), args.heading_deg, ""
    if args.wind is not None and heading_deg is None:
        choice = choose_heading(
            area, profile, height_m, args.sidelap, args.speed_m_s, conditions_of(args), supply_of(args), home
        )
        heading_deg, why = choice.heading_deg, choice.text()
    mission = survey(
        area, profile, height_m, sidelap=args.sidelap, speed_m_s=args.speed_m_s,
        heading_deg=heading_deg, home=home, terrain=terrain, crosshatch=args.crosshatch, no_fly=no_fly,
        name=args.area.stem,
    )  # fmt: skip
    look = Look(area, profile, args.target_m or _USUAL.target_m)
    return Planned(mission, terrain, why, no_fly=no_fly, look=look)


def _survey_height_m(args: argparse.Namespace, profile: CameraProfile) -> float:
    """By height, by ground sample distance or by the size of what is looked for: one of them."""
    given = [name for name in ("height_m", "gsd_cm", "target_m") if getattr(args, name) is not None]
    if len(given) > 1:
        raise BadInput(f"give one of --height-m, --gsd-cm and --target-m, not {len(given)}")
    if args.gsd_cm is not None:
        return height_for_gsd(profile, args.gsd_cm / 100.0)
    if args.target_m is not None:
        return height_for(profile, args.target_m)
    return _USUAL_HEIGHT_M if args.height_m is None else float(args.height_m)


def _orbit(args: argparse.Namespace) -> Planned:
    terrain = read_terrain(args.terrain) if args.terrain else None
    centre = place_of("--centre", args.centre, None)
    assert centre is not None
    if terrain is not None:
        require_covered(args.terrain, terrain, centre.lat_deg, centre.lon_deg, "the centre")
    mission = orbit(
        centre, args.radius_m, args.height_m, home=place_of("--home", args.home, terrain), terrain=terrain,
        turns=args.turns, speed_m_s=args.speed_m_s, name=args.out.stem,
    )  # fmt: skip
    return Planned(mission, terrain)


def _corridor(args: argparse.Namespace) -> Planned:
    terrain = read_terrain(args.terrain) if args.terrain else None
    mission = corridor(
        drawn("route", args.route),
        parse_profile(text_of(args.camera), str(args.camera)),
        args.height_m, width_m=args.width_m, sidelap=args.sidelap, speed_m_s=args.speed_m_s,
        home=place_of("--home", args.home, terrain), terrain=terrain, name=args.route.stem,
    )  # fmt: skip
    return Planned(mission, terrain)


def _search(args: argparse.Namespace) -> Planned:
    terrain = read_terrain(args.terrain) if args.terrain else None
    task = Task(
        args.target_m, args.height_m, args.spacing_m, args.overlap, args.share, args.speed_m_s, args.heading_deg,
        args.legs, args.radius_m, args.second, args.drift_m_s, args.drift_to_deg,
    )  # fmt: skip
    wanted = "area" if args.pattern in AREA_PATTERNS else "datum" if args.pattern in DATUM_PATTERNS else "route"
    given = getattr(args, wanted)
    if given is None:
        raise BadInput(f"a {args.pattern} search needs --{wanted}")
    where: Any = place_of("--datum", given, None) if wanted == "datum" else drawn(wanted, given)
    profile = parse_profile(text_of(args.camera), str(args.camera))
    mission, worth = plan_search(
        args.pattern, where, profile, task, home=place_of("--home", args.home, terrain), terrain=terrain,
        name=args.out.stem,
    )  # fmt: skip
    look = Look(where, profile, args.target_m, args.share) if wanted == "area" else None
    return Planned(mission, terrain, worth.text(), look=look)


def drawn(kind: str, path: Path) -> Any:
    """The one area or route of a GeoJSON, KML or KMZ file, longitude and latitude."""
    text = text_of(path)
    if not text.lstrip("\ufeff \n\r\t").startswith("<"):
        return (parse_area if kind == "area" else parse_line)(text, str(path))
    wanted = "area" if kind == "area" else "line"
    found = [shape for shape in kml.shapes(text, str(path)) if shape.kind == wanted]
    if len(found) != 1:
        raise BadInput(f"{path}: {len(found)} {wanted}s in this KML; exactly one is needed")
    places = found[0].places[:, :2]
    return check_area(Polygon(places), str(path)) if kind == "area" else places


PLANNERS: dict[str, Callable[[argparse.Namespace], Planned]] = {
    "survey": _survey,
    "corridor": _corridor,
    "orbit": _orbit,
    "search": _search,
}
"""Sub-verb → what it plans."""
