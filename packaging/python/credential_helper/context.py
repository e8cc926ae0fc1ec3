"""What a question carries of the process that asks it, so that the agent answers as if it were that
process (``protocol/SPECIFICATION.md``, "Context")."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Sequence

from . import __version__, place

CONFIG_DIR = "CREDENTIAL_HELPER_CONFIG_DIR"
BUS = "DBUS_SESSION_BUS_ADDRESS"
KEYRING_ENABLED = "POETRY_KEYRING_ENABLED"
VARIABLES = re.compile(
    r"POETRY_HTTP_BASIC_(.+)_(?:USERNAME|PASSWORD)"
    r"|POETRY_PYPI_TOKEN_(.+)"
    r"|POETRY_REPOSITORIES_(.+)_URL"
    r"|UV_INDEX_(.+)_(?:USERNAME|PASSWORD)",
    re.DOTALL,
)
# All variables of a question together, in bytes.
VARIABLES_LIMIT = 48 * 1024
NAMES = re.compile(r"(?:poetry-repository|pdm-pypi|pdm-repository)-(.+)", re.DOTALL)


class NotText(ValueError):
    """A value that cannot be sent: it is not UTF-8, or there is too much of it."""


def name_in(service: str) -> Optional[str]:
    """The repository that a tool's own name for a place speaks of."""
    found = NAMES.fullmatch(service)
    return found[1] if found else None


def bare() -> dict[str, Any]:
    """What a mounted socket is told: nothing of this process."""
    return {"version": __version__}


def context(service: str) -> dict[str, Any]:
    """The context of a question about this service."""
    around = place.surroundings()
    here = working_folder(sys.argv)
    found: dict[str, Any] = {
        **folders(around, place.PLATFORM, here),
        "folder": here,
        "bus": around.get(BUS) or None,
        "keyring_enabled": around.get(KEYRING_ENABLED) or None,
    }
    found = {key: _text(key, value) for key, value in found.items() if value is not None}
    return {**found, **bare(), "variables": variables(around, service), "parent": process()}


def folders(around: Mapping[str, str], platform: str, here: Optional[str]) -> dict[str, Optional[str]]:
    """The folders of Poetry's, uv's and our own files, as they hold in these surroundings."""

    def xdg(name: str, below: str) -> Optional[Path]:
        user = place.folder(around, "HOME")
        return place.folder(around, name) or (user / below if user else None)

    def named(name: str, otherwise: Optional[Path]) -> Optional[str]:
        # A tool's own variable: a relative folder holds from the working folder.
        if not around.get(name):
            return str(otherwise) if otherwise else None
        return os.path.join(here or "/", around[name]) if here or os.path.isabs(around[name]) else None

    config = data = xdg("XDG_CONFIG_HOME", ".config")
    if platform == "macos":
        user = place.folder(around, "HOME")
        config = user / "Library/Application Support" if user else None
    uv, store = data, xdg("XDG_DATA_HOME", ".local/share")
    state = place.state_folder(around, platform)
    return {
        "settings": named(CONFIG_DIR, config / place.OWN if config else None),
        "state": str(state) if state else None,
        "poetry": named("POETRY_CONFIG_DIR", config / "pypoetry" if config else None),
        "uv": str(uv / "uv") if uv else None,
        "uv_store": named("UV_CREDENTIALS_DIR", store / "uv/credentials" if store else None),
    }


def working_folder(arguments: Sequence[str]) -> Optional[str]:
    """Where the search for a project starts; one that has been removed is none."""
    try:
        here = os.getcwd()
    except OSError:
        return None
    # Poetry goes into its --directory itself, but not into its --project (`Application._run`).
    program = Path(arguments[0]) if arguments else Path()
    if "poetry" not in (program.stem, program.parent.name):
        return here
    project = os.path.join(here, *_project(arguments[1:]))
    return project if os.path.isdir(project) else here


def _project(arguments: Sequence[str]) -> Iterator[str]:
    for index, argument in enumerate(arguments):
        if argument == "--":
            return
        if argument in ("-P", "--project"):
            yield from arguments[index + 1 : index + 2]
        elif argument.startswith("--project="):
            yield argument[len("--project=") :]
        elif argument.startswith("-P"):
            yield argument[2:]


def variables(around: Mapping[str, str], service: str) -> dict[str, str]:
    """The variables of repositories that can concern the question, also empty ones."""
    name = name_in(service)
    parts = spellings(name) if name else None
    found: dict[str, str] = {}
    for key, value in around.items():
        match = VARIABLES.fullmatch(key)
        if match and (parts is None or match[match.lastindex or 0] in parts):
            found[_text("a variable", key)] = _text(key, value)
    size = sum(len(key.encode()) + len(value.encode()) for key, value in found.items())
    if size > VARIABLES_LIMIT:
        raise NotText(f"the variables of repositories have {size} bytes, at most {VARIABLES_LIMIT}")
    return found


def spellings(name: str) -> list[str]:
    """A repository's name in variables: Poetry's spelling, and the one a shell can export."""
    poetry = name.upper().replace("-", "_")
    return [poetry, re.sub(r"[^A-Za-z0-9]", "_", poetry)]


def process() -> Optional[dict[str, int]]:
    """This process, which asks for itself: what a server said of a secret holds for it alone."""
    try:
        told = Path("/proc/self/stat").read_bytes()
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may hold both.
    fields = told.rpartition(b")")[2].split()
    return {"pid": os.getpid(), "start": int(fields[19])}


def _text(what: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotText(f"{what} is not UTF-8") from None
    return value
