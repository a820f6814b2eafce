"""What a picture says of itself: EXIF tags (CIPA DC-008) and DJI's XMP attributes, as plain numbers and texts.

Metadata are somebody's bytes: every offset and count is bounded before it is followed, a directory is read once, and
what does not parse is simply not known. XMP is not parsed as XML, which would open a door for entity bombs; its flat
``name="value"`` pairs are matched in a bounded text.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imagery.readers import jpeg
from imagery.readers.errors import ReadError

_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_MAKE, _MODEL, _EXIF_IFD, _GPS_IFD = 0x010F, 0x0110, 0x8769, 0x8825
_TIME, _ZONE, _PARTS, _FOCAL, _FOCAL_35 = 0x9003, 0x9011, 0x9291, 0x920A, 0xA405
_MOST_ENTRIES, _MOST_BYTES = 200, 2_000
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}
_FORMS = {1: "B", 3: "H", 4: "I", 9: "i"}
_PAIR = re.compile(
    r"""([A-Za-z-]{1,20}):([A-Za-z0-9]{1,40})\s{0,4}(?:=\s{0,4}["']([^"'<>]{0,200})["']|>([^<>]{0,200})</)"""
)

Values = tuple[float, ...] | str
Angles = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """None is not known. Angles are roll, pitch, yaw in degrees: the gimbal's from north and the horizon, not from the
    aircraft. ``alt_m`` is what the maker calls absolute (its datum depends on model and firmware: never held against
    terrain alone); ``above_home_m`` above the take-off. ``time_s`` is UTC; a picture that has only a local time has
    none. ``focal_35_mm``: equivalent focal length by the diagonal."""

    make: str = ""
    model: str = ""
    time_s: float | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    alt_m: float | None = None
    above_home_m: float | None = None
    gimbal_deg: Angles | None = None
    flight_deg: Angles | None = None
    laser_m: float | None = None
    focal_mm: float | None = None
    focal_35_mm: float | None = None
    rtk_sigma_m: float | None = None


def facts_of(data: bytes, name: str) -> PictureFacts:
    """Of a JPEG's bytes; of anything else, and where nothing is told, all is unknown."""
    exif, xmp = b"", ""
    if not data.startswith(jpeg.SIGNATURE):
        return PictureFacts()
    try:
        for _, body in jpeg.segments(data, name):
            if body.startswith(_EXIF) and not exif:
                exif = body[len(_EXIF) :]
            elif body.startswith(_XMP) and not xmp:
                xmp = body[len(_XMP) :].decode("utf-8", "replace")
    except ReadError:
        pass  # the reader of the picture itself names it
    main, camera, gps = _directories(exif)
    told = {f"{space}:{key}": value or text for space, key, value, text in _PAIR.findall(xmp)}
    return PictureFacts(
        make=_word(main.get(_MAKE)), model=_word(main.get(_MODEL)),
        time_s=_utc(told, gps, camera),
        lat_deg=_place(told, gps, "GpsLatitude", 2, "S", 90.0),
        lon_deg=_place(told, gps, "GpsLongitude", 4, "W", 180.0),
        alt_m=_dji(told, "AbsoluteAltitude"), above_home_m=_dji(told, "RelativeAltitude"),
        gimbal_deg=_angles(told, "Gimbal"), flight_deg=_angles(told, "Flight"),
        laser_m=_dji(told, "LRFTargetDistance"),
        focal_mm=_positive(camera.get(_FOCAL)), focal_35_mm=_positive(camera.get(_FOCAL_35)),
        rtk_sigma_m=_rtk(told),
    )  # fmt: skip


# --- EXIF -----------------------------------------------------------------------------------------------------------


def _directories(exif: bytes) -> tuple[dict[int, Values], dict[int, Values], dict[int, Values]]:
    """The main directory, the camera's and the GNSS's."""
    if exif[:4] not in (b"II*\0", b"MM\0*") or len(exif) < 8:
        return {}, {}, {}
    order = "<" if exif[:2] == b"II" else ">"
    main = _directory(exif, order, struct.unpack_from(order + "I", exif, 4)[0])
    inner = []
    for tag in (_EXIF_IFD, _GPS_IFD):
        at = main.get(tag)
        inner.append(_directory(exif, order, int(at[0])) if isinstance(at, tuple) and at else {})
    return main, inner[0], inner[1]


