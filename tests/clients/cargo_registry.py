"""A sparse registry of cargo's with one crate, `leaf`, which wants a credential for every request."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

from functools import lru_cache

NAME, VERSION = "leaf", "1.0.0"


def serve(base: str, path: str) -> tuple[int, bytes, str]:
    """Status, body and type of the file at a path below `base`, the registry's URL."""
    if path == "config.json":
        whole = {"dl": f"{base}dl", "api": base.rstrip("/"), "auth-required": True}
        return 200, json.dumps(whole).encode(), "application/json"
    if path == f"{NAME[:2]}/{NAME[2:4]}/{NAME}":
        line = {"name": NAME, "vers": VERSION, "deps": [], "features": {}, "yanked": False}
        line["cksum"] = hashlib.sha256(_crate()).hexdigest()
        return 200, json.dumps(line).encode() + b"\n", "text/plain"
    if path == f"dl/{NAME}/{VERSION}/download":
        return 200, _crate(), "application/octet-stream"
    return 404, b"no such crate\n", "text/plain"


@lru_cache(maxsize=None)
def _crate() -> bytes:
    manifest = f'[package]\nname = "{NAME}"\nversion = "{VERSION}"\nedition = "2021"\n'
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in (("Cargo.toml", manifest), ("src/lib.rs", "")):
            entry = tarfile.TarInfo(f"{NAME}-{VERSION}/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()
