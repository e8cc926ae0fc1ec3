#!/usr/bin/env python3
"""Tokens of PyPI's: those that `pypitoken` and `pymacaroons` make, as we read and limit them.

For each generated token the agent is asked for an upload. Its child has to verify under the root
key for the project and the time given, and for nothing else; what `helper token inspect` says has
to be what the token was made with. Ends with 1 where something differs.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any
from typing import Optional

import pymacaroons
import pypitoken

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "poetry"))

from agent_side import Agent  # noqa: E402
from agent_side import Client  # noqa: E402
from agent_side import Places  # noqa: E402

LIFE = 15 * 60
DAY = 24 * 60 * 60
INDEXES = {
    "pypi": ("pypi.org", "https://upload.pypi.org/legacy/"),
    "testpypi": ("test.pypi.org", "https://test.pypi.org/legacy/"),
}
PROJECTS = ["foo", "foo-bar", "zope-interface", "a", "x0"]
SPELLINGS = {
    "foo": ["foo", "Foo", "FOO"],
    "foo-bar": ["foo-bar", "Foo.Bar", "foo_-_bar", "FOO--BAR"],
    "zope-interface": ["zope.interface", "zope-interface"],
    "a": ["a", "A"],
    "x0": ["x0"],
}
USER = "00000000-0000-4000-8000-00000000000a"
PROJECT_ID = "00000000-0000-4000-8000-00000000000b"
OTHER_ID = "00000000-0000-4000-8000-00000000000c"
# Of a trusted publisher, which `pypitoken` does not know.
PUBLISHER = "00000000-0000-4000-8000-00000000000d"


@dataclass
class Case:
    """A token, what it was made with, and the project that is uploaded with it."""

    name: str
    project: str
    spelling: str
    version: int
    key: str
    identifier: str
    caveats: list = field(default_factory=list)

    @property
    def host(self) -> str:
        return INDEXES[self.name][0]

    def token(self) -> str:
        made = pymacaroons.Macaroon(
            location=self.host, identifier=self.identifier, key=self.key, version=self.version
        )
        for caveat in self.caveats:
            made.add_first_party_caveat(caveat)
        return f"pypi-{made.serialize()}"

    def limits(self) -> tuple[Optional[set], Optional[set], Optional[int], bool]:
        """Names, numbers, end, and whether a publisher limits it."""
        names: Optional[set] = None
        ids: Optional[set] = None
        ends: Optional[int] = None
        published = False
        for predicate in self.caveats:
            one = json.loads(predicate)
            if isinstance(one, dict):
                one = legacy(one)
            if one[0] == 0:
                ends = one[1] if ends is None else min(ends, one[1])
            elif one[0] == 1:
                names = set(one[1]) if names is None else names & set(one[1])
            elif one[0] == 2:
                ids = set(one[1]) if ids is None else ids & set(one[1])
            published = published or one[0] == 4
        return names, ids, ends, published


def legacy(one: dict) -> list:
    """An old condition as a new one says it."""
    if "permissions" in one:
        permissions = one["permissions"]
        return [3, USER] if permissions == "user" else [1, permissions["projects"]]
    return [0, one["exp"], one["nbf"]] if "exp" in one else [2, one["project_ids"]]


def text(value: Any) -> str:
    """The two versions of a macaroon have two types."""
    return value.decode() if isinstance(value, bytes) else value


def generate(chance: random.Random, now: int) -> Case:
    project = chance.choice(PROJECTS)
    case = Case(
        name=chance.choice(list(INDEXES)),
        project=project,
        spelling=chance.choice(SPELLINGS[project]),
        version=chance.choice([1, 2, 2, 2]),
        key=f"{chance.getrandbits(256):064x}",
        identifier=f"{chance.getrandbits(128):032x}"[: chance.choice([1, 8, 32])],
    )
    if chance.random() < 0.2:
        # As PyPI's own library writes them.
        token = pypitoken.Token.create(
            domain=case.host, identifier=case.identifier, key=case.key, prefix="pypi"
        )
        token.restrict(**restrictions(chance, project, now))
        case.version = 2
        case.caveats = [text(one.caveat_id) for one in token._macaroon.caveats]
        assert token.dump() == case.token()
        return case
    for _ in range(chance.choice([0, 1, 1, 2, 3, 5])):
        dumped = caveat(chance, project, now)
        compact = (",", ":") if chance.random() < 0.7 else (", ", ": ")
        case.caveats.append(json.dumps(dumped, separators=compact))
    return case


def restrictions(chance: random.Random, project: str, now: int) -> dict:
    wanted: dict[str, Any] = {}
    if chance.random() < 0.5:
        wanted["project_names"] = some_projects(chance, project)
    if chance.random() < 0.5:
        wanted["not_before"] = now - DAY
        wanted["not_after"] = end(chance, now)
    if chance.random() < 0.3:
        wanted["user_id"] = USER
    if chance.random() < 0.2:
        wanted["project_ids"] = [PROJECT_ID, OTHER_ID]
    return wanted or {"user_id": USER}


def some_projects(chance: random.Random, project: str) -> list:
    some = chance.sample(PROJECTS, chance.randint(1, 3))
    return some if chance.random() < 0.3 else [*some, project]


def end(chance: random.Random, now: int) -> int:
    return now + chance.choice([-DAY, -1, 60, 600, 3600, 3 * DAY, 30 * DAY, 4000 * DAY])


def caveat(chance: random.Random, project: str, now: int) -> Any:
    return chance.choice(
        [
            lambda: [0, end(chance, now), now - DAY],
            lambda: [1, some_projects(chance, project)],
            lambda: [2, [PROJECT_ID, OTHER_ID]],
            lambda: [3, USER],
            lambda: [4, PUBLISHER],
            lambda: [4, PUBLISHER, {"ref": "refs/heads/main", "sha": "0" * 40}],
            lambda: {"version": 1, "permissions": "user"},
            lambda: {"version": 1, "permissions": {"projects": some_projects(chance, project)}},
            lambda: {"nbf": now - DAY, "exp": end(chance, now)},
            lambda: {"project_ids": [PROJECT_ID]},
        ]
    )()


def verifies(token: str, key: str, project: str, now: int) -> bool:
    """Whether PyPI would take it for this project, at this time."""
    loaded = pymacaroons.Macaroon.deserialize(token.partition("-")[2])

    def holds(predicate: bytes) -> bool:
        one = json.loads(predicate)
        one = legacy(one) if isinstance(one, dict) else one
        return {
            0: lambda: one[2] <= now < one[1],
            1: lambda: project in one[1],
            2: lambda: PROJECT_ID in one[1],
            3: lambda: one[1] == USER,
            4: lambda: one[1] == PUBLISHER,
        }[one[0]]()

    verifier = pymacaroons.Verifier()
    verifier.satisfy_general(holds)
    try:
        return bool(verifier.verify(loaded, key))
    except pymacaroons.exceptions.MacaroonInvalidSignatureException:
        return False


def takes(token: str, key: str, project: str, now: int) -> bool:
    """The same by `pypitoken`."""
    try:
        pypitoken.Token.load(token).check(
            key=key, project_name=project, project_id=PROJECT_ID, user_id=USER, now=now
        )
    except (pypitoken.ValidationError, ValueError):
        # More than one condition that does not hold is a ValueError of `pypitoken` 7.1.
        return False
    return True


def known_to_pypitoken(case: Case) -> bool:
    def is_known(one: Any) -> bool:
        return "project_ids" not in one if isinstance(one, dict) else one[0] != 4

    return all(is_known(json.loads(predicate)) for predicate in case.caveats)


class Run:
    """Asks the agent, and counts what is wrong."""

    def __init__(self, client: Client, folder: Path, helper: Path, agent: Agent) -> None:
        self.client, self.folder, self.helper, self.agent = client, folder, helper, agent
        self.wrong: list[str] = []
        self.counts = {"children": 0, "good": 0, "refused": 0, "inspected": 0}

    def context(self, case: Case) -> dict:
        places = {key: str(self.folder) for key in ("folder", "poetry", "uv", "uv_store")}
        variables = {f"POETRY_PYPI_TOKEN_{case.name.upper()}": case.token()}
        return {**places, "keyring_enabled": "false", "variables": variables}

    def ask(self, case: Case, **more: Any) -> dict:
        question = {"name": case.name, "operation": "upload", "context": self.context(case)}
        return self.client.call("Get", {"question": {**question, **more}})

    def check(self, what: str, case: Case, holds: bool) -> None:
        if not holds:
            self.wrong.append(f"{what}: {case.name} {case.project} v{case.version} {case.caveats}")

    def hold(self, case: Case) -> None:
        names, _, ends, _ = case.limits()
        url = INDEXES[case.name][1]
        before = int(time.time())
        reply = self.ask(case, url=url, upload={"project": case.spelling})
        after = int(time.time())
        if names is not None and case.project not in names:
            self.counts["refused"] += 1
            self.check("not refused", case, reply.get("error", "").endswith(".Policy"))
            return
        if "error" in reply:
            self.check(f"refused: {reply}", case, False)
            return
        self.counts["children"] += 1
        found = reply["parameters"]["credential"]
        child, parent = found["password"], case.token()
        self.check("the parent went out", case, parent not in json.dumps(reply))
        expires = datetime.datetime.fromisoformat(found["expires"].replace("Z", "+00:00"))
        expires = int(expires.timestamp())
        earliest, latest = before + LIFE, after + LIFE
        if ends is not None:
            earliest, latest = min(earliest, ends), min(latest, ends)
        self.check("expires", case, earliest <= expires <= latest)
        self.form(case, child, expires)
        self.what_it_is_good_for(case, child, expires)

    def form(self, case: Case, child: str, expires: int) -> None:
        """The same macaroon with two conditions more."""
        loaded = pymacaroons.Macaroon.deserialize(child.partition("-")[2])
        parent = pymacaroons.Macaroon.deserialize(case.token().partition("-")[2])
        for part in ("location", "identifier", "version"):
            self.check(part, case, getattr(loaded, part) == getattr(parent, part))
        said = [text(one.caveat_id) for one in loaded.caveats]
        more = [f'[1,["{case.project}"]]', f"[0,{expires},0]"]
        self.check("conditions", case, said == [*case.caveats, *more])
        self.check("signature", case, loaded.signature != parent.signature)

    def what_it_is_good_for(self, case: Case, child: str, expires: int) -> None:
        now = expires - 1
        parent = case.token()
        oracles = [verifies] + ([takes] if known_to_pypitoken(case) else [])
        for good in oracles:
            of_parent = good(parent, case.key, case.project, now)
            of_child = good(child, case.key, case.project, now)
            self.check("the project", case, of_child == of_parent)
            self.counts["good"] += of_child
            for project in ("other", f"{case.project}-x", case.project[:-1]):
                self.check("another project", case, not good(child, case.key, project, now))
            for late in (expires, expires + 1, expires + DAY):
                self.check("later", case, not good(child, case.key, case.project, late))
            self.check("another key", case, not good(child, "0" * 64, case.project, now))

    def elsewhere(self, case: Case) -> None:
        """The token under the name of the other index."""
        other = next(name for name in INDEXES if name != case.name)
        context = self.context(case)
        context["variables"] = {f"POETRY_PYPI_TOKEN_{other.upper()}": case.token()}
        for more in ({}, {"upload": {"project": case.project}}, {"url": INDEXES[other][1]}):
            reply = self.ask(case, **{"name": other, "context": context, **more})
            self.check("the other index", case, reply.get("error", "").endswith(".Policy"))

    def inspect(self, case: Case) -> None:
        self.counts["inspected"] += 1
        environment = {
            **self.agent.environment,
            "HOME": str(self.folder),
            "POETRY_KEYRING_ENABLED": "false",
            f"POETRY_PYPI_TOKEN_{case.name.upper()}": case.token(),
        }
        ended = subprocess.run(
            [self.helper, "token", "inspect", case.name, "--json"],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        self.check(f"status {ended.returncode} {ended.stderr}", case, ended.returncode == 0)
        if ended.returncode:
            return
        names, ids, ends, published = case.limits()
        limited = names is not None or ids is not None or published
        projects = names if names is not None else ids
        when = ends and datetime.datetime.fromtimestamp(ends, datetime.timezone.utc)
        expected = {
            "name": case.name,
            "kind": "pypi",
            "host": case.host,
            "user_wide": not limited,
            "projects": sorted(projects or []),
            "expires": when and when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.check(f"inspected: {ended.stdout}", case, json.loads(ended.stdout) == expected)
        secret = re.sub(r"^.*?-", "", case.token())
        self.check("printed", case, secret not in ended.stdout + ended.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--helper", type=Path, required=True, help="the program `helper`")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cases", type=int, default=200)
    options = parser.parse_args()
    helper = options.helper.resolve()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="tokens-") as name:
        folder = Path(name).resolve()
        Places(folder)
        environment = {"PATH": os.environ["PATH"], "HOME": name}
        with Agent(helper.with_name("helperd"), folder, environment) as agent:
            run = Run(Client(agent.path), folder, helper, agent)
            for number in range(options.cases):
                case = generate(chance, int(time.time()))
                run.hold(case)
                if number % 5 == 0:
                    run.elsewhere(case)
                if number % 10 == 0:
                    run.inspect(case)
    print(f"seed {options.seed}: {options.cases} tokens, {run.counts}")
    for line in run.wrong[:20]:
        print(line)
    print(f"{len(run.wrong)} wrong")
    short = [kind for kind, count in run.counts.items() if count < options.cases // 40]
    for kind in short:
        print(f"hardly any {kind}: the cases are too few or too much alike")
    return 1 if run.wrong or short else 0


if __name__ == "__main__":
    sys.exit(main())
