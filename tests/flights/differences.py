"""Where our simulated copter answers otherwise than the recording, by reason; each name is a stimulus of the script."""

from __future__ import annotations

DIFFERENCES: dict[str, str] = {}
"""{stimulus: reason}."""

UNSTEADY = frozenset({"a count of another type meanwhile"})
"""Stimuli that the real one does not answer alike twice, and of which no set of answers is known
(``comparing.VARIANTS``): whether a repetition falls into it or behind it."""
