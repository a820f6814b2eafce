"""Text that people wrote, from a file: the tables and profiles that they save with whatever program they have.

Windows programs put a byte-order mark in front, spreadsheets save UTF-16 as "Unicode text". Both say by their mark what
they are. Text without a mark is UTF-8; what is not is refused with its place, never guessed.
"""

from __future__ import annotations

import codecs
from pathlib import Path

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class TextError(ValueError):
    """A file that is no text: names the file, the line and what is allowed."""


def read_text(path: Path) -> str:
    """The text of a file. Raises TextError or OSError naming the file."""
    data = path.read_bytes()
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TextError(f"{path}: line {line} is no text; allowed is UTF-8, or UTF-16 with its mark") from error
