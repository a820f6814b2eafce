"""The German words of exports that people read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

STATUS = {
    "detected": "erkannt",
    "confirmed": "bestätigt",
    "extinguished": "abgelöscht",
    "checked": "kontrolliert",
    "false_alarm": "Fehlalarm",
}


def label(facts: Mapping[str, Any]) -> str:
    """The spoken name."""
    return f"Wärmequelle {facts['number']}"


def number(value: float, digits: int) -> str:
    """With a decimal comma."""
    return f"{value:.{digits}f}".replace(".", ",")


def heat(facts: Mapping[str, Any]) -> str:
    """ "mindestens 260 °C", "143 °C" or "ohne °C"."""
    if facts["peak_c"] is None:
        return "ohne °C"
    least = "mindestens " if facts["peak_is_lower_bound"] else ""
    return f"{least}{number(facts['peak_c'], 0)} °C"


def local(utc_s: float, pattern: str = "%d.%m.%Y %H:%M:%S %Z") -> str:
    """The time in Berlin with its zone; UTC where the machine knows no zones."""
    try:
        zone: Any = ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        zone = UTC
    return datetime.fromtimestamp(utc_s, zone).strftime(pattern)


def utc(utc_s: float) -> str:
    """ISO 8601, whole seconds, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(utc_s))
