"""The rules of the house, checked on the text of its files: arrows, thinking files, lengths, what is tracked.

Every rule is a function from the root of a source tree to a list of complaints, so that it can be tried on a planted
violation as well as on this repository. Nothing is imported to be judged.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGES = ("api", "ground_station", "imagery", "missions", "simulators")
TOP_LEVEL = {*PACKAGES, "tests", "pyproject.toml", "README.md", "Makefile", "LICENSE"}
OLDEST_PYTHON = (3, 11)
LONGEST_MODULE = 500
SHORTEST_ESSAY = 10

# Package → what it may import of the others. A name stands for the module and everything below it.
ARROWS = {
    "missions": ("missions",),
    "missions.geometry": ("missions.geometry",),
    "ground_station": (
        "ground_station",
        "missions.geometry",
        "missions.mission",
        "missions.items",
        "missions.checks",
    ),
    "imagery": ("imagery", "missions.geometry"),
    "simulators": ("simulators",),
    "api": PACKAGES,
}
# Data the simulators may take: points, profile fields, elevation arrays. They bring their own rotations, projection
# and ray marching: a mistake shared with the code they judge would cancel out in the score.
DATA_TYPES = {
    "missions.geometry.geo": {"GeoPoint", "Datum"},
    "missions.geometry.camera": {"CameraProfile"},
    "missions.geometry.terrain": {"TerrainGrid"},
}
# Methods of those types that compute; the plain fields are free.
COMPUTING = {
    "CameraProfile": {"rays", "project", "mount_from_camera", "lever_arm_frd_m", "gsd_m"},
    "TerrainGrid": {"height_at", "covers", "corners"},
}

DOING = (
    "api",
    "ground_station.link",
    "ground_station.pump",
    "ground_station.recording",
    "ground_station.dataflash",
    "imagery.sources",
    "missions.geometry.terrain_files",
    "simulators.endpoints",
    "simulators.scenario_files",
    "simulators.sitl",
    "simulators.sitl_setup",
    "simulators.sitl_talk",
    "simulators.sitl_fleet",
    "simulators.sitl_world",
)
WORLDLY_MODULES = {
    *("asyncio", "socket", "selectors", "select", "ssl", "threading", "multiprocessing", "concurrent", "subprocess"),
    *("signal", "serial", "sqlite3", "http", "urllib", "requests", "httpx", "websockets", "tempfile", "shutil", "glob"),
    *("os", "sys", "fastapi", "uvicorn", "starlette", "pymavlink.mavutil"),
}
WORLDLY_NAMES = {
    *("open", "input", "print", "io.open", "io.FileIO", "rasterio.open", "av.open", "gzip.open", "cv2.VideoCapture"),
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.sleep"),
    *("time.perf_counter_ns", "time.process_time", "time.localtime", "time.gmtime", "time.strftime"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
    *("cv2.imread", "cv2.imwrite", "cv2.imreadmulti", "cv2.VideoWriter"),
    *("numpy.load", "numpy.save", "numpy.savez", "numpy.fromfile", "numpy.loadtxt", "numpy.genfromtxt"),
    *("numpy.memmap", "numpy.savetxt", "numpy.random.rand", "numpy.random.randn", "numpy.random.seed"),
    *("random.random", "random.gauss", "random.uniform", "random.seed", "uuid.uuid1", "uuid.uuid4"),
}
WORLDLY_METHODS = {"read_text", "read_bytes", "iterdir", "write_text", "write_bytes", "tofile", "mkdir", "unlink"}
# Thinking files that use a worldly name on something that is none of the world, as long as they don't take pathlib.
UNWORLDLY = {
    # What ships inside the package, by importlib.resources: as constant as its own source.
    "simulators.scenario": {".read_text", ".read_bytes", ".iterdir"},
    # A muxer that writes into memory.
    "simulators.nut": {"av.open"},
}


# --- reading a source tree ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Module:
    name: str  # dotted, a package by the name of its folder
    path: str  # relative to the root
    text: str
    tree: ast.Module
    is_package: bool

    @property
    def package(self) -> str:
        """The name that relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


