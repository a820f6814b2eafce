"""The command: parses, and hands over. Each verb is a file of ``api/commands`` with ``register`` and ``run``.

Exit codes: 0 done; 1 the work could not be done; 2 wrong usage or bad input. What goes wrong in an expected way is one
line on stderr; a traceback never reaches a user (``EINSATZDROHNE_DEBUG=1`` shows it to a developer).
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys

import api.commands

# Before anything loads numpy: its matrices here are small, and the threads that it would share them out to wait for one
# another longer than the work takes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Agreed, and not there yet: named, so that nobody looks for a spelling mistake.
LATER = ("maps", "users")


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line, or that of one verb. Verbs are found, not listed: a new file is a new verb.

    ``only``: other verbs are known by name alone, so that what they import does not slow this one's start.
    """
    parser = argparse.ArgumentParser(
        prog="einsatzdrohne", description="The fire brigade's eye in the air: plan, fly, see, tell."
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    present = _present()
    for name in sorted(present | set(LATER)):
        if name in present and only in (None, name):
            importlib.import_module(f"api.commands.{name}").register(verbs)
        else:
            verbs.add_parser(name, add_help=False).add_argument("rest", nargs=argparse.REMAINDER)
    return parser


def _present() -> frozenset[str]:
    return frozenset(info.name for info in pkgutil.iter_modules(api.commands.__path__))


def main(argv: list[str] | None = None) -> int:
    """Run one verb; the exit code."""
    words = sys.argv[1:] if argv is None else argv
    parser = build_parser(words[0] if words and words[0] in _present() else None)
    args, rest = parser.parse_known_args(words)
    if args.verb in LATER and args.verb not in _present():
        print(f"einsatzdrohne {args.verb}: not in this release yet", file=sys.stderr)
        return 1
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if args.version:
        from importlib.metadata import version

        print(version("einsatzdrohne"))
        return 0
    if args.verb is None:
        parser.print_help()
        return 2
    try:
        return int(importlib.import_module(f"api.commands.{args.verb.replace('-', '_')}").run(args))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        if os.environ.get("EINSATZDROHNE_DEBUG"):
            raise
        expected = isinstance(error, (ValueError, OSError, RuntimeError))
        what = _one_line(error) if expected else f"internal mistake {error!r} (EINSATZDROHNE_DEBUG=1 shows where)"
        print(f"einsatzdrohne {args.verb}: {what}", file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror or error}"
    return " ".join(str(error).split()) or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
