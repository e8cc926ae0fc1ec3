"""`cargo install`: both programs, which find one another where it has put them. Nothing is built twice: the
folder of the programs that are tested is where it builds."""

from __future__ import annotations

import os
import shutil
import tempfile
import unittest

from pathlib import Path

import support

from support import BUILD_TIME
from support import ROOT
from support import VARIABLES
from support import Installation
from support import run

OPTIONS = support.arguments(__doc__)


class CargoInstall(unittest.TestCase):
    def test_installed_and_used(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="helper-"))
        self.addCleanup(shutil.rmtree, folder)
        command = [os.environ.get("CARGO", "cargo"), "install", "--debug", "--path", ROOT, "--locked"]
        target = ["--root", folder, "--target-dir", OPTIONS.binaries.parent]
        run([*command, *target], dict(os.environ), seconds=BUILD_TIME)
        installed = folder / "bin"
        self.assertEqual({path.name for path in installed.iterdir()}, {"helper", "helperd"})
        (folder / "run").mkdir(mode=0o700)
        environment = {"PATH": f"{installed}:{os.defpath}", "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run")}
        user = Installation(str(folder), environment)
        self.assertEqual(user.run("helper", "get", "foo", variables=VARIABLES), "username=alice\npassword=hunter2\n")
        self.assertEqual(user.agent()["started_by"], "client")
        # The links that setup makes lead to this helper.
        user.run("helper", "setup", "path", variables={"SHELL": "/bin/bash"})
        bridge = folder / ".local/share/credential-helper/bridges/keyring"
        self.assertEqual(bridge.readlink(), installed / "helper")
        got = user.run(bridge, "get", "poetry-repository-foo", "alice", variables=VARIABLES)
        self.assertEqual(got, "hunter2\n")
        user.run("helper", "agent", "stop")


if __name__ == "__main__":
    support.main(CargoInstall)
