"""Which UTC is it on board? boot time ↔ UTC, with a stated uncertainty.

Two ways, best first:

1. **The vehicle's own GNSS**: SYSTEM_TIME carries UTC and boot time in one message, so no link delay enters. It can be
   garbage (a capture holds year 2908), so a stamp counts only between 2015 and 2100, and only when several agree.
2. **The host's clock**: arrival − boot time is the offset plus a delay that is never negative. The running minimum over
   a window is the best estimate of the offset (queueing seen: median 53 ms, p95 380 ms); what the minimum delay itself
   is cannot be seen from one direction and stays in the uncertainty. TIMESYNC answers bound it from the other side:
   sending time − boot time is never more than the offset. Between the two bounds the offset may lie anywhere. An
   asymmetric minimum delay cannot be observed: half of an assumed asymmetry belongs to the stated uncertainty. Clocks
   that drift apart by up to 200 ppm move the window's bounds by less than the jitter does.

The host's clock may be wrong; where GNSS time is there the difference is shown (``host_offset_s``), not used.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

# 2015-01-01 and 2100-01-01, seconds since 1970: MAVLink's signing epoch and a year no flight reaches.
EARLIEST_UTC_S, LATEST_UTC_S = 1_420_070_400.0, 4_102_444_800.0
# Stamps that agree within this are one clock; ArduPilot's own jitter between the two fields is under 10 ms.
AGREEMENT_S = 0.25
_NEEDED_STAMPS = 3
_WINDOW_S = 60.0
_GNSS_SIGMA_S = 0.005
# Half of the smallest one-way delay of a telemetry radio, which the minimum cannot show.
_ARRIVAL_SIGMA_S = 0.05
_ARRIVAL_FEW_SIGMA_S = 0.2
# However close the two bounds come, host time stamps are taken after a scheduler has had its turn.
_BOUNDED_SIGMA_S = 0.005
# A telemetry radio that gives the downlink more air than the uplink is some 20 ms slower the other way.
ASSUMED_ASYMMETRY_S = 0.02


@dataclass(frozen=True, slots=True)
class UtcOffset:
    """``utc = boot + offset_s``; ``sigma_s`` one standard deviation; ``source`` is "gnss" or "host"."""

    offset_s: float
    sigma_s: float
    source: str


class ClockSync:
    """Learns one boot's offset to UTC. Make a new one when the vehicle has rebooted."""

    def __init__(self) -> None:
        self._gnss: deque[float] = deque(maxlen=9)
        self._arrivals: deque[tuple[float, float]] = deque()
        self._departures: deque[tuple[float, float]] = deque()
        self._count = 0
        self.rejected_stamps = 0

    def system_time(self, unix_us: int, boot_ms: int) -> None:
        """One SYSTEM_TIME message; a stamp outside 2015..2100 is counted and ignored."""
        utc_s = unix_us * 1e-6
        if not EARLIEST_UTC_S <= utc_s <= LATEST_UTC_S or boot_ms == 0:
            self.rejected_stamps += 1
            return
        self._gnss.append(utc_s - boot_ms * 1e-3)

    def arrival(self, boot_s: float, utc_s: float) -> None:
        """A message stamped ``boot_s`` on board arrived at ``utc_s`` by the host's clock."""
        if not EARLIEST_UTC_S <= utc_s <= LATEST_UTC_S:
            return
        self._count += 1
        delta = utc_s - boot_s
        # A monotonic queue: the front is the minimum of the window, each entry is added and removed once.
        while self._arrivals and self._arrivals[-1][1] >= delta:
            self._arrivals.pop()
        self._arrivals.append((boot_s, delta))
        while self._arrivals[0][0] < boot_s - _WINDOW_S:
            self._arrivals.popleft()

    def departure(self, utc_s: float, boot_s: float) -> None:
        """What we sent at ``utc_s`` by the host's clock was received on board at ``boot_s`` (a TIMESYNC answer)."""
        if not EARLIEST_UTC_S <= utc_s <= LATEST_UTC_S:
            return
        delta = utc_s - boot_s
        while self._departures and self._departures[-1][1] <= delta:
            self._departures.pop()
        self._departures.append((boot_s, delta))
        while self._departures[0][0] < boot_s - _WINDOW_S:
            self._departures.popleft()

    @property
    def offset(self) -> UtcOffset | None:
        """The best offset known, or None before anything was learnt."""
        gnss = self._gnss_offset()
        if gnss is not None:
            return UtcOffset(gnss, _GNSS_SIGMA_S, "gnss")
        return self._host_offset()

    @property
    def answers(self) -> int:
        """How many answers to a TIMESYNC of ours bound the offset now."""
        return len(self._departures)

    @property
    def host_offset_s(self) -> float | None:
        """Host clock minus the vehicle's GNSS time, seconds; None while one of them is unknown."""
        gnss, host = self._gnss_offset(), self._host_offset()
        return host.offset_s - gnss if gnss is not None and host is not None else None

    def utc_from_boot(self, boot_s: float) -> float | None:
        """Boot seconds → UTC seconds, or None while the offset is unknown."""
        offset = self.offset
        return None if offset is None else boot_s + offset.offset_s

    def boot_from_utc(self, utc_s: float) -> float | None:
        """UTC seconds → boot seconds, or None while the offset is unknown."""
        offset = self.offset
        return None if offset is None else utc_s - offset.offset_s

    def _host_offset(self) -> UtcOffset | None:
        if not self._arrivals:
            return None
        most = self._arrivals[0][1]
        if self._departures and (width := most - self._departures[0][1]) >= 0.0:
            # Anywhere between the bounds alike: the standard deviation of a uniform distribution.
            sigma = math.hypot(max(_BOUNDED_SIGMA_S, width / math.sqrt(12.0)), ASSUMED_ASYMMETRY_S / 2.0)
            return UtcOffset(most - width / 2.0, sigma, "host")
        # Bounds that contradict one another (the host's clock was set, or the two drift apart) bound nothing.
        return UtcOffset(most, _ARRIVAL_SIGMA_S if self._count >= 20 else _ARRIVAL_FEW_SIGMA_S, "host")

    def _gnss_offset(self) -> float | None:
        """The median of the recent stamps, if enough of them agree with it."""
        if len(self._gnss) < _NEEDED_STAMPS:
            return None
        ordered = sorted(self._gnss)
        median = ordered[len(ordered) // 2]
        agreeing = sum(abs(value - median) < AGREEMENT_S for value in ordered)
        return median if agreeing * 2 > len(ordered) and agreeing >= _NEEDED_STAMPS else None
