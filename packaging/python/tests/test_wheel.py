"""The wheel: built as ``packaging/wheel.sh --debug`` does, installed into a new environment beside
``keyring``, and used there; and the types of what it holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import unittest
import venv
import zipfile
from pathlib import Path

from support import PACKAGES, PATIENCE, SURROUNDINGS, Case

ROOT = PACKAGES.parents[1]
# Cargo may have to build the programs once more.
BUILD_TIME = 1200
KEYRING = "keyring==25.7.0"


class Wheel(Case):
    def run_in(self, environment: dict[str, str], *command: object, seconds: float = PATIENCE) -> str:
        ended = subprocess.run(
            [str(part) for part in command],
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended.stdout

    def test_built_installed_and_used(self) -> None:
        maturin = shutil.which("maturin", path=f"{Path(sys.executable).parent}:{SURROUNDINGS['PATH']}")
        assert maturin, "maturin is missing: tests/requirements.txt names it"
        building = {**SURROUNDINGS, "MATURIN": maturin}
        wheel = self.run_in(building, ROOT / "packaging/wheel.sh", "--debug", seconds=BUILD_TIME).strip()
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        # Neither tests nor what running them has left.
        self.assertFalse([name for name in names if "tests" in name or "pycache" in name], names)
        for end in ("/LICENSE-MIT", "/LICENSE-APACHE", "/LICENSES-OF-DEPENDENCIES", "/scripts/helper", "/scripts/helperd"):
            self.assertTrue(any(name.endswith(end) for name in names), (end, names))
        self.assertIn("credential_helper/py.typed", names)
        self.assertIn("credential_helper/backend.py", names)

        inside = self.folder / "venv"
        venv.create(inside, with_pip=True)
        python = inside / "bin/python"
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        self.run_in(SURROUNDINGS, *pip, KEYRING, wheel, seconds=BUILD_TIME)
        # The environment's own programs, without any on PATH.
        environment = {**self.environment, "PATH": os.defpath, "POETRY_KEYRING_ENABLED": "false"}
        self.addCleanup(self.run_in, environment, inside / "bin/helper", "agent", "stop")
        self.assertRegex(self.run_in(environment, inside / "bin/helper", "--version"), r"^helper \d")
        self.assertRegex(self.run_in(environment, inside / "bin/helperd", "--version"), r"\d")
        listed = self.run_in(environment, inside / "bin/keyring", "--list-backends")
        self.assertIn("credential_helper.backend.Keyring (priority: 20)", listed.splitlines())
        asked = {**environment, "POETRY_HTTP_BASIC_FOO_USERNAME": "alice", "POETRY_HTTP_BASIC_FOO_PASSWORD": "hunter2"}
        found = self.run_in(asked, inside / "bin/keyring", "get", "poetry-repository-foo", "alice")
        self.assertEqual(found, "hunter2\n")
        status = self.run_in(environment, inside / "bin/helper", "agent", "status")
        self.assertIn(str(self.path), status)


class Types(Case):
    def test_mypy(self) -> None:
        command = [sys.executable, "-m", "mypy", "--cache-dir", str(self.folder / "mypy"), "-p", "credential_helper"]
        ended = subprocess.run(
            command, cwd=PACKAGES, env=SURROUNDINGS, capture_output=True, text=True, timeout=BUILD_TIME, check=False
        )
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)


if __name__ == "__main__":
    unittest.main()
