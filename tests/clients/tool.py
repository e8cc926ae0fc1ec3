"""What a row of the matrix is."""

from __future__ import annotations

from typing import Callable

import venvs

from home import Command
from home import Home

USERS = {"foo": "alice", "bar": "bob"}
# What a shell, a URL or a configuration file could trip over.
PASSWORDS = {"foo": "s3cret:@/x%20y#foo", "bar": "s3cret:@/x%20y#bar"}


class Tool:
    """A row of the matrix."""

    name = ""
    # The name of the tool, and what is special about this row.
    label = ""
    note = ""
    # The environment that it is run from.
    client = ""
    program = ""
    # What it does, of install, lock, upload; the first is what it is there for.
    actions: tuple[str, ...] = ()

    def commands(self, action: str, home: Home, names: tuple[str, ...]) -> list[Command]:
        """What is run for an action on these repositories."""
        make: Callable[[Home, tuple[str, ...]], list[Command]] = getattr(self, action)
        return make(home, names)

    def keep(self, home: Home, name: str, password: str) -> None:
        """Stores a credential before the tool is run."""
        home.store(name, USERS[name], password)

    def proved(self, action: str, home: Home, names: tuple[str, ...]) -> bool:
        """Whether the action really was done."""
        if action == "upload":
            done = {(one.repository, one.user) for one in home.index.uploads}
            return done == {(name, USERS[name]) for name in names}
        if action == "lock":
            locks = [*home.project.glob("*.lock"), *home.project.glob("pylock*.toml")]
            return any('"leaf"' in lock.read_text() for lock in locks)
        return any(home.project.rglob("leaf.py"))

    def title(self) -> str:
        """The row's heading."""
        return f"{self.label or self.name} {self.version()}{self.note}"

    def version(self) -> str:
        """What the documentation says of it."""
        return venvs.version(self.client)

    def run(self, *arguments: str, **options: object) -> Command:
        """A command of its own program."""
        program = str(venvs.program(self.client, self.program or self.client))
        return Command([program, *arguments], **options)  # type: ignore[arg-type]

    def store(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        """The user stores a credential for this tool by `keyring set`, then uses the tool."""
        main = self.actions[0]
        part = "legacy" if main == "upload" else "simple"
        stored = []
        for name in names:
            url = home.index.url(name, part)
            stored.append(self.keyring("set", url, USERS[name], stdin=PASSWORDS[name]))
        return [*stored, *self.commands(main, home, names)]

    def keyring(self, *arguments: str, stdin: str = "") -> Command:
        """`keyring` as the first on PATH."""
        return Command(["sh", "-c", 'exec keyring "$@"', "sh", *arguments], stdin=stdin)


class Imports(Tool):
    """A tool that imports `keyring`."""

    def keyring(self, *arguments: str, stdin: str = "") -> Command:
        """`keyring` of the tool's own environment."""
        python = str(venvs.program(self.client, "python"))
        return Command([python, "-m", "keyring", *arguments], stdin=stdin)
