"""DJI's WPML in a KMZ, out (developer.dji.com, "DJI WPML" 1.0.2): `wpmz/template.kml` and `wpmz/waylines.wpml`.

Written by the published description and **not yet flown on any DJI aircraft**; the file says so itself. The template is
what DJI Pilot 2 and FlightHub edit, the waylines what the aircraft flies; both hold the same waypoints here, with
heights above the take-off. Traps: coordinates are lon,lat, the take-off point is lat,lon,height; an action group holds
from one waypoint index to another.
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

from missions.formats.plan import FormatError, Plan
from missions.formats.route import Route, Waypoint, route_of

UNTESTED = "written by DJI's description of WPML 1.0.2, not yet flown on any DJI aircraft: try it without people below"
MOST_WAYPOINTS, LOWEST_SPEED_M_S, MOST_SPEED_M_S = 65_535, 1.0, 15.0
_LOWEST_CLIMB_M, _MOST_CLIMB_M = 1.2, 1_500.0


@dataclass(frozen=True, slots=True)
class Aircraft:
    """DJI's numbers of an aircraft and its camera ("Product Support" of the Cloud API)."""

    drone: int
    drone_sub: int
    payload: int


AIRCRAFT = {
    "m30t": Aircraft(67, 1, 53),
    "m3t": Aircraft(77, 1, 67),
    "m3td": Aircraft(91, 1, 81),
    "m4t": Aircraft(99, 1, 89),
    "m350-h20t": Aircraft(89, 0, 43),
    "m350-h30t": Aircraft(89, 0, 83),
}
USUAL_AIRCRAFT = "m30t"


