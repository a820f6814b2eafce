"""A small PDF 1.4 (ISO 32000-1) writer: A4 pages with text, lines, areas and JPEG pictures, in the standard fonts.

Places are millimetres from the top left corner of the page. Text is Windows-1252: it holds all of German; what it has
not becomes "?", never a wrong letter.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

WIDTH_MM, HEIGHT_MM = 210.0, 297.0
_POINT = 72.0 / 25.4
# Widths of Helvetica in thousandths of its size, for what is not a digit or a plain letter: good enough to cut a line.
_NARROW, _WIDE = "iljtfrI.,:;|!'() -", "mwMW%@"

Colour = tuple[float, float, float]
BLACK: Colour = (0.0, 0.0, 0.0)
Points = Sequence[tuple[float, float]]


class Page:
    """One page in the making."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.pictures: list[tuple[str, bytes, int, int]] = []

    def text(
        self, x: float, y: float, words: str, *, size: float = 10.0, bold: bool = False, colour: Colour = BLACK
    ) -> None:
        """``y``: of the line on which the letters stand."""
        font = "F2" if bold else "F1"
        place = f"{x * _POINT:.2f} {(HEIGHT_MM - y) * _POINT:.2f}"
        self.commands.append(f"BT {_rgb(colour)} rg /{font} {size:.1f} Tf {place} Td ({_escaped(words)}) Tj ET")

    def area(
        self, points: Points, *, fill: Colour | None = None, line: Colour | None = None, width: float = 0.3
    ) -> None:
        """A closed outline, filled, drawn, or both."""
        self._path(points, fill, line, width, closed=True)

    def line(self, points: Points, *, colour: Colour = BLACK, width: float = 0.3) -> None:
        """A line through places; ``width`` in millimetres."""
        self._path(points, None, colour, width, closed=False)

    def _path(self, points: Points, fill: Colour | None, line: Colour | None, width: float, *, closed: bool) -> None:
        if len(points) < 2 or (fill is None and line is None):
            return
        parts = [
            f"{x * _POINT:.2f} {(HEIGHT_MM - y) * _POINT:.2f} {'l' if i else 'm'}" for i, (x, y) in enumerate(points)
        ]
        if fill is not None:
            parts.insert(0, f"{_rgb(fill)} rg")
        if line is not None:
            parts.insert(0, f"{_rgb(line)} RG {width * _POINT:.2f} w")
        end = {(True, True): "b", (True, False): "f", (False, True): "s" if closed else "S"}[
            fill is not None, line is not None
        ]
        self.commands.append(" ".join([*parts, end]))

    def picture(self, x: float, y: float, width: float, jpeg: bytes, columns: int, rows: int) -> None:
        """A JPEG of columns × rows pixels with its top left corner at (x, y)."""
        name = f"P{len(self.pictures)}"
        height = width * rows / columns
        self.pictures.append((name, jpeg, columns, rows))
        low = (HEIGHT_MM - y - height) * _POINT
        at = f"{width * _POINT:.2f} 0 0 {height * _POINT:.2f} {x * _POINT:.2f} {low:.2f} cm"
        self.commands.append(f"q {at} /{name} Do Q")


def _rgb(colour: Colour) -> str:
    return " ".join(f"{part:.3f}" for part in colour)


def _escaped(words: str) -> str:
    plain = words.encode("cp1252", "replace").decode("latin-1")
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def width_mm(words: str, size: float) -> float:
    """About how wide a text is."""
    units = sum(300 if letter in _NARROW else 860 if letter in _WIDE else 600 for letter in words)
    return units / 1000.0 * size / _POINT


def fitting(words: str, size: float, most_mm: float) -> str:
    """The text, or as much of it as fits with "…" behind."""
    if width_mm(words, size) <= most_mm:
        return words
    while words and width_mm(words + "…", size) > most_mm:
        words = words[:-1]
    return words.rstrip() + "…"


def document(pages: Sequence[Page], *, title: str) -> bytes:
    """The file."""
    objects: list[bytes] = [b""] * 4  # 1 catalogue, 2 pages, 3 and 4 the fonts
    kids = []
    for page in pages:
        pictures = ""
        for name, jpeg, columns, rows in page.pictures:
            head = (
                f"<</Type/XObject/Subtype/Image/Width {columns}/Height {rows}/ColorSpace/DeviceRGB/BitsPerComponent 8"
            )
            objects.append(_stream(head + "/Filter/DCTDecode", jpeg))
            pictures += f"/{name} {len(objects)} 0 R"
        content = "\n".join(page.commands).encode("latin-1")
        objects.append(_stream("<</Filter/FlateDecode", zlib.compress(content, 9)))
        resources = f"<</Font<</F1 3 0 R/F2 4 0 R>>/XObject<<{pictures}>>>>"
        box = f"[0 0 {WIDTH_MM * _POINT:.2f} {HEIGHT_MM * _POINT:.2f}]"
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox{box}/Resources{resources}/Contents {len(objects)} 0 R>>".encode()
        )
        kids.append(f"{len(objects)} 0 R")
    objects[0] = b"<</Type/Catalog/Pages 2 0 R/Lang(de)>>"
    objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>".encode()
    for at, font in ((2, "Helvetica"), (3, "Helvetica-Bold")):
        objects[at] = f"<</Type/Font/Subtype/Type1/BaseFont/{font}/Encoding/WinAnsiEncoding>>".encode()
    objects.append(f"<</Title({_escaped(title)})/Producer(einsatzdrohne)>>".encode("latin-1"))
    return _written(objects)


def _stream(head: str, data: bytes) -> bytes:
    return f"{head}/Length {len(data)}>>\nstream\n".encode() + data + b"\nendstream"


def _written(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{at:010} 00000 n \n".encode() for at in places)
    out += f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R/Info {len(objects)} 0 R>>\n".encode()
    out += f"startxref\n{start}\n%%EOF\n".encode()
    return bytes(out)
