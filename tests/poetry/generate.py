"""The cases: tables of what was measured with Poetry, and seeded combinations of their axes."""

from __future__ import annotations

import dataclasses
import random

from typing import Iterator

from case import EMPTY_USER
from case import SETTLED
from case import TOKEN_USER
from case import Case
from case import variable_names

NAMES = ["foo", "my-repo", "my_repo", "my.repo", "Foo", "pypi", "PyPI", "repo2"]
HOST = "https://h.example"
GROUP = "https://gl.example/api/v4/groups/{}/-/packages/pypi/simple"
# Repositories in order, and what is asked: the table as it was measured, and its neighbours.
URLS: list[tuple[dict, list[str]]] = [
    (
        {"foo": f"{HOST}/simple/"},
        [
            f"{HOST}/simple/pkg/",
            f"{HOST}/simple",
            f"{HOST}/files/x.whl",
            "http://h.example/simple/pkg/",
            "https://h.example:443/simple/pkg/",
            "https://H.Example/simple/pkg/",
            "https://h.example./simple/pkg/",
            "https://h.example:8443/simple/pkg/",
            "https://h.example.evil/simple/pkg/",
            "https://u%40x:p%3Aw@h.example/simple/",
            "https://a@b:c@h.example/simple/",
            "https://au@h.example/simple/pkg/",
            "https://other@h.example/simple/pkg/",
        ],
    ),
    (
        {"foo": f"{HOST}/team/foo/simple/"},
        [
            f"{HOST}/team/foo/packages/x.whl",
            f"{HOST}/team/foobar/x.whl",
            f"{HOST}/team/x.whl",
            f"{HOST}/other/",
        ],
    ),
    (
        {"foo": "http://h.example/simple/"},
        ["https://h.example/simple/pkg/", "http://h.example/simple/pkg/"],
    ),
    (
        {"foo": "http://127.0.0.1:8081/simple/"},
        ["http://127.0.0.1:8081/simple/pkg/", "http://127.0.0.1:8082/simple/pkg/"],
    ),
    ({"foo": "https://H.Example/simple/"}, [f"{HOST}/simple/pkg/"]),
    ({"foo": "https://h.example:443/simple/"}, [f"{HOST}/simple/pkg/"]),
    ({"foo": "https://h.example:8443/simple/"}, ["https://h.example:8443/simple/pkg/"]),
    (
        {"private": f"{HOST}/repo/private", "priv": f"{HOST}/repo/priv"},
        [f"{HOST}/repo/priv/x", f"{HOST}/repo/private/x", f"{HOST}/repo/x"],
    ),
    (
        {"a": f"{HOST}/a/simple", "b": f"{HOST}/b/simple"},
        [f"{HOST}/a/simple/x", f"{HOST}/b/files/x", f"{HOST}/files/x"],
    ),
    (
        {"g112": GROUP.format(112), "g11": GROUP.format(11)},
        [GROUP.format(11) + "/pkg/", GROUP.format(112) + "/pkg/"],
    ),
    (
        {"g1": GROUP.format(1), "g2": GROUP.format(2)},
        ["https://gl.example/api/v4/projects/77/packages/x.whl", GROUP.format(2) + "/pkg/"],
    ),
    ({"n1": f"{HOST}/same/", "n2": f"{HOST}/same/"}, [f"{HOST}/same/x"]),
    (
        {"foo": "https://eu:ep@h.example/simple/"},
        [f"{HOST}/simple/pkg/", f"{HOST}/files/x.whl"],
    ),
    (
        {},
        [
            f"{HOST}/simple/",
            f"{HOST}/files/x.whl",
            "https://pypi.org/simple/pkg/",
            "https://upload.pypi.org/legacy/",
            "https://u%40x:p%3Aw@h.example/",
        ],
    ),
]
GIT: list[tuple[dict, list[str]]] = [
    (
        {"one": "https://git.example/org/one.git", "two": "https://git.example/org/two"},
        [
            "https://git.example/org/one.git",
            "https://git.example/org/one",
            "https://git.example/org/two",
            "https://git.example/org/two.git",
            "https://git.example/org/three",
            "https://evil.example/org/one.git",
            "ssh://git.example/org/one.git",
            "https://git.example/org/onerous",
        ],
    ),
]


