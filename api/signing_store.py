"""The signing key on this computer's disk: one file that nobody but its owner can read.

``signing.json`` in the data folder holds key, the systems that were set up with it, and the highest time stamp. A file
that others can read is refused: a key that may be known protects nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path

from ground_station.signing import KEY_BYTES, Signing

NAME = "signing.json"


class KeyFileError(ValueError):
    """A key file that cannot be used: says which and what to do."""


def load(folder: Path) -> Signing | None:
    """The key, or None where there is none. Raises KeyFileError for a file that others can read, or a damaged one."""
    path = folder / NAME
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyFileError(f"{path}: can be read by others; chmod 600 it, or make a new key with fly signing setup")
        facts = json.loads(path.read_text(encoding="utf-8"))
        return Signing(bytes.fromhex(facts["key"]), frozenset(facts["vehicles"]), int(facts["timestamp"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, json.JSONDecodeError, ValueError) as error:
        if isinstance(error, KeyFileError):
            raise
        raise KeyFileError(f"{path}: is damaged; remove it, and set the vehicles up anew") from None


def new_key() -> Signing:
    """A key that nobody has seen."""
    return Signing(secrets.token_bytes(KEY_BYTES))


def save(folder: Path, signing: Signing) -> None:
    """Write it whole or not at all, readable by its owner from its first byte. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "key": signing.key.hex(),
        "vehicles": sorted(signing.vehicles),
        "timestamp": signing.timestamp,
    }
    beside = folder / f".{NAME}.{os.getpid()}"
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps(facts))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / NAME)
