#!/usr/bin/env python3
"""The environments of the real clients, each its own below target/clients, made where missing or old.

    tests/clients/venvs.py            makes all, prints the versions
    tests/clients/venvs.py twine uv   makes these

The packages come from wherever pip is configured to take them from. CREDENTIAL_HELPER_TEST_CLIENTS names another
folder than target/clients.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The newest of each tool when this was written, and an older pip, which asks a `keyring` differently: pip 26.2
# learned to ask without a username. A newer PDM fails with every client for HTTP that could be had with it.
PDM = ("pdm==2.26.4", "unearth==0.18.3", "hishel==1.1.10", "httpx==0.28.1")
KEYRING = ("keyring==25.7.0", "SecretStorage==3.5.0")
CLIENTS: dict[str, tuple[str, ...]] = {
    "uv": ("uv==0.13.9",),
    "pip": ("pip==26.3",),
    "pip-25": ("pip==25.3",),
    "pip-import": ("pip==26.3", *KEYRING),
    "twine": ("twine==7.0.0", *KEYRING),
    "poetry": ("poetry==2.5.1", *KEYRING),
    "pdm": PDM,
    "pdm-import": (*PDM, *KEYRING),
    "hatch": ("hatch==1.18.2", *KEYRING),
    "flit": ("flit==4.2.0", *KEYRING),
    "keyring": KEYRING,
}
INSTALL_SECONDS = 600
STAMP = "tests-made-from.json"


def folder() -> Path:
    """Where the environments are."""
    given = os.environ.get("CREDENTIAL_HELPER_TEST_CLIENTS")
    return Path(given).resolve() if given else ROOT / "target" / "clients"


def program(client: str, name: str) -> Path:
    """A program of a client's environment."""
    return folder() / client / "bin" / name


def make(names: list[str]) -> None:
    """Makes the environments of these clients, and uv's first: it installs the others."""
    for name in missing(["uv", *names]):
        place, wanted = folder() / name, CLIENTS[name]
        print(f"installing {' '.join(wanted)}", file=sys.stderr, flush=True)
        base = getattr(sys, "_base_executable", sys.executable)
        if name == "uv":
            _run([base, "-m", "venv", "--clear", str(place)])
            _run([str(place / "bin" / "python"), "-m", "pip", "install", "-q", *wanted])
        else:
            uv = str(program("uv", "uv"))
            _run([uv, "venv", "-q", "--clear", "--python", base, str(place)])
            python = str(place / "bin" / "python")
            # Compiled: the tools run with PYTHONDONTWRITEBYTECODE, and would compile all of it each time.
            _run(
                [
                    uv,
                    "pip",
                    "install",
                    "-q",
                    "--compile-bytecode",
                    "--python",
                    python,
                    *_as_pip(),
                    *wanted,
                ]
            )
        # Written last, so that an interrupted one is made again.
        (place / STAMP).write_text(_made_from(name))


def missing(names: list[str]) -> list[str]:
    """Those that are not there, or were made from something else."""

    def is_made(name: str) -> bool:
        stamp = folder() / name / STAMP
        return stamp.is_file() and stamp.read_text() == _made_from(name)

    return [name for name in dict.fromkeys(names) if not is_made(name)]


def _made_from(name: str) -> str:
    return json.dumps([sys.version, *CLIENTS[name]])


def _as_pip() -> list[str]:
    """pip's ordinary configuration, said to uv, which does not read it."""
    pip = [str(folder() / "uv" / "bin" / "python"), "-m", "pip", "config", "list"]
    said = subprocess.run(pip, capture_output=True, text=True, check=True).stdout
    options = {"index-url": "--default-index", "extra-index-url": "--index"}
    options["find-links"] = "--find-links"
    settings: dict[str, str] = {}
    for line in said.splitlines():
        key, _, value = line.partition("=")
        # A variable (`:env:`) is listed first, and holds.
        settings.setdefault(key.rpartition(".")[2], value.strip("'\""))
    arguments = []
    for key, option in options.items():
        for value in settings.get(key, "").split():
            arguments += [option, value]
    if "no-index" in settings:
        arguments.append("--no-index")
    return arguments


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=INSTALL_SECONDS, stdin=subprocess.DEVNULL)


def version(client: str) -> str:
    """The version of the tool that an environment is named for."""
    return CLIENTS[client][0].partition("==")[2]


def main() -> int:
    """Makes what the command line names, or all."""
    unknown = [name for name in sys.argv[1:] if name not in CLIENTS]
    if unknown:
        print(f"unknown: {' '.join(unknown)}; there are: {' '.join(CLIENTS)}", file=sys.stderr)
        return 2
    names = sys.argv[1:] or list(CLIENTS)
    make(names)
    for name in names:
        print(f"{folder() / name}: {' '.join(CLIENTS[name])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