def index_url(name: str) -> str:
    """The URL of the repository `name` where a case configures one."""
    return f"https://{name.lower().replace('_', '-u-').replace('.', '-d-')}.example/simple/"


def keyrings() -> dict:
    """What the keyring may hold, by the word that cases use for it."""
    users = ["au", "eu", TOKEN_USER, EMPTY_USER]

    def by_name(users: list[str], names: list[str]) -> dict:
        return {
            (f"poetry-repository-{name}", user): f"k-{name}-{user}"
            for name in names
            for user in users
        }

    repositories = ["foo", "private", "priv", "a", "b", "g1", "g11", "g112", "n1", "n2", "one"]
    urls = [index_url(name) for name in NAMES if name.lower() != "pypi"]
    urls += [f"{HOST}/simple/", f"{HOST}/same/", f"{HOST}/files/x.whl"]
    urls += ["https://evil.example/simple/", "http://127.0.0.1:8081/simple/"]
    hosts = [url.split("/")[2] for url in urls]
    return {
        "none": {},
        "accounts": by_name(["au", "eu"], NAMES),
        "repositories": by_name(["au", EMPTY_USER], repositories),
        "token": by_name([TOKEN_USER], NAMES),
        "empty": by_name([EMPTY_USER], NAMES),
        "all": by_name(users, NAMES),
        "pypi": by_name(users, ["pypi"]),
        "PyPI": by_name(users, ["PyPI"]),
        "url": {(url, "au"): f"k-{url}" for url in urls},
        "url-bare": {(url.rstrip("/"), "au"): f"k-{url}-bare" for url in urls},
        "url-other": {(url, "ku"): f"k-{url}-ku" for url in urls},
        "host": {(host, "au"): f"k-{host}" for host in dict.fromkeys(hosts)},
    }


def cases(seed: int, wanted: int) -> list[Case]:
    """At least `wanted` different cases, in the order in which the keyring changes least."""
    rng = random.Random(seed)
    unique: dict[str, Case] = {}
    for case in _fixed():
        unique.setdefault(case.shown(), case)
    shares = [(_by_name, 6), (_by_url, 3), (_by_git, 1), (_by_source, 1)]
    makers = [make for make, share in shares for _ in range(share)]
    while len(unique) < wanted:
        case = rng.choice(makers)(rng)
        unique.setdefault(case.shown(), case)
    order = list(keyrings())
    return sorted(unique.values(), key=lambda case: (order.index(case.keyring), case.locked))


