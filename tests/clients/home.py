"""A home of its own for one cell of the matrix: folders, bus, keyring, agent, index, and what was asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "poetry"))

import venvs

from agent_side import Agent
from agent_side import Places
from index import Index
from service import Bus
from service import Keyring

HERE = Path(__file__).resolve().parent
# Longer than any tool needs here, also on a busy machine; who takes longer hangs.
DEADLINE = 60
# An agent that does not answer costs its deadline at each of a tool's questions.
PATIENT_DEADLINE = 150
BRIDGES = ("keyring", "git-credential-helper", "cargo-credential-helper")
# Notes its arguments, then becomes the real one. An import hook of the tests is not for it.
BRIDGE = """#!/bin/sh
printf '[%s]' "$@" >>"{calls}"
echo >>"{calls}"
unset PYTHONPATH
exec "{real}" "$@"
"""


@dataclass
class Command:
    """What is run: a program of a client, or of the system."""

    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "project"
    stdin: str = ""
    # Whether it has to end well for the next one to be run; the last one decides.
    shall_fail: bool = False


@dataclass
class Ended:
    """How it ended; status None is a hang."""

    argv: list[str]
    status: Optional[int]
    output: str


class Home:
    """The surroundings of one cell. `helper` None: Python's own keyring in place of ours."""

    def __init__(self, folder: Path, bus: Bus, helper: Optional[Path], index: Index) -> None:
        self.folder, self.bus, self.helper, self.index = folder, bus, helper, index
        self.project = folder / "project"
        self.home = bus.home
        self.calls_log = folder / "calls"
        self.agent: Optional[Agent] = None
        self.ended: list[Ended] = []
        self.deadline = DEADLINE
        for name in ("project", "bridges", "real"):
            (folder / name).mkdir()

    def environment(self) -> dict[str, str]:
        """What every tool is started with: nothing of the caller's."""
        own = dict(self.agent.environment if self.agent else self.bus.environment())
        tools = os.pathsep.join(_system_path())
        own.update(
            PATH=f"{self.folder / 'bridges'}{os.pathsep}{tools}",
            PYTHONPATH=os.pathsep.join(self._python_path()),
            PYTHONDONTWRITEBYTECODE="1",
            CREDENTIAL_HELPER_TEST_CALLS=str(self.calls_log),
            NO_COLOR="1",
            TMPDIR=str(self.folder),
        )
        return own

    def _python_path(self) -> list[str]:
        backend = [] if self.helper is None else [str(self.folder / "backend")]
        return [str(HERE / "tap"), *backend]

    def install_bridges(self) -> None:
        """Puts what asks for credentials first on PATH, and our backend where Python finds it."""
        for name in BRIDGES:
            if self.helper:
                real = self.folder / "real" / name
                real.symlink_to(self.helper)
            elif name == "keyring":
                real = venvs.program("keyring", "keyring")
            else:
                continue
            bridge = self.folder / "bridges" / name
            bridge.write_text(BRIDGE.format(calls=self.calls_log, real=real))
            bridge.chmod(0o755)
        if self.helper:
            # What the backend starts an agent with.
            (self.folder / "bridges" / "helper").symlink_to(self.helper)
            install_backend(self.folder / "backend")

    def run(self, command: Command) -> Ended:
        """Runs it with nothing to read and a deadline; a hang ends with its whole process group."""
        # Files, not pipes: whoever outlives the tool with a pipe of it would be waited for.
        said, typed = self.folder / "output", self.folder / "input"
        typed.write_text(command.stdin)
        with said.open("wb") as output, typed.open("rb") as text:
            process = subprocess.Popen(
                command.argv,
                env={**self.environment(), **command.environment},
                cwd=self.folder / command.folder,
                stdin=text if command.stdin else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            status: Optional[int] = process.wait(self.deadline)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = None
        self.ended.append(Ended(command.argv, status, said.read_text(errors="replace")))
        return self.ended[-1]

    def ask_helper(self, *arguments: str, stdin: str = "") -> None:
        """Runs our own command line, which has to succeed."""
        ended = subprocess.run(
            [str(self.helper), *arguments],
            env=self.environment(),
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        if ended.returncode:
            raise RuntimeError(f"helper {' '.join(arguments)}: {ended.returncode}: {ended.stderr}")

    def store(self, name: str, user: str, password: str) -> None:
        """Stores a repository's credential, as a user of ours, or of Python's keyring, would."""
        simple = self.index.url(name)
        if self.helper:
            self.ask_helper("set", name, user, "--url", simple, stdin=password)
            return
        keyring = Keyring()
        for service in (simple, simple.rstrip("/"), self.index.url(name, "legacy")):
            keyring.add(service, user, password)
        # What `poetry config http-basic.NAME USER` leaves.
        keyring.add(f"poetry-repository-{name}", user, password)
        auth = self.home / ".config" / "pypoetry" / "auth.toml"
        auth.parent.mkdir(parents=True, exist_ok=True)
        with auth.open("a") as file:
            file.write(f'[http-basic.{name}]\nusername = "{user}"\n')

    def trouble(self, what: str) -> None:
        """Brings the agent into the state of a case."""
        if not self.agent or what == "running":
            return
        process = self.agent.process
        assert process
        if what == "locked":
            self.ask_helper("agent", "lock")
        elif what == "stopped":
            os.kill(process.pid, signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
            self.deadline = PATIENT_DEADLINE
        else:
            process.kill()
            process.wait()

    def calm(self) -> None:
        """Ends the agent, also one that a client has started."""
        if not self.agent or not self.agent.process:
            return
        if self.agent.process.poll() is None:
            self.agent.process.send_signal(signal.SIGCONT)
        else:
            self.ask_helper("agent", "stop")

    def calls(self) -> list[str]:
        """What the tools asked: arguments of bridges, and functions of Python's keyring."""
        return self.calls_log.read_text().splitlines() if self.calls_log.exists() else []


def start_agent(home: Home) -> Agent:
    """The agent of a home, not yet running."""
    assert home.helper
    Places(home.folder)
    return Agent(home.helper.with_name("helperd"), home.folder, home.bus.environment())


def install_backend(folder: Path) -> None:
    """Our Python package as an installer leaves it, without the binaries."""
    package = HERE.parents[1] / "packaging" / "python" / "credential_helper"
    folder.mkdir()
    (folder / "credential_helper").symlink_to(package)
    info = folder / "credential_helper-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: credential-helper\nVersion: 0\n")
    points = "[keyring.backends]\ncredential-helper = credential_helper.backend\n"
    (info / "entry_points.txt").write_text(points)


def _system_path() -> list[str]:
    """PATH without any folder that has a keyring of its own."""
    folders = os.environ["PATH"].split(os.pathsep)
    return [one for one in folders if one and not (Path(one) / "keyring").exists()]