def _directory(exif: bytes, order: str, at: int) -> dict[int, Values]:
    if at < 8 or at + 2 > len(exif):
        return {}
    found: dict[int, Values] = {}
    (count,) = struct.unpack_from(order + "H", exif, at)
    for entry in range(min(count, _MOST_ENTRIES)):
        where = at + 2 + 12 * entry
        if where + 12 > len(exif):
            break
        tag, kind, number = struct.unpack_from(order + "HHI", exif, where)
        size = _SIZES.get(kind, 0) * number
        if not 0 < size <= _MOST_BYTES:
            continue
        begin = where + 8 if size <= 4 else struct.unpack_from(order + "I", exif, where + 8)[0]
        raw = exif[begin : begin + size]
        if len(raw) == size:
            found.setdefault(tag, _values(raw, order, kind, number))
    return found


def _values(raw: bytes, order: str, kind: int, number: int) -> Values:
    if kind in (2, 7):
        return raw.split(b"\0")[0].decode("ascii", "replace").strip()
    if kind in (5, 10):
        pairs = struct.unpack(f"{order}{2 * number}{'I' if kind == 5 else 'i'}", raw)
        return tuple(a / b if b else math.nan for a, b in zip(pairs[::2], pairs[1::2], strict=True))
    return tuple(float(value) for value in struct.unpack(f"{order}{number}{_FORMS[kind]}", raw))


def _word(value: Values | None) -> str:
    return value if isinstance(value, str) and value.isprintable() else ""


def _positive(value: Values | None) -> float | None:
    number = value[0] if isinstance(value, tuple) and value else math.nan
    return number if 0.0 < number < 10_000.0 else None


# --- what both tell -------------------------------------------------------------------------------------------------


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _dji(told: dict[str, str], key: str) -> float | None:
    return _number(told.get(f"drone-dji:{key}"))


def _angles(told: dict[str, str], of: str) -> Angles | None:
    roll, pitch, yaw = (_dji(told, f"{of}{axis}Degree") for axis in ("Roll", "Pitch", "Yaw"))
    if roll is None or pitch is None or yaw is None or max(abs(roll), abs(pitch), abs(yaw)) > 360.0:
        return None
    return roll, pitch, yaw


def _rtk(told: dict[str, str]) -> float | None:
    """One sigma of a fixed RTK solution (flag 50); anything else is as good as any receiver."""
    sigmas = [_dji(told, f"RtkStd{axis}") for axis in ("Lon", "Lat", "Hgt")]
    if _dji(told, "RtkFlag") != 50 or any(s is None or not 0.0 < s < 10.0 for s in sigmas):
        return None
    return max(s for s in sigmas if s is not None)


def _place(
    told: dict[str, str], gps: dict[int, Values], key: str, tag: int, negative: str, most: float
) -> float | None:
    value = _dji(told, key)
    if value is None and key == "GpsLongitude":
        value = _dji(told, "GpsLongtitude")  # so spelt by some firmwares
    degrees = gps.get(tag)
    if value is None and isinstance(degrees, tuple) and len(degrees) == 3:
        value = degrees[0] + degrees[1] / 60.0 + degrees[2] / 3600.0
        value = -value if _word(gps.get(tag - 1)) == negative else value
    # 0, 0 is what a receiver without a fix writes.
    return value if value is not None and math.isfinite(value) and 0.0 < abs(value) <= most else None


def _utc(told: dict[str, str], gps: dict[int, Values], camera: dict[int, Values]) -> float | None:
    """UTC of exposure: DJI's own, the receiver's, or the camera's clock where it says its zone."""
    stamp = _parsed(told.get("drone-dji:UTCAtExposure", ""), "%Y-%m-%dT%H:%M:%S.%f")
    if stamp is not None:
        return stamp
    day, clock = _word(gps.get(29)), gps.get(7)
    if isinstance(clock, tuple) and len(clock) == 3 and all(math.isfinite(part) for part in clock):
        midnight = _parsed(day, "%Y:%m:%d")
        if midnight is not None:
            return midnight + 3600.0 * clock[0] + 60.0 * clock[1] + clock[2]
    zone = re.fullmatch(r"([+-])(\d\d):(\d\d)", _word(camera.get(_ZONE)))
    local = _parsed(_word(camera.get(_TIME)), "%Y:%m:%d %H:%M:%S")
    if zone is None or local is None:
        return None
    ahead = timedelta(hours=int(zone[2]), minutes=int(zone[3])).total_seconds()
    parts = _word(camera.get(_PARTS))
    return local - (ahead if zone[1] == "+" else -ahead) + (float(f"0.{parts}") if parts.isdecimal() else 0.0)


def _parsed(text: str, form: str) -> float | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None
