#!/usr/bin/env python3
"""Prints the licences of everything that is linked into ``helper`` and ``helperd``, as these ask for it:
each text once, with the crates that have it. Takes them from where cargo has unpacked the crates."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)", re.IGNORECASE)
RULE = "=" * 100
# Linked too, and no crate.
OTHERS = """The standard library of Rust, https://github.com/rust-lang/rust: MIT or Apache-2.0.
Copyright (c) The Rust Project Contributors

musl, in programs that are linked statically: MIT.
Copyright (c) 2005-2020 Rich Felker, et al.
"""


def cargo(*arguments: str) -> str:
    program = os.environ.get("CARGO", "cargo")
    ended = subprocess.run([program, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{Path(__file__).name}: {program} could not tell what is linked: build the programs first")
    return ended.stdout


def linked() -> list[dict[str, object]]:
    """The crates that the two programs are made of, on this kind of machine; none that only builds or tests."""
    host = re.search(r"^host: (.*)$", subprocess.check_output(["rustc", "-vV"], text=True), re.MULTILINE)
    assert host
    found = json.loads(
        cargo("metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", host[1])
    )
    needs = {
        node["id"]: [
            need["pkg"] for need in node["deps"] if any(kind["kind"] is None for kind in need["dep_kinds"])
        ]
        for node in found["resolve"]["nodes"]
    }
    seen: set[str] = set()
    todo = [found["resolve"]["root"]]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo += needs[one]
    own = set(found["workspace_members"])
    crates = [crate for crate in found["packages"] if crate["id"] in seen - own]
    return sorted(crates, key=lambda crate: (crate["name"], crate["version"]))


def texts(crate: dict[str, object]) -> list[str]:
    folder = Path(str(crate["manifest_path"])).parent
    named = (path for path in folder.iterdir() if TEXT.match(path.name))
    files = sorted(path for path in named if path.suffix not in (".rs", ".html"))
    for path in [path for path in files if path.is_dir()]:
        files += sorted(path.rglob("*"))
    return [path.read_text(encoding="utf-8", errors="replace").strip() for path in files if path.is_file()]


def main() -> None:
    crates = linked()
    print("What helper and helperd are linked with, and its licences.\n")
    by_text: dict[str, tuple[str, list[str]]] = {}
    for crate in crates:
        name = f"{crate['name']} {crate['version']}"
        authors = ", ".join(re.sub(r" *<[^>]*>", "", author) for author in crate["authors"])  # type: ignore[attr-defined]
        has = texts(crate)
        missing = "" if has else f" (its archive holds no text; by {authors or 'unnamed authors'})"
        print(f"{name}: {crate['license'] or crate['license_file']}{missing}")
        for text in has:
            # The same words, however they are broken into lines.
            by_text.setdefault(" ".join(text.split()), (text, []))[1].append(name)
    print(f"\n{OTHERS}")
    for text, names in by_text.values():
        print(f"{RULE}\n{', '.join(dict.fromkeys(names))}\n{RULE}\n{text}\n")


if __name__ == "__main__":
    main()