def write(plan: Plan, aircraft: str = USUAL_AIRCRAFT) -> bytes:
    """Plan → KMZ. Raises FormatError: no home, heights above ground, nothing to fly, an unknown aircraft."""
    if aircraft not in AIRCRAFT:
        raise FormatError(f"aircraft {aircraft!r}; allowed are {', '.join(AIRCRAFT)}")
    route = route_of(plan)
    if len(route.points) > MOST_WAYPOINTS:
        raise FormatError(f"{plan.name}: {len(route.points)} waypoints; at most {MOST_WAYPOINTS}")
    config = _config(plan, route, AIRCRAFT[aircraft])
    files = {
        "wpmz/template.kml": _document(config, _template(route), "<wpml:author>einsatzdrohne</wpml:author>"),
        "wpmz/waylines.wpml": _document(config, _waylines(route), ""),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text.encode(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def lost(plan: Plan) -> tuple[str, ...]:
    """What of a plan the KMZ does not hold, in words."""
    route = route_of(plan)
    said = list(route.lost)
    odd = [point.seq for point in route.points if _speed(point.speed_m_s) != point.speed_m_s]
    if odd:
        said.append(f"speeds outside {LOWEST_SPEED_M_S:g} to {MOST_SPEED_M_S:g} m/s (item {odd[0]} and on)")
    return tuple(said)


def _document(config: str, folder: str, head: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:wpml="http://www.dji.com/wpmz/1.0.2">\n'
        f"<!-- {UNTESTED} -->\n<Document>{head}\n{config}\n{folder}\n</Document></kml>\n"
    )


def _tag(name: str, value: object) -> str:
    text = f"{value:.7f}".rstrip("0").rstrip(".") if isinstance(value, float) else escape(str(value))
    return f"<wpml:{name}>{text}</wpml:{name}>"


def _tags(**values: object) -> str:
    return "".join(_tag(name, value) for name, value in values.items())


def _config(plan: Plan, route: Route, aircraft: Aircraft) -> str:
    home = plan.home
    assert home is not None
    climb = min(max(route.takeoff_m, _LOWEST_CLIMB_M), _MOST_CLIMB_M)
    drone = _tags(droneEnumValue=aircraft.drone, droneSubEnumValue=aircraft.drone_sub)
    payload = _tags(payloadEnumValue=aircraft.payload, payloadPositionIndex=0)
    body = _tags(
        flyToWaylineMode="safely",
        finishAction={"return": "goHome", "land": "autoLand", "hover": "noAction"}[route.end],
        exitOnRCLost="executeLostAction",
        executeRCLostAction="goBack",
        takeOffSecurityHeight=climb,
        takeOffRefPoint=f"{home.lat_deg:.7f},{home.lon_deg:.7f},{home.alt_m:.2f}",
        globalTransitionalSpeed=_speed(route.points[0].speed_m_s),
    )
    return (
        f"<wpml:missionConfig>{body}<wpml:droneInfo>{drone}</wpml:droneInfo>"
        f"<wpml:payloadInfo>{payload}</wpml:payloadInfo></wpml:missionConfig>"
    )


def _template(route: Route) -> str:
    marks = "\n".join(_mark(number, point, route, "height") for number, point in enumerate(route.points))
    where = _tags(coordinateMode="WGS84", heightMode="relativeToStartPoint")
    first = route.points[0]
    return (
        f"<Folder>{_tags(templateType='waypoint', templateId=0)}"
        f"<wpml:waylineCoordinateSysParam>{where}</wpml:waylineCoordinateSysParam>"
        f"{_tags(autoFlightSpeed=_speed(first.speed_m_s), globalHeight=first.above_home_m)}"
        f"{_tags(gimbalPitchMode='usePointSetting', globalWaypointTurnMode=_TURN, globalUseStraightLine=1)}"
        f"<wpml:globalWaypointHeadingParam>{_heading(replace(first, look_at=None))}</wpml:globalWaypointHeadingParam>\n"
        f"{marks}\n</Folder>"
    )


def _waylines(route: Route) -> str:
    marks = "\n".join(_mark(number, point, route, "executeHeight") for number, point in enumerate(route.points))
    head = _tags(
        templateId=0, executeHeightMode="relativeToStartPoint", waylineId=0,
        autoFlightSpeed=_speed(route.points[0].speed_m_s),
    )  # fmt: skip
    return f"<Folder>{head}\n{marks}\n</Folder>"


_TURN = "toPointAndStopWithDiscontinuityCurvature"


def _mark(number: int, point: Waypoint, route: Route, height: str) -> str:
    own = ""
    if height == "height":
        # With heights above the take-off DJI's own files repeat them under ellipsoidHeight.
        own = _tags(
            useGlobalHeight=0, useGlobalSpeed=0, useGlobalHeadingParam=0, useGlobalTurnParam=0,
            gimbalPitchAngle=point.pitch_deg or 0.0, ellipsoidHeight=round(point.above_home_m, 2),
        )  # fmt: skip
    turn = _tags(waypointTurnMode=_TURN, waypointTurnDampingDist=0)
    return (
        f"<Placemark><Point><coordinates>{point.lon_deg:.7f},{point.lat_deg:.7f}</coordinates></Point>"
        f"{_tags(index=number)}{_tag(height, round(point.above_home_m, 2))}"
        f"{_tags(waypointSpeed=_speed(route.speed_onward(number)))}{own}"
        f"<wpml:waypointHeadingParam>{_heading(point)}</wpml:waypointHeadingParam>"
        f"<wpml:waypointTurnParam>{turn}</wpml:waypointTurnParam>{_tags(useStraightLine=1)}"
        f"{_actions(number, point, route)}</Placemark>"
    )


def _heading(point: Waypoint) -> str:
    if point.look_at is None:
        return _tags(waypointHeadingMode="followWayline", waypointHeadingPathMode="followBadArc")
    lat, lon, above = point.look_at
    return _tags(
        waypointHeadingMode="towardPOI", waypointPoiPoint=f"{lat:.7f},{lon:.7f},{above:.2f}",
        waypointHeadingPathMode="followBadArc",
    )  # fmt: skip


def _actions(number: int, point: Waypoint, route: Route) -> str:
    """What happens on reaching it, and pictures by distance up to where they end."""
    before = route.points[number - 1] if number else None
    here: list[tuple[str, str]] = []
    pitch = _pitch(point)
    if pitch is not None and (before is None or _pitch(before) != pitch):
        turn = _tags(
            gimbalHeadingYawBase="aircraft", gimbalRotateMode="absoluteAngle", gimbalPitchRotateEnable=1,
            gimbalPitchRotateAngle=pitch, gimbalRollRotateEnable=0, gimbalRollRotateAngle=0,
            gimbalYawRotateEnable=0, gimbalYawRotateAngle=0, gimbalRotateTimeEnable=0, gimbalRotateTime=0,
            payloadPositionIndex=0,
        )  # fmt: skip
        here.append(("gimbalRotate", turn))
    if point.hold_s > 0.0:
        here.append(("hover", _tags(hoverTime=point.hold_s)))
    if point.photo:
        here.append(("takePhoto", _tags(payloadPositionIndex=0)))
    groups = [_group(2 * number, number, number, _tags(actionTriggerType="reachPoint"), here)] if here else []
    if point.photo_every_m > 0.0 and (before is None or before.photo_every_m != point.photo_every_m):
        end = number
        while end + 1 < len(route.points) and route.points[end].photo_every_m == point.photo_every_m:
            end += 1
        trigger = _tags(actionTriggerType="multipleDistance", actionTriggerParam=point.photo_every_m)
        groups.append(_group(2 * number + 1, number, end, trigger, [("takePhoto", _tags(payloadPositionIndex=0))]))
    return "".join(groups)


def _pitch(point: Waypoint) -> float | None:
    """Of the gimbal: as told, or down to the point of interest."""
    if point.look_at is None:
        return point.pitch_deg
    lat, lon, above = point.look_at
    north = 111_320.0 * (lat - point.lat_deg)
    east = 111_320.0 * (lon - point.lon_deg) * math.cos(math.radians(point.lat_deg))
    return round(-math.degrees(math.atan2(point.above_home_m - above, max(math.hypot(north, east), 0.01))), 1)


def _group(group: int, first: int, last: int, trigger: str, actions: list[tuple[str, str]]) -> str:
    rows = "".join(
        f"<wpml:action>{_tags(actionId=number, actionActuatorFunc=name)}"
        f"<wpml:actionActuatorFuncParam>{values}</wpml:actionActuatorFuncParam></wpml:action>"
        for number, (name, values) in enumerate(actions)
    )
    head = _tags(actionGroupId=group, actionGroupStartIndex=first, actionGroupEndIndex=last, actionGroupMode="sequence")
    return f"<wpml:actionGroup>{head}<wpml:actionTrigger>{trigger}</wpml:actionTrigger>{rows}</wpml:actionGroup>"


def _speed(value: float) -> float:
    return min(max(value, LOWEST_SPEED_M_S), MOST_SPEED_M_S)
