"""Argument lists: those that tools really send, those with a trap in them, and generated ones."""

from __future__ import annotations

import random

from typing import NamedTuple

import store

from store import URL

FIXED = [
    # pip, pipenv and pipx; older pip; uv; PDM; people.
    ["--mode=creds", "--output=json", "get", URL],
    ["--mode=creds", "--output=json", "get", "pypi.example.org:8443", "__token__"],
    ["get", URL, "alice"],
    ["get", URL, "--mode", "creds"],
    ["get", "http://127.0.0.1:8080", "--mode", "creds"],
    ["--mode=creds", "get", "pdm-pypi-foo", ""],
    ["--mode=password", "get", "pdm-pypi-foo", "__token__"],
    ["set", "pypi.example.org", "alice"],
    ["del", URL, "bob"],
    # Not there, not enough, too much, wrong.
    ["get", URL, "carol"],
    ["get", "nowhere", "--mode=creds"],
    ["del", URL, "carol"],
    ["del", "nowhere", ""],
    [],
    [""],
    ["--"],
    ["get"],
    ["get", URL],
    ["--mode=creds", "get"],
    ["set", URL],
    ["del", URL],
    ["get", URL, "alice", "more"],
    ["put", URL, "alice"],
    ["GET", URL, "alice"],
    ["diagnose", URL, "alice"],
    # The parser's own ways.
    ["--list-backends", "put"],
    ["--list-backends", "--disable"],
    ["--disable", "get"],
    ["-h", "put"],
    ["put", "-h"],
    ["--nothing", "-h"],
    ["-h=x"],
    ["-hh"],
    ["-hp"],
    ["-hp/x"],
    ["-h="],
    ["--help=x"],
    ["--list-backends=x"],
    ["--list-backends="],
    ["--mode"],
    ["--mode="],
    ["--mode", "--", "creds"],
    ["--mode", "-h"],
    ["--mode", "-1"],
    ["-p", "-1", "get", URL, "alice"],
    ["-p", "-x y", "get", URL, "alice"],
    ["-p", "-x", "get", URL, "alice"],
    ["-p=", "get", URL, "alice"],
    ["-p", "", "get", URL, "alice"],
    ["--=x"],
    ["--k", "x"],
    ["--keyring-", "x", "get", URL, "alice"],
    ["--print-completion"],
    ["--print-completion", "fish"],
    ["--print", "bash", "put"],
    ["get", "-", "-1"],
    ["get", "-", "-1_0"],
    ["get", "-", "-.5"],
    ["get", "-", "-1."],
    ["get", "-", "-1e5"],
    ["get", "service with blanks", "user with blanks"],
    ["get", "-a b", "c"],
    ["get", "--mode x", "c"],
    ["--mode x", "get", URL, "alice"],
    ["get", "--", URL, "alice"],
    ["get", "--", "--mode", "alice"],
    ["get", URL, "alice", "--", "--mode=creds"],
    ["get", "--", "--", "alice"],
    ["get", URL, "--", "--"],
    # What our side decides otherwise.
    ["get", "--mode=creds", URL],
    ["get", "--mode=creds", URL, "bob"],
    ["get", "--output", "json", URL, "bob"],
    ["get", URL, ""],
    ["get", "nowhere", ""],
    ["--mode=creds", "--output=json", "get", "nameless"],
    ["get", "nameless", "--mode=creds"],
    ["--mode=creds", "get", "nameless", ""],
    ["--mode=creds", "get", "keyless", ""],
    ["get", "keyless", "--mode=creds"],
    ["-b", "no.such.Backend", "get", URL, "alice"],
    ["--disable"],
    ["-h", "--k"],
    ["get", "s" * 8193, "alice"],
    ["get", URL, "u" * 1025],
    ["get", "\udcff", "alice"],
    ["get", "lines", "alice"],
    ["get", "escapes", "alice"],
    ["--mode=creds", "--output=json", "get", "lines"],
    ["--output=json", "get", "escapes", "alice"],
]
# What stands on standard input for `set`.
GIVEN = ["pw\n", "pw", "pw\r\n", "", "\n", "p w \n", "p\u00e4\U0001f511\n", "two\nlines\n", "p\n\n"]
WORDS = ["get", "set", "del", "diagnose"]
OPTIONS = [
    ["--mode=creds"],
    ["--mode", "creds"],
    ["--mo=creds"],
    ["--m", "password"],
    ["--mode=json"],
    ["--output=json"],
    ["--output", "json"],
    ["--o", "plain"],
    ["--output"],
    ["-p", "/nowhere"],
    ["-p/nowhere"],
    ["-p=/nowhere"],
    ["--keyring-path=/nowhere"],
    ["--keyring-p", "/nowhere"],
    ["-b", "python_side.Backend"],
    ["-bpython_side.Backend"],
    ["--keyring-b=python_side.Backend"],
    ["--list-backends"],
    ["--l"],
    ["--verbose"],
    ["-v"],
    ["--key"],
]
ENDINGS = [["-h"], ["--help"], ["--he"], ["--print-completion", "bash"], ["--p=zsh"]]
SERVICES = sorted({entry[0] for entry in store.ENTRIES}) + ["nowhere", "unknown.example.org"]
USERNAMES = sorted({entry[1] for entry in store.ENTRIES}) + ["carol"]


class Case(NamedTuple):
    """One call."""

    arguments: list[str]
    given: str

    def shown(self) -> str:
        arguments = [part if len(part) < 99 else part[:9] + "..." for part in self.arguments]
        return f"keyring {arguments!a}" + (f" < {self.given!a}" if "set" in arguments else "")


def cases(seed: int, count: int) -> list[Case]:
    """The fixed ones, every input of `set`, and generated ones up to this number."""
    chance = random.Random(seed)
    found = [Case(arguments, "pw\n") for arguments in FIXED]
    found += [Case(["set", URL, "alice"], given) for given in GIVEN]
    while len(found) < count:
        found.append(Case(_arguments(chance), chance.choice(GIVEN)))
    return found


def _arguments(chance: random.Random) -> list[str]:
    operation = chance.choice(WORDS[:1] * 5 + WORDS)
    entry = chance.choice(store.ENTRIES)
    words = [operation]
    if chance.random() < 0.95:
        words.append(entry[0] if chance.random() < 0.8 else chance.choice(SERVICES))
    if len(words) == 2 and chance.random() < 0.8:
        words.append(entry[1] if chance.random() < 0.6 else chance.choice(USERNAMES))
    if chance.random() < 0.05:
        words.append("more")
    parts = [[word] for word in words]
    if chance.random() < 0.15:
        parts.insert(chance.randint(0, len(parts)), ["--"])
    # Most options stand at the ends: the words after one between them are refused by Python 3.11.
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        at = chance.choice([0, 0, len(parts), len(parts), chance.randint(0, len(parts))])
        parts.insert(at, chance.choice(OPTIONS))
    if chance.random() < 0.05:
        parts.insert(chance.choice([0, len(parts)]), chance.choice(ENDINGS))
    return [word for part in parts for word in part]