def _fixed() -> Iterator[Case]:
    """One by one: the table of answers by name, and what the axes reach seldom."""
    user, both = {"username": "au"}, {"username": "au", "password": "ap"}
    foo, up = "POETRY_HTTP_BASIC_FOO_USERNAME", "POETRY_HTTP_BASIC_FOO_PASSWORD"
    token = "POETRY_PYPI_TOKEN_FOO"
    auth = {"http-basic": {"foo": both}}
    half = {"http-basic": {"foo": user}}
    known = {"repositories": {"foo": {"url": index_url("foo")}}}
    at = {"pypi-token": {"foo": "at"}}
    read = [
        ({foo: "eu", up: "ep"}, auth),
        ({foo: "eu"}, auth),
        ({up: "ep"}, auth),
        ({foo: "eu"}, {}),
        ({up: "ep"}, {}),
        ({}, auth),
        ({}, half),
        ({}, {}),
        ({}, {"http-basic": {"foo": {"username": ""}}}),
        ({}, {"http-basic": {"foo": {"username": "au", "password": ""}}}),
        ({up: ""}, auth),
        ({foo: ""}, auth),
    ]
    for env, file in read:
        for keyring in ("none", "all"):
            for locked in (False, True):
                yield Case("name", "foo", env=env, auth=file, keyring=keyring, locked=locked)
        for config in (known, {"http-basic": {"foo": {"username": "cu", "password": "cp"}}}):
            yield Case("name", "foo", env=env, auth=file, config=config, keyring="url")
    for value in ("0", "no", "yes", "on", "true", "TRUE", "1", "garbage", ""):
        env = {"POETRY_KEYRING_ENABLED": value}
        yield Case("name", "foo", env=env, auth=half, keyring="all")
        yield Case("name", "foo", env=env, auth=half, keyring="all", locked=True)
    for env in ({token: "et"}, {token: ""}, {}):
        for file in (at, {}, {**at, **auth}, auth):
            for keyring in ("none", "all", "token"):
                for locked in (False, True):
                    arguments = {"env": env, "auth": file, "config": known}
                    yield Case(
                        "name", "foo", "", "upload", keyring=keyring, locked=locked, **arguments
                    )
    for enabled in (True, False):
        project = {"keyring": {"enabled": enabled}}
        yield Case("name", "foo", auth=half, project=project, keyring="all")
        config = {"keyring": {"enabled": not enabled}}
        yield Case("name", "foo", auth=half, config=config, project=project, keyring="all")
    for secret in ("a\nb", "a\rb", "a\tb", "a\x1b[0m", "a\x7f"):
        bad = {"http-basic": {"foo": {"username": "au", "password": secret}}}
        yield Case("name", "foo", auth=bad)
        yield Case("name", "foo", env={foo: "eu", up: secret})
        yield Case("url", url=f"{HOST}/simple/x", auth=bad, config=_repositories(URLS[0][0]))
    for secret in ("a{keyring.enabled}b", "a{nope}b", "{}", "a{b"):
        odd = {"http-basic": {"foo": {"username": "au", "password": secret}}}
        yield Case("name", "foo", auth=odd)
        yield Case("name", "foo", env={foo: "eu", up: secret})
    for env in ({}, {"POETRY_HTTP_BASIC_SETTLED_USERNAME": "eu"}):
        other = {"http-basic": {"settled": both}}
        yield Case("name", "settled", auth=other)
        yield Case("url", url=SETTLED["url"] + "x/", auth=other)
        yield Case("name", "settled", env={**env, "POETRY_HTTP_BASIC_SETTLED_PASSWORD": "ep"})
    for name in ("pypi", "PyPI"):
        file = {"http-basic": {name: both}, "pypi-token": {name: "at"}}
        for asked in ("pypi", "PyPI"):
            yield Case("name", asked, auth=file)
        yield Case("name", "pypi", "", "upload", auth=file)
        for url in ("https://pypi.org/simple/pkg/", "https://upload.pypi.org/legacy/"):
            yield Case("url", url=url, auth=file)
    store = ((("service", f"{HOST}/foo"), ("username", "uu"), ("password", "up")),)
    for url in (f"{HOST}/foo/simple/x", f"{HOST}/foobar/", f"{HOST}/"):
        yield Case("url", url=url, uv_store=store)
        yield Case("url", url=url, uv_store=store, keyring="host")
    for variable in ("POETRY_REPOSITORIES_BAR_URL", "POETRY_REPOSITORIES_BAR2_URL"):
        env = {variable: "https://bar.example/simple/"}
        yield Case("name", "foo", "", "upload", env=env, auth=auth, config=known)
        name = "bar2" if "2" in variable else "bar"
        bar = {"http-basic": {name: both}}
        yield Case("name", name, "", "upload", env=env, auth=bar)
        yield Case("url", url="https://bar.example/simple/x", env=env, auth=bar)
        yield Case("url", url=index_url("foo"), env=env, auth=auth, config=known)


def _basic(rng: random.Random, names: list[str], secrets: str) -> dict:
    """A file's `[http-basic]`; a dotted name in either spelling."""
    tables: dict = {}
    for name in names:
        table = {}
        username = rng.choice([None, "au", "au", "au", ""])
        password = rng.choice([None, None, f"{secrets}-{name}", f"{secrets}-{name}", ""])
        if username is not None:
            table["username"] = username
        if password is not None:
            table["password"] = password
        if not table:
            continue
        if "." in name and rng.random() < 0.5:
            first, second = name.split(".")
            tables[first] = {second: table}
        else:
            tables[name] = table
    return {"http-basic": tables} if tables else {}


