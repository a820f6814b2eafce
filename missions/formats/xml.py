"""XML of other programs, hostile until parsed: bounded, without entities, told apart by local names."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from missions.formats.plan import FormatError

Element = ElementTree.Element

MOST_BYTES = 20_000_000


def parse(text: str, name: str, root: str) -> Element:
    """The root element, which must be called `root`. Raises FormatError with the line.

    A document type is refused whole: it is what entity bombs and outside files come in by, and no map file needs it.
    """
    if len(text) > MOST_BYTES:
        raise FormatError(f"{name}: {len(text):,} characters; at most {MOST_BYTES:,} are read")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FormatError(f"{name}: has a document type or entities, which are not read; save it without")
    try:
        found = ElementTree.fromstring(text.encode("utf-8"))
    except (ElementTree.ParseError, ValueError) as problem:
        line = getattr(problem, "position", (0, 0))[0]
        raise FormatError(f"{name}: line {line}: broken XML ({problem})") from problem
    if local(found) != root:
        raise FormatError(f"{name}: the document is a <{local(found)}>; <{root}> is needed")
    return found


def local(element: Element) -> str:
    """The tag without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def all_of(element: Element, *names: str) -> Iterator[Element]:
    """Every descendant with one of these local names, in document order."""
    return (each for each in element.iter() if local(each) in names)


def text_of(element: Element, name: str) -> str:
    """The text of the first child called `name`, "" where there is none."""
    return next(((child.text or "").strip() for child in element if local(child) == name), "")
