#!/usr/bin/env python3
"""Runs the tests of the backend with every Python from 3.9 on that this machine has.

Usage: every_python.py FOLDER [--quick]

FOLDER keeps an environment with ``keyring`` for each; ``--quick`` installs nothing and uses those
that are there. Says which were run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Optional

OLDEST = (3, 9)
# They take some 10 s each; more is a hang.
SECONDS = 300
KEYRING = "keyring==25.7.0"
TESTS = Path(__file__).resolve().parent
VERSION = "import sys; print('%d.%d' % sys.version_info[:2], sys.prefix == sys.base_prefix)"


def pythons() -> dict[tuple[int, int], Path]:
    """One interpreter for each version: on PATH, or one of pyenv's."""
    folders = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(pyenv.glob("versions/*/bin"))
    found: dict[tuple[int, int], Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("python3*")):
            if re.fullmatch(r"python3(\.\d+)?", path.name) and (version := _version(path)):
                found.setdefault(version, path)
    return dict(sorted(found.items()))


def _version(path: Path) -> Optional[tuple[int, int]]:
    """A shim of pyenv whose version is not chosen ends with an error; an environment is no interpreter."""
    try:
        ended = subprocess.run([path, "-c", VERSION], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return None
    if ended.returncode or not ended.stdout.endswith("True\n"):
        return None
    major, minor = ended.stdout.split()[0].split(".")
    version = int(major), int(minor)
    return version if version >= OLDEST else None


def environment(python: Path, folder: Path, quick: bool) -> Optional[Path]:
    """An environment with keyring, made once."""
    inside, stamp = folder / "bin/python", folder / "installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == KEYRING:
        return inside
    if quick:
        return None
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    pip = [str(inside), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, KEYRING], check=True)
    stamp.write_text(KEYRING, encoding="utf-8")
    return inside


def main() -> int:
    folder, quick = Path(sys.argv[1]).resolve(), "--quick" in sys.argv[2:]
    ran, failed = [], []
    for version, python in pythons().items():
        name = "%d.%d" % version
        inside = environment(python, folder / name, quick)
        if inside is None:
            print(f"left out: no environment of Python {name} yet", flush=True)
            continue
        print(f"-- Python {name}", flush=True)
        command = [str(inside), "-B", "-W", "error", "-m", "unittest", "discover", "-s", str(TESTS)]
        command += ["-p", "test_[bck]*.py"]
        ran.append(name)
        try:
            status = subprocess.run(command, check=False, timeout=SECONDS).returncode
        except subprocess.TimeoutExpired:
            print(f"the tests with Python {name} did not end within {SECONDS} s", flush=True)
            status = 1
        if status:
            failed.append(name)
    print(f"ran with Python {', '.join(ran) or '(none)'}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
