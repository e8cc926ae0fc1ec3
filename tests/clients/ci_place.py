"""Where one cell of the CI matrix runs: repositories, files with credentials, an agent, a restricted socket."""

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

from agent_side import Agent
from index import Index
from index import Repository
from packages import ALL
from packages import DEP
from packages import LEAF
from packages import PKG

# Longer than any tool needs here, also on a busy machine.
DEADLINE = 120
USERS = {"foo": "alice", "bar": "bob", "my.repo": "carol", "tok": "__token__"}
# What a shell, a URL, a netrc or a configuration file could trip over.
PASSWORDS = {name: f"s3cret:@/x%20y#$'{name}" for name in USERS}
STALE = "stale-secret"


def repositories(two: bool, git: Path) -> list[Repository]:
    """All that there are; where two are needed, each has a part of the packages."""
    packages = dict.fromkeys(USERS, ALL)
    if two:
        packages.update({"foo": (PKG,), "bar": (DEP, LEAF)})
    return [
        Repository(name, USERS[name], PASSWORDS[name], 401, packages[name], git / name)
        for name in USERS
    ]


@dataclass
class Step:
    """What is run, with what the tool itself needs beside the credentials."""

    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)


class Place:
    """The folders, and the two homes: of who has the credentials, and of a container."""

    def __init__(self, folder: Path, helper: Path, index: Index, per_host: bool) -> None:
        self.folder, self.helper, self.index = folder, helper, index
        # A second name of this machine, for what knows hosts only.
        self.per_host = per_host
        self.project = folder / "project"
        self.output = ""
        self.agent: Optional[Agent] = None
        self.socket: Optional[Path] = None
        for name in ("project", "home", "inside", "runtime", "settings", "poetry", "empty"):
            (folder / name).mkdir(mode=0o700)

    def url(self, name: str, part: str = "simple") -> str:
        """The URL of a repository's part."""
        url = self.index.url(name, part)
        return url.replace("127.0.0.1", "localhost") if self.per_host and name == "bar" else url

    def write_credentials(self) -> None:
        """In Poetry's files, where the agent looks and the tools do not."""
        settings, auth = "", ""
        for name, user in USERS.items():
            settings += f'[repositories."{name}"]\nurl = "{self.url(name)}"\n'
            settings += f'publish-url = "{self.url(name, "legacy")}"\n'
            password = f'"{PASSWORDS[name]}"'
            if user == "__token__":
                auth += f"[pypi-token]\n{name} = {password}\n"
            else:
                auth += f'[http-basic."{name}"]\nusername = "{user}"\npassword = {password}\n'
        (self.folder / "settings" / "config.toml").write_text(settings)
        (self.folder / "poetry" / "auth.toml").write_text(auth)
        (self.folder / "poetry" / "auth.toml").chmod(0o600)
        (self.folder / "poetry" / "config.toml").write_text("[keyring]\nenabled = false\n")

    def environment(self, inside: bool = False) -> dict[str, str]:
        """What `helper exec` is started with: nothing of the caller's."""
        own = {
            "PATH": _system_path(),
            "HOME": str(self.folder / ("inside" if inside else "home")),
            "USER": "tests",
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.folder),
        }
        if inside:
            own["CREDENTIAL_HELPER_SOCKET"] = str(self.socket)
        elif self.agent:
            own.update(self.agent.environment)
        else:
            own.update(self._places())
        return own

    def _places(self) -> dict[str, str]:
        return {
            "PATH": _system_path(),
            "HOME": str(self.folder / "home"),
            "XDG_RUNTIME_DIR": str(self.folder / "runtime"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "POETRY_CONFIG_DIR": str(self.folder / "poetry"),
            "CREDENTIAL_HELPER_CONFIG_DIR": str(self.folder / "settings"),
        }

    def new_agent(self) -> Agent:
        """An agent, not yet running."""
        self.agent = Agent(self.helper.with_name("helperd"), self.folder, self._places())
        return self.agent

    def open_socket(self, operation: str, names: tuple[str, ...]) -> None:
        """A restricted socket for these."""
        self.socket = self.folder / "box" / "agent.sock"
        words = ["agent", "socket", "--path", str(self.socket), "--names", ",".join(names)]
        opened = subprocess.run(
            [str(self.helper), *words, "--operation", operation],
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        if opened.returncode:
            raise RuntimeError(f"helper {' '.join(words)}: {opened.stderr}")

    def tool_environment(self) -> dict[str, str]:
        """What keeps a tool from any other place that has the credentials, and from the network."""
        return {
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "PIP_CONFIG_FILE": os.devnull,
            "POETRY_CONFIG_DIR": str(self.folder / "empty"),
            "POETRY_KEYRING_ENABLED": "false",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }

    def run(self, argv: list[str], environment: dict[str, str]) -> Optional[int]:
        """Runs it with nothing to read; its status, or None for a hang."""
        said = self.folder / "output"
        with said.open("wb") as output:
            process = subprocess.Popen(
                argv,
                env=environment,
                cwd=self.project,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            status: Optional[int] = process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = None
        self.output += said.read_text(errors="replace")
        return status


def _system_path() -> str:
    """PATH without any folder that has a keyring of its own."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(one for one in folders if one and not (Path(one) / "keyring").exists())
