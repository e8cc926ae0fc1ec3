"""The cases of the matrix, and what each tool is expected to do in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Case:
    """A column."""

    key: str
    title: str
    meaning: str
    # "main" is what the tool is there for: install, or upload.
    action: str = "main"
    repositories: tuple[str, ...] = ("foo",)
    refusal: int = 401
    # What is stored for each repository before the tool runs: "right", "wrong", or "nothing".
    stored: str = "right"
    # "running", "killed", "stopped" (hangs), or "locked".
    agent: str = "running"
    # Whether the tool shall get what it came for.
    works: bool = True


CASES = (
    Case(
        "install",
        "install",
        "`pkg`, which needs `dep`, which needs `leaf`, are installed; git clones, cargo fetches",
        "install",
    ),
    Case("lock", "lock", "the same are locked", "lock"),
    Case("upload", "upload", "a wheel is uploaded; git pushes", "upload"),
    Case(
        "store",
        "stored by the tool",
        "the credential is stored by `keyring set`, `poetry config`, `cargo login` or git itself, then used",
        "store",
        stored="nothing",
    ),
    Case(
        "two",
        "two on one host",
        "two repositories on one host, each with its own account, and each with a part of what is needed",
        repositories=("foo", "bar"),
    ),
    Case("404", "hides behind 404", "the index answers 404 instead of 401", refusal=404),
    Case("403", "hides behind 403", "the index answers 403 instead of 401", refusal=403),
    Case(
        "wrong",
        "wrong password",
        "the stored password is wrong: the tool says so and ends",
        stored="wrong",
        works=False,
    ),
    Case(
        "missing",
        "no password",
        "nothing is stored: the tool says so and ends",
        stored="nothing",
        works=False,
    ),
    Case(
        "killed",
        "agent killed",
        "the agent was killed, and its socket is left behind: the next question starts another",
        agent="killed",
    ),
    Case(
        "stopped",
        "agent stopped",
        "the agent hangs: the tool ends as if nothing were stored",
        agent="stopped",
        works=False,
    ),
    Case(
        "locked",
        "agent locked",
        "the agent is locked: the tool ends as if nothing were stored",
        agent="locked",
        works=False,
    ),
)


# For `--quick`.
QUICK = ("install", "upload", "missing", "killed", "locked")


@dataclass(frozen=True)
class Oddity:
    """Where a tool by itself does something else than the case says, and why: a footnote."""

    why: str
    works: Optional[bool] = None
    # It sends the credential of one repository to another one on the same host.
    sends_foreign: bool = False


AFTER_401 = "asks for a credential only after a 401"
PER_HOST = (
    "keeps one credential a host: it sends that of one repository to the other, and asks again"
)
_pips = ("pip", "pip 25", "pip import")
_after_401 = Oddity(AFTER_401, works=False)

EXCEPTIONS: dict[tuple[str, str], Oddity] = {
    **{
        (tool, case): _after_401
        for tool in (*_pips, "PDM", "PDM import", "git", "cargo")
        for case in ("404", "403")
    },
    **{
        (tool, "two"): Oddity(PER_HOST, sends_foreign=True)
        for tool in ("pip", "pip import", "PDM", "PDM import")
    },
    ("uv", "two"): Oddity(
        'with `authenticate = "always"` and no username keeps one credential a host, and gives up; '
        "with a username in the URL it works",
        works=False,
        sends_foreign=True,
    ),
}
_empty = Oddity("asks for an empty username, which Python's keyring takes literally", works=False)
# What Python's own keyring cannot do, where it stands in for us.
OF_PYTHON_KEYRING: dict[tuple[str, str], Oddity] = {
    ("PDM", case): _empty for case in ("install", "lock", "store", "two", "wrong")
}

# How often a tool asks in a case. A change is news about the tool, or a fault of ours. Not for two repositories with
# tools that fetch in parallel: there it is chance.
_pip = {"install": 1, "lock": 1, "store": 2, "two": 8, "wrong": 1, "missing": 2}
_uv = {"install": 1, "lock": 1, "upload": 1, "store": 2, "two": 2, "wrong": 1, "missing": 3}
_pdm = {"install": 1, "lock": 1, "upload": 3, "store": 2, "wrong": 1}
CALLS: dict[str, dict[str, int]] = {
    "pip": _pip,
    "pip 25": _pip,
    "pip import": _pip,
    "uv": _uv,
    "uv user": _uv,
    "twine": {"upload": 2, "store": 3, "two": 4, "wrong": 2, "missing": 1},
    "Poetry": {"install": 3, "lock": 2, "upload": 3, "store": 5, "missing": 4},
    "PDM": {**_pdm, "missing": 6},
    "PDM import": _pdm,
    "Hatch": {"install": 1, "upload": 1, "store": 2, "two": 2, "wrong": 1, "missing": 1},
    "Flit": {"upload": 3, "store": 4, "two": 6, "wrong": 3, "missing": 3},
    # Also told what worked, and what did not.
    "git": {"install": 2, "upload": 2, "two": 4, "wrong": 2, "missing": 1},
    "cargo": {"install": 1, "two": 2, "wrong": 1, "missing": 1},
}