@cache
def modules(root: Path) -> tuple[Module, ...]:
    found = []
    for file in sorted(file for package in PACKAGES for file in (root / package).rglob("*.py")):
        relative = file.relative_to(root)
        if "node_modules" in relative.parts:
            continue
        parts = relative.with_suffix("").parts
        is_package = parts[-1] == "__init__"
        text = file.read_text(encoding="utf-8")
        name = ".".join(parts[:-1] if is_package else parts)
        try:
            tree = ast.parse(text)
        except SyntaxError:  # the rule valid_syntax names it; the others go on
            tree = ast.Module(body=[], type_ignores=[])
        found.append(Module(name, relative.as_posix(), text, tree, is_package))
    return tuple(found)


@cache
def module_names(root: Path) -> frozenset[str]:
    folders = {
        ".".join(file.parent.relative_to(root).parts) for package in PACKAGES for file in (root / package).rglob("*.py")
    }
    return frozenset({module.name for module in modules(root)} | folders)


@cache
def tracked(root: Path) -> tuple[str, ...]:
    """Paths of the tree's own files: what git tracks, or, where there is no git, whatever lies there."""
    if (root / ".git").exists():
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
        return tuple(name for name in listing.split("\0") if name and (root / name).is_file())
    skipped = {".venv", "node_modules", "dist", "__pycache__"}
    files = (file.relative_to(root) for file in sorted(root.rglob("*")) if file.is_file())
    return tuple(file.as_posix() for file in files if not skipped & set(file.parts))


def texts(root: Path) -> Iterator[tuple[str, str]]:
    for name in tracked(root):
        data = (root / name).read_bytes()
        if b"\0" not in data:
            yield name, data.decode("utf-8", errors="replace")


def is_in(name: str, parent: str) -> bool:
    return name == parent or name.startswith(parent + ".")


@dataclass(frozen=True)
class Import:
    line: int
    module: str  # the module that is reached
    name: str | None  # the name taken out of it; None when the module itself is taken


def imports(module: Module, known: frozenset[str]) -> Iterator[Import]:
    """Every import of a module, wherever it stands; `from package import module` reaches that module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, None)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(node.lineno, inner, None) if inner in known else Import(node.lineno, base, alias.name)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    start = module.package.split(".")
    start = start[: len(start) - (node.level - 1)]
    return ".".join([*start, *([node.module] if node.module else [])])


# --- the rules ------------------------------------------------------------------------------------------------------
def valid_syntax(root: Path) -> list[str]:
    """The oldest Python that is promised reads every file."""
    complaints = []
    for module in modules(root):
        try:
            ast.parse(module.text, feature_version=OLDEST_PYTHON)
        except SyntaxError as error:
            complaints.append(f"{module.path}:{error.lineno}: {error.msg}")
    return complaints


def arrows(root: Path) -> list[str]:
    """A package knows only what came before it: plan, then fly beside see, then tell."""
    complaints = []
    for module in modules(root):
        allowed = ARROWS[max((package for package in ARROWS if is_in(module.name, package)), key=len)]
        for found in imports(module, module_names(root)):
            ours = found.module.partition(".")[0] in PACKAGES
            if not ours or any(is_in(found.module, name) for name in allowed):
                continue
            if is_in(module.name, "simulators") and found.name in DATA_TYPES.get(found.module, ()):
                continue
            taken = found.module if found.name is None else f"{found.name} of {found.module}"
            complaints.append(f"{module.path}:{found.line}: may not import {taken}")
    return complaints


def simulators_compute_alone(root: Path) -> list[str]:
    """The world never calls the geometry that it judges, not even through a data type it was given."""
    world = [module for module in modules(root) if is_in(module.name, "simulators")]
    own = {module.name: _functions(module) for module in world}
    complaints = []
    for module in world:
        taken = {found.name for found in imports(module, module_names(root))}
        for data_type, methods in COMPUTING.items():
            # A method of the simulators' own may bear the same name, as long as it can't be mixed up.
            free = own[module.name] if data_type in taken else set().union(*own.values())
            complaints += [
                f"{module.path}:{node.lineno}: .{node.attr} of {data_type}; the simulators bring their own"
                for node in ast.walk(module.tree)
                if isinstance(node, ast.Attribute) and node.attr in methods - free
            ]
    return complaints


def _functions(module: Module) -> set[str]:
    return {node.name for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef)}


def thinking_files(root: Path) -> list[str]:
    """No clock, socket, file or event loop outside the files that are named for it."""
    complaints = []
    for module in modules(root):
        if any(is_in(module.name, doing) for doing in DOING):
            continue
        if is_in(module.name, "simulators") and module.name.endswith("_process"):
            continue
        reached = {found.module for found in imports(module, frozenset())}
        allowed = UNWORLDLY.get(module.name, set()) if "pathlib" not in reached else set()
        found = {(line, what) for line, what in _worldly(module) if what not in allowed}
        complaints += [f"{module.path}:{line}: {what} in a thinking file" for line, what in sorted(found)]
    return complaints


def _worldly(module: Module) -> Iterator[tuple[int, str]]:
    aliases: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                aliases[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                if any(is_in(alias.name, name) for name in WORLDLY_MODULES):
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                aliases[alias.asname or alias.name] = name
                if name in WORLDLY_NAMES or any(is_in(name, worldly) for worldly in WORLDLY_MODULES):
                    yield node.lineno, name
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute):
            if node.attr in WORLDLY_METHODS:
                yield node.lineno, f".{node.attr}"
            elif (name := _dotted(node, aliases)) in WORLDLY_NAMES:
                yield node.lineno, name
        elif isinstance(node, ast.Name) and node.id not in aliases and node.id in WORLDLY_NAMES:
            yield node.lineno, node.id


def _dotted(node: ast.expr, aliases: dict[str, str]) -> str:
    """The full name behind `dt.now`, whatever it was imported as; empty when it is not a name."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id, "")
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value, aliases)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def short_modules(root: Path) -> list[str]:
    """A file that has grown too long has two subjects."""
    return [
        f"{module.path}: {length} lines, {LONGEST_MODULE} are allowed"
        for module in modules(root)
        if (length := len(module.text.splitlines())) > LONGEST_MODULE
    ]


