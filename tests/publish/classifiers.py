#!/usr/bin/env python3
"""PyPI's classifiers as `src/publish/classifiers.txt` has them, against the package in which PyPI
publishes them.

Runs with a Python that has `tests/requirements.txt`; `--write` brings the list up to date.
"""

from __future__ import annotations

import importlib.metadata
import sys

from pathlib import Path

import trove_classifiers

LIST = Path(__file__).resolve().parents[2] / "src/publish/classifiers.txt"


def text() -> str:
    """One a line; behind ` => ` what a retired one was replaced by."""
    version = importlib.metadata.version("trove-classifiers")
    year, month, day = version.split(".")[:3]
    head = f"# {year}-{int(month):02}-{int(day):02}, from trove-classifiers {version} (Apache-2.0), by tests/publish/classifiers.py"
    retired = trove_classifiers.deprecated_classifiers
    lines = sorted(trove_classifiers.classifiers)
    lines += [f"{old} => {', '.join(new)}".rstrip() for old, new in sorted(retired.items())]
    return "\n".join([head, *lines, ""])


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        LIST.write_text(text())
    elif LIST.read_text() != text():
        sys.exit(f"{LIST.name} is not what trove-classifiers has: run {Path(__file__).name} --write")
