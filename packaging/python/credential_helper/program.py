"""Where the programs ``helper`` and ``helperd`` are."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Iterator, Optional

SUFFIX = ".exe" if os.name == "nt" else ""


def find(name: str) -> Optional[Path]:
    """``helper`` or ``helperd`` of one installation, which has both."""
    for folder in _folders():
        if not _runs(folder / f"helper{SUFFIX}"):
            continue
        if found := _beside(folder / f"helper{SUFFIX}", name):
            return found
    return None


def _folders() -> Iterator[Path]:
    # The scripts of this environment, into which the wheel puts both programs: cheapest first.
    yield Path(sys.executable or "/nowhere/python").parent
    # `pip install --target` has its scripts beside the packages.
    yield Path(__file__).parents[1] / "bin"
    # In a virtual environment they are beside its Python; elsewhere only `sysconfig` knows.
    if sys.prefix == sys.base_prefix:
        import sysconfig

        yield Path(sysconfig.get_path("scripts"))
        yield Path(sysconfig.get_path("scripts", f"{os.name}_user"))
    # Never from the working folder: a cloned project may have put a program there.
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:
        return
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        if os.path.isabs(entry) and os.path.realpath(entry) != here:
            yield Path(entry)


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _beside(helper: Path, name: str) -> Optional[Path]:
    """A program called ``helper`` without our ``helperd`` is somebody else's."""
    folder = Path(os.path.realpath(helper)).parent
    for place in (folder, folder.parent / "libexec" / "credential-helper"):
        daemon = place / f"helperd{SUFFIX}"
        if _runs(daemon):
            return helper if name == "helper" else daemon
    return None