def _variables(rng: random.Random, name: str) -> dict:
    env = {}
    for spelling in variable_names(name):
        for leaf, values in (
            (f"POETRY_HTTP_BASIC_{spelling}_USERNAME", ["eu", "eu", ""]),
            (f"POETRY_HTTP_BASIC_{spelling}_PASSWORD", ["ep", "ep", ""]),
            (f"POETRY_PYPI_TOKEN_{spelling}", ["et", ""]),
            (f"UV_INDEX_{variable_names(name)[-1]}_USERNAME", ["uvu"]),
            (f"UV_INDEX_{variable_names(name)[-1]}_PASSWORD", ["uvp"]),
        ):
            if rng.random() < (0.07 if leaf.startswith("UV_") else 0.2):
                env[leaf] = rng.choice(values)
    if rng.random() < 0.08:
        env["POETRY_KEYRING_ENABLED"] = rng.choice(["0", "no", "true", "1"])
    return env


def _state(rng: random.Random, words: list[str]) -> dict:
    return {"keyring": rng.choice(words), "locked": rng.random() < 0.12}


def _by_name(rng: random.Random) -> Case:
    name = rng.choice(NAMES)
    operation = rng.choice(["read", "read", "upload"])
    if operation == "upload" and name == "PyPI":
        name = "pypi"
    pypi = name.lower() == "pypi"
    names = [rng.choice(["pypi", "PyPI"])] if pypi else [name]
    auth, config = _basic(rng, names, "ap"), {}
    if rng.random() < 0.3:
        config = _basic(rng, names, "cp")
    if rng.random() < 0.3:
        auth["pypi-token"] = {names[0]: "at"}
    if not pypi and (operation == "upload" or rng.random() < 0.5):
        config["repositories"] = {name: {"url": index_url(name)}}
    if rng.random() < 0.08:
        config["keyring"] = {"enabled": rng.choice([True, False])}
    project: dict = {}
    if rng.random() < 0.12:
        project = _basic(rng, names, "lp")
        if rng.random() < 0.4:
            project["keyring"] = {"enabled": rng.choice([True, False])}
        if rng.random() < 0.4:
            project["pypi-token"] = {names[0]: "lt"}
    words = [word for word in keyrings() if word != "repositories"]
    return Case(
        "name",
        name,
        "",
        operation,
        env=_variables(rng, name),
        auth=auth,
        config=config,
        project=project,
        **_state(rng, words),
    )


def _repositories(urls: dict) -> dict:
    return {"repositories": {name: {"url": url} for name, url in urls.items()}} if urls else {}


def _by_url(rng: random.Random) -> Case:
    repositories, requests = rng.choice(URLS)
    names = list(repositories)
    auth = _basic(rng, names, "ap")
    env = _variables(rng, rng.choice(names)) if names and rng.random() < 0.4 else {}
    words = ["none", "repositories", "url", "url-bare", "url-other", "host"]
    return Case(
        "url",
        url=rng.choice(requests),
        env=env,
        auth=auth,
        config=_repositories(repositories),
        **_state(rng, words),
    )


def _by_git(rng: random.Random) -> Case:
    repositories, requests = rng.choice(GIT)
    case = _by_url(rng)
    auth = _basic(rng, list(repositories), "ap")
    config = _repositories(repositories)
    env = _variables(rng, "one") if rng.random() < 0.3 else {}
    return dataclasses.replace(
        case, kind="git", url=rng.choice(requests), env=env, auth=auth, config=config
    )


def _by_source(rng: random.Random) -> Case:
    name = rng.choice(["foo", "my-repo", "my.repo", "repo2"])
    declared = rng.choice(
        [index_url(name), "https://evil.example/simple/", "http://127.0.0.1:8081/simple/"]
    )
    known = {name: index_url(name)} if rng.random() < 0.6 else {}
    words = ["none", "accounts", "empty", "url", "url-bare", "host"]
    by_name = rng.random() < 0.3
    return Case(
        "name" if by_name else "source",
        name,
        "" if by_name else declared + "pkg/",
        env=_variables(rng, name) if rng.random() < 0.4 else {},
        auth=_basic(rng, [name], "ap"),
        config=_repositories(known),
        sources=((name, declared),),
        **_state(rng, words),
    )
