"""What the tests of the packages share: programs that are started in surroundings of their own, and how
an installation proves that it works."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import unittest

from pathlib import Path
from typing import Any
from typing import Optional
from typing import Sequence

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
# What nothing here comes near.
PATIENCE = 120
BUILD_TIME = 1200
VARIABLES = {"POETRY_HTTP_BASIC_FOO_USERNAME": "alice", "POETRY_HTTP_BASIC_FOO_PASSWORD": "hunter2"}
# One second, so that a build that ignored it would differ.
EPOCH = {"SOURCE_DATE_EPOCH": "1700000001"}


def arguments(about: Optional[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--binaries", type=Path, required=True, help="the folder of helper and helperd")
    parser.add_argument("--quick", action="store_true", help="fetch nothing")
    found = parser.parse_args()
    found.binaries = found.binaries.resolve()
    return found


def main(case: type[unittest.TestCase]) -> None:
    """Runs the tests of one file."""
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())


def build(script: str, binaries: Path, output: Path, *options: str) -> list[Path]:
    """Runs a script of ``packaging/`` and takes the paths that it prints."""
    command = [PACKAGING / script, *options, "--binaries", binaries, "--output", output]
    said = run(command, {**os.environ, **EPOCH}, seconds=BUILD_TIME).splitlines()
    return [Path(line) for line in said]


def run(
    command: Sequence[object],
    environment: dict[str, str],
    *,
    status: int = 0,
    stdin: str = "",
    seconds: float = PATIENCE,
    silent: bool = False,
    folder: Optional[Path] = None,
) -> str:
    """Runs it, and gives what it printed; `silent` where nothing may stand on standard error."""
    ended = subprocess.run(
        [str(part) for part in command],
        env=environment,
        cwd=folder,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=seconds,
        check=False,
    )
    if ended.returncode != status or silent and ended.stderr:
        raise AssertionError(f"{command}: status {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
    return ended.stdout


# Each bridge, what its tool says to it, and what it answers where the variables above have the credential.
BRIDGES = {
    "keyring": (["get", "poetry-repository-foo", "alice"], "", "hunter2\n"),
    "git-credential-helper": (["get"], "protocol=https\nhost=pypi.example.org\n\n", "password=hunter2\n"),
    "docker-credential-helper": (["get"], "pypi.example.org", '"Secret":"hunter2"'),
    "cargo-credential-helper": (
        ["--cargo-plugin"],
        '{"v":1,"registry":{"index-url":"sparse+https://pypi.example.org/","name":"foo"},"kind":"get",'
        '"operation":"read","args":[]}\n',
        '"Ok":{"kind":"get"',
    ),
    "credential-helper": (["get"], '{"uri":"https://pypi.example.org/simple/"}', '"Authorization"'),
}
SETTINGS = '[repositories.foo]\nurl = "https://pypi.example.org/"\n'


class Installation:
    """An installation below a prefix, and somebody who uses it. Every command runs as `becoming` says."""

    def __init__(self, prefix: str, environment: dict[str, str], becoming: Sequence[str] = ()) -> None:
        self.prefix, self.environment, self.becoming = prefix, environment, list(becoming)

    def command(self, *command: object, variables: Optional[dict[str, str]] = None) -> list[str]:
        """A command line that starts in nothing but these surroundings."""
        whole = {**self.environment, **(variables or {})}
        pairs = [f"{name}={value}" for name, value in whole.items()]
        return [*self.becoming, "env", "-i", *pairs, *map(str, command)]

    def run(self, *command: object, variables: Optional[dict[str, str]] = None, **options: Any) -> str:
        return run(self.command(*command, variables=variables), dict(os.environ), **options)

    def agent(self) -> dict[str, Any]:
        """What the agent says of itself; this starts none."""
        found: dict[str, Any] = json.loads(self.run(f"{self.prefix}/bin/helper", "agent", "status", "--json"))
        return found

    def prove(self, helperd: str) -> None:
        """The first question starts the agent, this one, and everything that asks it is answered."""
        helper = f"{self.prefix}/bin/helper"
        got = self.run(helper, "get", "foo", variables=VARIABLES)
        assert got == "username=alice\npassword=hunter2\n", got
        status = self.agent()
        assert status["started_by"] == "client", status
        assert self.run(helperd, "--version").split()[-1] == status["version"], status
        folder = f"{self.prefix}/lib/credential-helper/bridges"
        assert set(self.run("ls", folder).split()) == set(BRIDGES)
        self.run("mkdir", "-p", f"{self.environment['HOME']}/.config/credential-helper")
        settings = f"{self.environment['HOME']}/.config/credential-helper/config.toml"
        self.run("tee", settings, stdin=SETTINGS)
        for name, (called, said, wanted) in BRIDGES.items():
            answered = self.run(f"{folder}/{name}", *called, variables=VARIABLES, stdin=said)
            assert wanted in answered, (name, answered)
        # The folder of the package is the one that setup puts first on the PATH.
        planned = self.run(helper, "setup", "path", "--dry-run", variables={"SHELL": "/bin/bash"})
        assert f"{folder}:" in planned, planned
        self.run(helper, "agent", "stop")
