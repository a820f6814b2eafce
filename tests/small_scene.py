"""A scene with a short survey, for tests that need a flight and not its length."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

_KEYS = {
    "survey_m": "[24.0, 20.0]", "survey_height_m": "25.0", "width_m": "150.0", "fires": "1", "heaps": "0",
    "friends": "0", "fire_radius_m": "[0.3, 0.5]",
}  # fmt: skip


def small_scene(folder: Path, more: str = "", **keys: str) -> str:
    """The file of `uebungsplatz` made small: one fire, surveyed in less than a minute; ``keys`` and tables in TOML."""
    file = folder / "klein.toml"
    text = resources.files("simulators").joinpath("scenarios", "uebungsplatz.toml").read_text("utf-8")
    for key, value in (_KEYS | keys).items():
        text, found = re.subn(rf"(?m)^{key} = .*", f"{key} = {value}", text)
        assert found == 1, f"uebungsplatz has no {key}"
    file.write_text(text + more, encoding="utf-8")
    return str(file)
