"""A camera at this machine itself (V4L2), 16 bits a pixel: ``v4l2:/dev/video0?kelvin_per_count=0.01``.

Y16 is what thermal modules give over USB (Boson, Lepton, Tau). Whether its numbers are temperatures depends on how the
module is set (TLinear) and no format says it: only the operator's ``kelvin_per_count`` (and ``kelvin_offset``) makes
kelvin of them; without it the picture is stretched grey and has no °C. Further options: ``size=640x512``, ``rate=60``.
"""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import parse_qsl

import av

from imagery.sources.source import SourceError
from imagery.sources.stream import StreamSource

_ALLOWED = ("kelvin_per_count", "kelvin_offset", "size", "rate")


class DeviceSource(StreamSource):
    """As a stream that the operating system drives; what is newer replaces what nobody has looked at yet."""

    def __init__(self, spec: str, vehicle: int, camera: str, *, band: str = "thermal") -> None:
        self.device, self.options, self.tags = parse_device(spec)
        super().__init__(f"v4l2:{spec}", vehicle, camera, band=band)

    def _open(self) -> Any:
        return av.open(self.device, format="v4l2", options=self.options)

    def _meaning(self) -> dict[str, str]:
        return self.tags


def parse_device(spec: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """``DEVICE[?option=value&…]`` → the device, V4L2's options, what the numbers mean. Raises SourceError."""
    device, _, query = spec.partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    for key in given:
        if key not in _ALLOWED:
            raise SourceError(f"camera v4l2:{spec}: option {key!r}; allowed are {', '.join(_ALLOWED)}")
    if not device.startswith("/dev/"):
        raise SourceError(f"camera v4l2:{spec}: {device!r}; allowed is a device such as /dev/video0")
    options = {"input_format": "gray16le"}
    if "size" in given:
        width, _, height = given["size"].partition("x")
        if not (width.isdecimal() and height.isdecimal() and 8 <= int(width) <= 8192 and 8 <= int(height) <= 8192):
            raise SourceError(f"camera v4l2:{spec}: size {given['size']!r}; allowed is WIDTHxHEIGHT, such as 640x512")
        options["video_size"] = given["size"]
    if "rate" in given:
        _number(spec, given, "rate", 0.1, 1000.0)
        options["framerate"] = given["rate"]
    tags = {}
    if "kelvin_per_count" in given:
        _number(spec, given, "kelvin_per_count", 1e-6, 100.0)
        tags["kelvin_per_count"] = given["kelvin_per_count"]
    if "kelvin_offset" in given:
        _number(spec, given, "kelvin_offset", -1000.0, 1000.0)
        if not tags:
            raise SourceError(f"camera v4l2:{spec}: kelvin_offset needs kelvin_per_count beside it")
        tags["kelvin_offset"] = given["kelvin_offset"]
    return device, options, tags


def _number(spec: str, given: dict[str, str], key: str, least: float, most: float) -> None:
    try:
        value = float(given[key])
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise SourceError(f"camera v4l2:{spec}: {key} {given[key]!r}; allowed is {least:g} to {most:g}")
