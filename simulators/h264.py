"""Grey pictures as H.264, the way a small camera makes it: baseline, no B frames, a key frame a second, nothing waits.

``encode`` gives the NAL units of one picture (ITU-T H.264 annex B, start codes taken off): every key frame brings its
parameter sets along, so a viewer can begin at any of them.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType

from simulators.agc import Grey

RTP_HZ = 90_000
SPS, PPS, IDR = 7, 8, 5
_SEI = 6
_BIT_RATE = 2_000_000
_START = re.compile(rb"\x00\x00\x00?\x01")
_X264 = "repeat-headers=1:annexb=1:scenecut=0:sync-lookahead=0:sliced-threads=0"


class Encoder:
    """One encoder of libx264. ``parameter_sets``: SPS and PPS, known before the first picture."""

    def __init__(self, width: int, height: int, frames_per_s: float, *, bit_rate: int = _BIT_RATE) -> None:
        self.width, self.height = width, height
        self._rate = Fraction(frames_per_s).limit_denominator(1000)
        self._bit_rate = bit_rate
        self._codec = self._opened()
        first = self._units(self._opened(), np.zeros((height, width), np.uint8), 0, key=True)
        self.parameter_sets = tuple(next(unit for unit in first if kind_of(unit) == kind) for kind in (SPS, PPS))

    def _opened(self) -> Any:
        codec: Any = av.CodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = self.width, self.height, "yuv420p"
        codec.time_base, codec.framerate = Fraction(1, RTP_HZ), self._rate
        codec.bit_rate, codec.thread_count = self._bit_rate, 1
        codec.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "forced-idr": "1",
            "x264-params": f"{_X264}:keyint={max(1, round(self._rate))}",
        }
        return codec

    def encode(self, grey: Grey, at_ticks: int, *, key: bool = False) -> tuple[bytes, ...]:
        """The units of a picture (h, w) uint8 at a time in 1/90000 s, which must rise. ``key``: begin anew with it."""
        return self._units(self._codec, grey, at_ticks, key=key)

    @staticmethod
    def _units(codec: Any, grey: Grey, at_ticks: int, *, key: bool) -> tuple[bytes, ...]:
        frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = at_ticks, Fraction(1, RTP_HZ)
        if key:
            frame.pict_type = PictureType.I
        units = [unit for packet in codec.encode(frame) for unit in _START.split(bytes(packet)) if unit]
        return tuple(unit for unit in units if kind_of(unit) != _SEI)  # the encoder's advertisement


def kind_of(unit: bytes) -> int:
    """nal_unit_type."""
    return unit[0] & 31
