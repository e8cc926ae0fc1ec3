"""The other direction: who stores a credential, and who finds it; always as exactly one item."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

from pathlib import Path
from typing import Callable

import agent_side
import poetry_side

from case import EMPTY_USER
from case import TOKEN_USER
from case import Answer
from case import Case
from keyring.backends import SecretService
from service import Keyring

# A change by another program shows within one second.
VISIBLE_SECONDS = 1.0
COMMAND_SECONDS = 60


class Writing:
    """One set of Poetry's files, the agent, the keyring, and everybody who writes to them."""

    def __init__(
        self,
        helper: Path,
        folder: Path,
        agent: agent_side.Agent,
        client: agent_side.Client,
        keyring: Keyring,
    ) -> None:
        self.helper, self.client, self.keyring = helper, client, keyring
        self.folder = folder / "writing"
        self.places = agent_side.Places(folder)
        self.environment = {
            **agent.environment,
            "POETRY_CONFIG_DIR": str(self.folder / "poetry"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring",
        }
        self.failures: list[str] = []
        self.checks = 0

    def fresh(self) -> None:
        """Nothing stored anywhere."""
        self.keyring.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("poetry", "project", "uv"):
            (self.folder / name).mkdir(parents=True, mode=0o700)

    # Who writes ----------------------------------------------------------------------------------

    def poetry(self, *arguments: str, **variables: str) -> None:
        command = [sys.executable, "-m", "poetry", "config", "--no-interaction", "--", *arguments]
        self._run("poetry config", command, None, variables)

    def helper_set(self, name: str, user: str, secret: str, **variables: str) -> None:
        account = {TOKEN_USER: ["--token"], "": []}.get(user, [user])
        command = [str(self.helper), "set", name, *account]
        self._run("helper set", command, secret, variables)

    def helper_config(self, *arguments: str, **variables: str) -> None:
        command = [str(self.helper), "config", "--", *arguments]
        self._run("helper config", command, None, variables)

    def python_keyring(self, name: str, user: str, secret: str) -> None:
        service = f"poetry-repository-{name}"
        SecretService.Keyring().set_password(service, user or EMPTY_USER, secret)

    def secret_tool(self, name: str, user: str, secret: str) -> None:
        attributes = ["service", f"poetry-repository-{name}", "username", user or EMPTY_USER]
        command = ["secret-tool", "store", "--label=test", *attributes]
        self._run("secret-tool store", command, secret, {})

    def _run(self, what: str, command: list[str], text: object, variables: dict) -> None:
        done = subprocess.run(
            command,
            env={**self.environment, **variables},
            cwd=self.folder,
            input=text if isinstance(text, str) else "",
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            told = (done.stderr or done.stdout).strip()
            self.failures.append(f"{what} {command[-2:]} ended with {done.returncode}: {told}")

    # Who reads -----------------------------------------------------------------------------------

    def stored(self, name: str, user: str, secret: str, after: str) -> None:
        """Everybody finds this secret, in one item of the keyring, and no file holds it."""
        service, account = f"poetry-repository-{name}", user or EMPTY_USER
        case = self._case(name, user)
        wanted = Answer(user or None, secret)
        bus = self.environment["DBUS_SESSION_BUS_ADDRESS"]
        agent = within(
            VISIBLE_SECONDS,
            lambda: agent_side.ask(self.client, case, self.folder, self.places, bus),
            wanted,
        )
        lookup = ["secret-tool", "lookup", "service", service, "username", account]
        tool = subprocess.run(
            lookup, env=self.environment, capture_output=True, text=True, check=False
        )
        files = [path.read_text() for path in (self.folder / "poetry").iterdir()]
        self._expect(after, "the agent", agent, wanted)
        self._expect(after, "Poetry", poetry_side.ask(case, self.folder, {}, True), wanted)
        keyring = SecretService.Keyring().get_password(service, account)
        self._expect(after, "Python's keyring", keyring, secret)
        self._expect(after, "secret-tool", tool.stdout, secret)
        self._expect(after, "the items", self.keyring.secrets(service, account), [secret])
        self._expect(after, "files with it", [text for text in files if secret in text], [])

    def in_file(self, name: str, user: str, secret: str, after: str) -> None:
        """It stands in auth.toml, for nobody else to read, and both find it there."""
        case = self._case(name, user)
        wanted = Answer(user or None, secret)
        bus = self.environment["DBUS_SESSION_BUS_ADDRESS"]
        ours = agent_side.ask(self.client, case, self.folder, self.places, bus)
        self._expect(after, "the agent", ours, wanted)
        self._expect(after, "Poetry", poetry_side.ask(case, self.folder, {}, True), wanted)
        mode = (self.folder / "poetry" / "auth.toml").stat().st_mode & 0o777
        self._expect(after, "the mode of auth.toml", oct(mode), oct(0o600))

    def _case(self, name: str, user: str) -> Case:
        return Case("name", name, operation="upload" if user == TOKEN_USER else "read")

    def _expect(self, after: str, who: str, got: object, wanted: object) -> None:
        self.checks += 1
        if got != wanted:
            self.failures.append(f"after {after}: {who} has {got}, expected {wanted}")


def within(seconds: float, ask: Callable[[], Answer], wanted: Answer) -> Answer:
    """Asks again until the answer is the wanted one, or the time is up."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer == wanted or time.monotonic() > end:
            return answer


def run(
    helper: Path,
    folder: Path,
    agent: agent_side.Agent,
    client: agent_side.Client,
    keyring: Keyring,
) -> list[str]:
    """Every writer after every other one; says what went wrong."""
    os.environ.pop("POETRY_KEYRING_ENABLED", None)
    it = Writing(helper, folder, agent, client, keyring)
    for name, user in (("foo", "alice"), ("foo", ""), ("my.repo", "alice"), ("Foo", "a b@c")):
        it.fresh()
        it.poetry(f"http-basic.{name}", user, "p1")
        it.stored(name, user, "p1", f"poetry config http-basic.{name}")
        it.helper_set(name, user, "p2")
        it.stored(name, user, "p2", f"helper set {name} over Poetry's")
        it.poetry(f"http-basic.{name}", user, "p3")
        it.stored(name, user, "p3", f"poetry config http-basic.{name} over ours")
        it.helper_config(f"http-basic.{name}", user, "p4")
        it.stored(name, user, "p4", f"helper config http-basic.{name}")
        it.fresh()
        it.helper_set(name, user, "p5")
        it.stored(name, user, "p5", f"helper set {name}")
        it.python_keyring(name, user, "p6")
        it.stored(name, user, "p6", f"keyring set {name} over ours")
        it.helper_set(name, user, "p7")
        it.secret_tool(name, user, "p8")
        it.stored(name, user, "p8", f"secret-tool store {name} over ours")
    for name in ("foo", "pypi", "my.repo"):
        it.fresh()
        it.poetry(f"repositories.{name}", "https://up.example/legacy/")
        it.poetry(f"pypi-token.{name}", "pypi-t1")
        it.stored(name, TOKEN_USER, "pypi-t1", f"poetry config pypi-token.{name}")
        it.helper_set(name, TOKEN_USER, "pypi-t2")
        it.stored(name, TOKEN_USER, "pypi-t2", f"helper set {name} --token")
        it.helper_config(f"pypi-token.{name}", "pypi-t3")
        it.stored(name, TOKEN_USER, "pypi-t3", f"helper config pypi-token.{name}")
        it.poetry(f"pypi-token.{name}", "pypi-t4")
        it.stored(name, TOKEN_USER, "pypi-t4", f"poetry config pypi-token.{name} over ours")
    for user in ("alice", ""):
        it.fresh()
        it.secret_tool("foo", user, "s1")
        it.helper_set("foo", user, "s2")
        it.stored("foo", user, "s2", "helper set foo over secret-tool's")
        it.fresh()
        it.poetry("http-basic.foo", user, "f1", POETRY_KEYRING_ENABLED="false")
        it.in_file("foo", user, "f1", "poetry config without a keyring")
        it.helper_set("foo", user, "f2", POETRY_KEYRING_ENABLED="false")
        it.in_file("foo", user, "f2", "helper set without a keyring")
        it.helper_set("foo", user, "f3")
        it.stored("foo", user, "f3", "helper set with a keyring again")
    print(f"{it.checks:6} checks of what was written, {len(it.failures)} failed")
    for failure in it.failures:
        print(f"  - {failure}")
    return [f"{len(it.failures)} checks of what was written"] if it.failures else []
