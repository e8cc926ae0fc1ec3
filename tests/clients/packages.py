"""Three small wheels, made by hand: `pkg` needs `dep`, `dep` needs `leaf`. No build backend runs."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

REQUIRES_PYTHON = ">=3.8"


@dataclass(frozen=True)
class Package:
    """A pure Python package of one module."""

    name: str
    version: str = "1.0"
    requires: tuple[str, ...] = ()

    @property
    def filename(self) -> str:
        """The name of its wheel."""
        return f"{self.name}-{self.version}-py3-none-any.whl"

    def metadata(self) -> bytes:
        """Its core metadata, as it also stands beside the wheel (PEP 658)."""
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        lines += ["Summary: of the tests", f"Requires-Python: {REQUIRES_PYTHON}"]
        lines += [f"Requires-Dist: {one}" for one in self.requires]
        return ("\n".join(lines) + "\n").encode()

    def wheel(self) -> bytes:
        """The wheel; the same bytes each time."""
        return _wheel(self)

    def write(self, folder: Path) -> Path:
        """Writes the wheel into a folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        path.write_bytes(self.wheel())
        return path


@lru_cache(maxsize=None)
def _wheel(package: Package) -> bytes:
    info = f"{package.name}-{package.version}.dist-info"
    tags = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content = {
        f"{package.name}.py": f'VERSION = "{package.version}"\n'.encode(),
        f"{info}/METADATA": package.metadata(),
        f"{info}/WHEEL": tags.encode(),
    }
    record = "".join(_recorded(name, data) for name, data in content.items())
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def _recorded(name: str, data: bytes) -> str:
    """A line of RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def sha256(data: bytes) -> str:
    """The digest as the Simple API writes it."""
    return hashlib.sha256(data).hexdigest()


PKG = Package("pkg", requires=("dep>=1",))
DEP = Package("dep", requires=("leaf>=1",))
LEAF = Package("leaf")
ALL = (PKG, DEP, LEAF)