def essays(root: Path) -> list[str]:
    """The head of a package says what it is for, in which words and frames, and what it does not do."""
    return [
        f"{module.path}: its essay has {length} lines, at least {SHORTEST_ESSAY} are wanted"
        for module in modules(root)
        if module.name in PACKAGES
        if (length := len((ast.get_docstring(module.tree) or "").splitlines())) < SHORTEST_ESSAY
    ]


def no_machine_paths(root: Path) -> list[str]:
    """Nothing tracked names a folder of one machine."""
    machine = re.compile(r"(?<![\w.~$}-])/(?:work|home|root|Users)/[\w.]")
    return [
        f"{name}:{number}: names a folder of one machine"
        for name, text in texts(root)
        for number, line in enumerate(text.splitlines(), 1)
        if machine.search(line)
    ]


def no_download_addresses(root: Path) -> list[str]:
    """Pins say which version, never from where: a mirror must serve as well as the registry it mirrors."""
    complaints = []
    for name, text in texts(root):
        if name.endswith("package-lock.json"):
            wrong = re.compile(r'"resolved"\s*:')
        elif name.endswith("constraints.txt"):
            wrong = re.compile(r"^(?![A-Za-z0-9._-]+==[\w.!+]+$)(?!#)(?!$).*")
        elif name.endswith((".npmrc", "pyproject.toml", "Makefile", "package.json")) or name.startswith(".ci/"):
            wrong = re.compile(r"--(?:extra-)?index-url|registry\s*=|find-links|git\+https?:")
        else:
            continue
        complaints += [
            f"{name}:{number}: {line.strip()}" for number, line in enumerate(text.splitlines(), 1) if wrong.search(line)
        ]
    return complaints


def fixed_top_level(root: Path) -> list[str]:
    """Who opens the repository finds the five packages and nothing beside them that needs an explanation."""
    tops = sorted({name.partition("/")[0] for name in tracked(root)})
    return [f"{top}: does not belong at the top" for top in tops if top not in TOP_LEVEL and not top.startswith(".")]


def no_test_packages(root: Path) -> list[str]:
    """`tests/missions/__init__.py` would shadow the real `missions`."""
    wrong = re.compile(r"tests/(.*/)?__init__\.py")
    return [f"{name}: tests hold no __init__.py" for name in tracked(root) if wrong.fullmatch(name)]
