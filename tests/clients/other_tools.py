"""git and cargo: the system's own programs, with a helper of ours that speaks their protocol."""

from __future__ import annotations

import shutil
import subprocess

from pathlib import Path
from urllib.parse import quote

import git_backend

from home import Command
from home import Home
from tool import PASSWORDS
from tool import USERS
from tool import Tool


class Git(Tool):
    """Clones and pushes over git's own server. The control is git's own `store`."""

    name, actions = "git", ("install", "upload")

    def version(self) -> str:
        return _said("git", "--version").split()[2]

    def keep(self, home: Home, name: str, password: str) -> None:
        if home.helper:
            super().keep(home, name, password)
            return
        with (home.home / ".git-credentials").open("a") as file:
            file.write(_with_user(self._url(home, name), name, password) + "\n")

    def install(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        return [self._clone(home, name, self._url(home, name)) for name in names]

    def upload(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        commands = []
        for name in names:
            work = self._served(home, name) / "it.work"
            url = self._url(home, name)
            commands.append(self._git(home, "-C", str(work), "push", url, "HEAD:refs/heads/pushed"))
        return commands

    def store(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        """git has what worked stored: here, what it was given in a URL."""
        commands = []
        for name in names:
            url = _with_user(self._url(home, name), name, PASSWORDS[name])
            commands.append(self._clone(home, name, url, "first"))
        return [*commands, *self.install(home, names)]

    def proved(self, action: str, home: Home, names: tuple[str, ...]) -> bool:
        if action == "upload":
            roots = [self._root(home, name) for name in names]
            return all((root / "it.git/refs/heads/pushed").exists() for root in roots)
        return all((home.project / name / ".git/refs/heads/main").exists() for name in names)

    def _git(self, home: Home, *arguments: str) -> Command:
        helper = "helper" if home.helper else "store"
        options = ["-c", f"credential.helper={helper}", "-c", "credential.useHttpPath=true"]
        environment = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
        return Command(["git", *options, *arguments], environment)

    def _clone(self, home: Home, name: str, url: str, into: str = "") -> Command:
        self._served(home, name)
        return self._git(home, "clone", url, into or name)

    @staticmethod
    def _url(home: Home, name: str) -> str:
        return home.index.url(name, "git") + "it.git"

    @staticmethod
    def _root(home: Home, name: str) -> Path:
        return home.folder / "git" / name

    def _served(self, home: Home, name: str) -> Path:
        root = self._root(home, name)
        if not root.exists():
            root.mkdir(parents=True)
            git_backend.make(root, "it", home.environment())
        return root


class Cargo(Tool):
    """Reads a crate of a registry that wants a token. The control is cargo's own `cargo:token`."""

    name, actions = "cargo", ("install",)

    def version(self) -> str:
        return _said(str(_toolchain() / "cargo"), "--version").split()[1]

    def keep(self, home: Home, name: str, password: str) -> None:
        if home.helper:
            super().keep(home, name, password)
            return
        self._registries(home, ("foo", "bar"))
        with (home.folder / "cargo" / "credentials.toml").open("a") as file:
            file.write(f'[registries.{name}]\ntoken = "{password}"\n')

    def install(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        self._registries(home, names)
        text = '[package]\nname = "app"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\n'
        for name in names:
            text += f'of-{name} = {{ package = "leaf", version = "1", registry = "{name}" }}\n'
        (home.project / "Cargo.toml").write_text(text)
        (home.project / "src").mkdir(exist_ok=True)
        (home.project / "src" / "lib.rs").write_text("")
        return [self._cargo(home, "fetch")]

    def store(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        """`cargo login`, which `cargo logout` takes back, and again."""
        fetch = self.install(home, names)
        login = [self._cargo(home, "login", "--registry", n, stdin=PASSWORDS[n]) for n in names]
        logout = [self._cargo(home, "logout", "--registry", n) for n in names]
        nothing = self._cargo(home, "fetch", shall_fail=True)
        return [*login, *logout, nothing, *login, *fetch]

    def proved(self, action: str, home: Home, names: tuple[str, ...]) -> bool:
        found = list((home.folder / "cargo").rglob("leaf-1.0.0.crate"))
        return len(found) == len(names)

    @staticmethod
    def _registries(home: Home, names: tuple[str, ...]) -> None:
        provider = "cargo-credential-helper" if home.helper else "cargo:token"
        text = f'[registry]\nglobal-credential-providers = ["{provider}"]\n'
        for name in names:
            text += f'[registries.{name}]\nindex = "sparse+{home.index.url(name, "cargo")}"\n'
        folder = home.folder / "cargo"
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text(text)

    @staticmethod
    def _cargo(home: Home, *arguments: str, stdin: str = "", shall_fail: bool = False) -> Command:
        tools, own = str(_toolchain()), home.environment()["PATH"].split(":", 1)
        environment = {
            "CARGO_HOME": str(home.folder / "cargo"),
            "PATH": ":".join([own[0], tools, own[1]]),
        }
        argv = [f"{tools}/cargo", *arguments]
        return Command(argv, environment, stdin=stdin, shall_fail=shall_fail)


def _toolchain() -> Path:
    """Where cargo itself is: rustup's stand-in for it would look for toolchains in the new home."""
    if shutil.which("rustup"):
        return Path(_said("rustup", "which", "cargo")).parent
    found = shutil.which("cargo")
    if not found:
        raise RuntimeError("there is no cargo on PATH")
    return Path(found).parent


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _with_user(url: str, name: str, password: str) -> str:
    return url.replace("://", f"://{USERS[name]}:{quote(password, safe='')}@")
