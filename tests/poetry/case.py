"""One case of the differential test: a question, and everything that it can be answered from."""

from __future__ import annotations

import re

from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Optional

import tomlkit

EMPTY_USER = "__poetry_source_empty_username__"
TOKEN_USER = "__token__"

# What the agent's own config.toml says for the whole run; see `write_settings`.
SETTLED = {
    "name": "settled",
    "url": "https://settled.example/simple/",
    "username": "su",
    "password": "settled-secret",
}


@dataclass(frozen=True)
class Case:
    """A question with its surroundings. `kind` says how Poetry is asked:

    - `name`: by a repository's name, for the operation
    - `url`: `Authenticator.get_credentials_for_url`
    - `git`: `Authenticator.get_credentials_for_git_url`
    - `source`: the authenticator of the project's source `name`, for a URL below it
    """

    kind: str
    name: str = ""
    url: str = ""
    operation: str = "read"
    env: dict = field(default_factory=dict)
    auth: dict = field(default_factory=dict)
    config: dict = field(default_factory=dict)
    project: dict = field(default_factory=dict)
    sources: tuple = ()
    keyring: str = "none"
    locked: bool = False
    uv_store: tuple = ()

    def has_project(self) -> bool:
        """Whether the client stands in a project."""
        return bool(self.project or self.sources)

    def shown(self) -> str:
        """The whole case on one line; every secret in it is made up."""
        parts = [f"{key}={value!r}" for key, value in vars(self).items() if value]
        return " ".join(parts)


@dataclass(frozen=True)
class Answer:
    """What came out: both halves, or the word of an error. An empty half is none."""

    username: Optional[str] = None
    password: Optional[str] = None
    error: Optional[str] = None

    def __str__(self) -> str:
        if self.error:
            return self.error
        return f"{self.username}/{self.password}"


NOTHING = Answer()


def variable_names(name: str) -> list[str]:
    """A name as variables spell it: Poetry's way, then what a shell can export."""
    poetry = name.upper().replace("-", "_")
    shell = re.sub(r"[^A-Za-z0-9]", "_", poetry)
    return list(dict.fromkeys([poetry, shell]))


def write(case: Case, folder: Path) -> None:
    """Writes the files of a case: `poetry/` (Poetry's), `project/`, `uv/` (uv's store)."""
    poetry, project, uv = folder / "poetry", folder / "project", folder / "uv"
    for path in (poetry, project, uv):
        path.mkdir(parents=True, mode=0o700)
    put(poetry / "auth.toml", case.auth)
    put(poetry / "config.toml", case.config)
    if case.has_project():
        source = [{"name": name, "url": url} for name, url in case.sources]
        tables = {"tool": {"poetry": {"package-mode": False, "source": source}}}
        put(project / "pyproject.toml", tables)
        put(project / "poetry.toml", case.project)
    put(uv / "credentials.toml", {"credential": [dict(entry) for entry in case.uv_store]})


def put(path: Path, tables: dict) -> None:
    """Writes tables to a file, where there are any."""
    if any(tables.values()):
        path.write_text(tomlkit.dumps(tables), encoding="utf-8")
        path.chmod(0o600)


def write_settings(folder: Path) -> None:
    """Writes the agent's own config.toml, which names a file for one repository."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = folder / "settled"
    secret.write_text(SETTLED["password"] + "\n", encoding="utf-8")
    secret.chmod(0o600)
    entry = {"url": SETTLED["url"], "username": SETTLED["username"], "file": str(secret)}
    put(folder / "config.toml", {"repositories": {SETTLED["name"]: entry}})
