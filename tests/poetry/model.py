"""Poetry's rules with each deliberate deviation as a switch.

With no switch on, `answer` is what Poetry 2.5 says (rules C1-C14 and U1-U15 of its behaviour as it
was measured); with all of them on it is what we promise. So whether a deviation concerns a case is
decided by the case alone: it does where its switch changes the answer.
"""

from __future__ import annotations

import re

from dataclasses import dataclass
from typing import Optional
from urllib.parse import urlsplit

from case import EMPTY_USER
from case import NOTHING
from case import SETTLED
from case import TOKEN_USER
from case import Answer
from case import Case
from case import variable_names
from urls import Url
from urls import loopback
from urls import parse
from urls import shared
from urls import userinfo
from urls import without_git

DEVIATIONS = {
    "control": "values with control characters are refused",
    "dotted": "both spellings of a dotted name are read",
    "git": "git URLs have a scope by segments; `.git` at the end is ignored",
    "host": "hosts are compared in lower case, without default port and last dot",
    "interpolation": "`{key}` in a secret is not replaced by that setting",
    "locked": "a locked keyring is `could not ask`, not half an answer or none",
    "origin": "what is stored for a bound name does not go to another origin",
    "project": "a project's poetry.toml cannot switch the keyring",
    "pypi-name": "PyPI and pypi are one name; pypi.org and upload.pypi.org are its origins",
    "scheme": "an http repository does not answer for https",
    "scope": "by URL, a path outside every scope gets nothing",
    "settings": "what the helper's own settings name comes before Poetry's files",
    "slash": "keyrings are asked with and without the URL's last slash",
    "transport": "nothing goes over plain http to another machine",
    "userinfo": "userinfo is taken out of URLs and used for their origin",
    "uv": "UV_INDEX_* and uv's own store are read",
    "variables": "repositories from variables add to the configured ones; digits are allowed",
}
ALL = frozenset(DEVIATIONS)
VARIABLES = {"http-basic": "POETRY_HTTP_BASIC_", "pypi-token": "POETRY_PYPI_TOKEN_"}


def answer(case: Case, keyring: dict, on: frozenset = ALL) -> Answer:
    """The answer where the deviations `on` hold; `keyring` is {(service, user): secret}."""
    return _Search(case, keyring, on).run()


def reasons(case: Case, keyring: dict) -> list[str]:
    """The deviations that concern a case: each without which the answer would be another one."""
    ours, poetrys = answer(case, keyring), answer(case, keyring, frozenset())
    if ours == poetrys:
        return []
    needed = [d for d in DEVIATIONS if answer(case, keyring, ALL - {d}) != ours]
    # Where two deviations each lead to the same answer, neither is needed, but each is enough.
    return needed or [d for d in DEVIATIONS if answer(case, keyring, frozenset({d})) != poetrys]


@dataclass(frozen=True)
class _Repository:
    name: str
    url: str


class _Search:
    def __init__(self, case: Case, keyring: dict, on: frozenset) -> None:
        self.case, self.keyring, self.on = case, keyring, on
        self.enabled = self._keyring_enabled()
        self.failed: Optional[str] = None
        self.refused = False

    def run(self) -> Answer:
        case = self.case
        if "control" in self.on and any(map(_control, case.env.values())):
            return Answer(error="refused")
        if case.kind == "name":
            urls = [r.url for r in self._configured() if r.name in self._spellings(case.name)]
            if case.name.lower() == "pypi" and "pypi-name" not in self.on:
                upload = case.operation == "upload"
                urls = ["https://upload.pypi.org/legacy/" if upload else "https://pypi.org/"]
            declared = [url for name, url in case.sources if name == case.name]
            if declared and self._origin_changed(case.name, declared[0]):
                return self._refuse(case.name, declared[0])
            return self._by_name(case.name, urls)
        return self._by_url()

    # By name -------------------------------------------------------------------------------------

    def _by_name(self, name: str, urls: list[str]) -> Answer:
        if self.case.operation == "upload":
            token = self._leaf("pypi-token", name, None)
            if not token and self._may_ask():
                token = self._stored(name, TOKEN_USER)
            if token:
                return self._checked(Answer(TOKEN_USER, token))
            known = any(r.name == name for r in self._configured()) or name.lower() == "pypi"
            if not known:
                return NOTHING
        return self._basic(name, urls)

    def _basic(self, name: str, urls: list[str], asked: Optional[str] = None) -> Answer:
        username = self._leaf("http-basic", name, "username")
        password = self._leaf("http-basic", name, "password")
        if "control" in self.on and any(_control(text) for text in (username, password)):
            return Answer(error="refused")
        if "userinfo" in self.on:
            for url in urls:
                user, secret = self._parse(url).userinfo or (None, None)
                if password is None and secret:
                    # One pair, written together.
                    username, password = user, secret
                elif not password:
                    username = user if username is None else username
        half = username or None
        if asked:
            # Another account's secret is not the answer.
            password = password if username in (None, asked) else None
            half = asked if username == asked else None
            username = asked
        if password is None and not self.refused and self._may_ask():
            password = self._stored(name, username or EMPTY_USER)
        if password:
            return self._checked(Answer(username or None, password))
        return self._places_by_url(urls, username or None, half)

    def _stored(self, name: str, user: str) -> Optional[str]:
        for spelling in self._spellings(name):
            secret = self.keyring.get((f"poetry-repository-{spelling}", user))
            if secret is not None:
                return secret
        return None

    def _spellings(self, name: str) -> list[str]:
        if "pypi-name" in self.on and name.lower() == "pypi":
            return list(dict.fromkeys([name, "pypi", "PyPI"]))
        return [name]

    def _leaf(self, table: str, name: str, key: Optional[str]) -> Optional[str]:
        """One half as the merged configuration has it: variables, then files (C1, C2)."""
        value = self._variable(table, name, key)
        if value is None and not self.refused:
            if "settings" in self.on and name == SETTLED["name"] and table == "http-basic":
                return SETTLED[key]
            value = self._in_files(table, name, key)
        if value is not None and "interpolation" not in self.on:
            value = value.replace("{keyring.enabled}", str(self.enabled))
        return value

    def _variable(self, table: str, name: str, key: Optional[str]) -> Optional[str]:
        end = f"_{key.upper()}" if key else ""
        spellings = variable_names(name)
        for spelling in spellings if "dotted" in self.on else spellings[:1]:
            value = self.case.env.get(VARIABLES[table] + spelling + end)
            if value is not None:
                return value
        if "uv" in self.on and key:
            return self.case.env.get(f"UV_INDEX_{spellings[-1]}{end}")
        return None

    def _in_files(self, table: str, name: str, key: Optional[str]) -> Optional[str]:
        for file in (self.case.project, self.case.auth, self.case.config):
            for spelling in self._spellings(name):
                paths = [[table, spelling]]
                if "dotted" in self.on and "." in spelling:
                    paths.append([table, *spelling.split(".")])
                for path in paths:
                    value = _at(file, [*path, key] if key else path)
                    if isinstance(value, str):
                        return value
        return None

    # The keyring ---------------------------------------------------------------------------------

    def _keyring_enabled(self) -> bool:
        value = self.case.env.get("POETRY_KEYRING_ENABLED")
        if value is not None:
            return value.lower() in ("true", "1")
        files = [self.case.auth, self.case.config]
        if "project" not in self.on:
            files.insert(0, self.case.project)
        for file in files:
            value = _at(file, ["keyring", "enabled"])
            if value is not None:
                return value
        return True

    def _may_ask(self) -> bool:
        """Whether the keyring can be asked; notes the failure where it is locked."""
        if not self.enabled:
            return False
        if self.case.locked and "locked" in self.on:
            self.failed = "locked"
        return not self.case.locked

    def _places_by_url(
        self, urls: list[str], username: Optional[str], half: Optional[str]
    ) -> Answer:
        """What is stored under URLs and hosts for the account, else the half that is known."""
        if urls and self._may_ask():
            for service in self._services(urls):
                for (found, user), secret in self.keyring.items():
                    if found == service and username in (None, user):
                        return Answer(user, secret)
        if "uv" in self.on:
            for url in urls:
                found = self._in_uv_store(url, username)
                if found:
                    return found
        if self.failed:
            return Answer(error=self.failed)
        if half is None and self.refused:
            return Answer(error="origin-changed")
        return Answer(half)

    def _services(self, urls: list[str]) -> list[str]:
        services, hosts = [], []
        for url in urls:
            parsed = self._parse(url)
            services += [parsed.text]
            if "slash" in self.on:
                bare = parsed.text.rstrip("/")
                services += [bare + "/", bare]
            hosts.append(parsed.host)
        return services + hosts

    def _in_uv_store(self, url: str, username: Optional[str]) -> Optional[Answer]:
        wanted = self._parse(url)
        for entry in self.case.uv_store:
            entry = dict(entry)
            service = self._parse(entry["service"])
            inside = wanted.segments()[: len(service.segments())] == service.segments()
            same = (service.scheme, service.host) == (wanted.scheme, wanted.host)
            if same and inside and username in (None, entry["username"]):
                return Answer(entry["username"], entry["password"])
        return None

    # By URL --------------------------------------------------------------------------------------

    def _by_url(self) -> Answer:
        case = self.case
        if case.kind == "git" and urlsplit(case.url).scheme not in ("http", "https"):
            return Answer(error="refused") if "git" in self.on else NOTHING
        request = self._parse(case.url)
        asked = None
        if "@" in urlsplit(case.url).netloc and case.kind != "git":
            user, password = userinfo(urlsplit(case.url).netloc)
            if password or "userinfo" not in self.on:
                return Answer(user or None, password or None)
            asked = user
        plain = request.scheme == "http" and not loopback(request.host)
        if "transport" in self.on and plain:
            return Answer(error="insecure-transport")
        repository = self._match(request)
        if repository is None:
            return self._places_by_url([case.url], asked, None)
        name = repository.name
        if self._origin_changed(name, case.url):
            return self._refuse(name, case.url)
        return self._basic(name, [repository.url], asked)

    def _match(self, request: Url) -> Optional[_Repository]:
        exact = self.case.kind == "git" and "git" not in self.on
        by_scope = self.case.kind == "git" or "scope" in self.on
        ranked = []
        for place, repository in enumerate(self._configured()):
            url = self._parse(repository.url)
            same_scheme = url.scheme == request.scheme
            if "scheme" in self.on and not same_scheme:
                continue
            if (url.scheme == "https" and not same_scheme) or url.host != request.host:
                continue
            common = shared(url.segments(), request.segments())
            if exact:
                rank = (0, 0, 0)
                if url.path != request.path:
                    continue
            elif by_scope:
                scopes, wanted = url.scopes(), request.segments()
                if self.case.kind == "git":
                    scopes = [without_git(scope) for scope in scopes]
                    depth = max(map(len, scopes))
                    wanted = without_git(wanted[:depth]) + wanted[depth:]
                inside = [scope for scope in scopes if wanted[: len(scope)] == scope]
                if not inside:
                    continue
                rank = (-max(map(len, inside)), -common, 0)
            else:
                rank = (-common, common != len(url.segments()), 0)
            ranked.append((rank, place, repository))
        return min(ranked)[2] if ranked else None

    def _configured(self) -> list[_Repository]:
        """The known repositories in their order (U4)."""
        case = self.case
        from_env = []
        for variable, url in case.env.items():
            pattern = r"POETRY_REPOSITORIES_([A-Z0-9_]+)_URL"
            found = re.fullmatch(pattern, variable)
            if found and ("variables" in self.on or not re.search(r"\d", found[1])):
                from_env.append(_Repository(found[1].lower().replace("_", "-"), url))
        from_files = []
        for file in (case.config, case.auth):
            for name, table in file.get("repositories", {}).items():
                from_files.append(_Repository(name, table["url"]))
        replaced = bool(from_env) and "variables" not in self.on
        known = from_env if replaced else from_env + from_files
        sources = [_Repository(name, url) for name, url in case.sources]
        if case.kind == "source":
            # Poetry's repositories have no slash at the end.
            sources = [_Repository(r.name, r.url.rstrip("/")) for r in sources]
        if "origin" in self.on:
            known += sources
        else:
            taken = {r.name for r in from_files}
            known += [r for r in sources if r.name not in taken and not replaced]
            if case.kind == "source":
                # A source's own authenticator puts its URL in place of the configured one.
                known = [r for r in known if r.name != case.name]
                known += [r for r in sources if r.name == case.name]
        if "settings" in self.on:
            known.insert(0, _Repository(SETTLED["name"], SETTLED["url"]))
        if "pypi-name" in self.on:
            known.append(_Repository("pypi", "https://pypi.org/simple/"))
            known.append(_Repository("pypi", "https://upload.pypi.org/legacy/"))
        elif case.url:
            known.append(_Repository("PyPI", "https://pypi.org/"))
        return known

    # Origins -------------------------------------------------------------------------------------

    def _origin_changed(self, name: str, url: str) -> bool:
        if "origin" not in self.on:
            return False
        bound = [
            self._parse(table["url"])
            for file in (self.case.config, self.case.auth)
            for own, table in file.get("repositories", {}).items()
            if _normalized(own) == _normalized(name)
        ]
        wanted = self._parse(url)
        origins = [(b.scheme, b.host) for b in bound]
        return bool(origins) and (wanted.scheme, wanted.host) not in origins

    def _refuse(self, name: str, url: str) -> Answer:
        """Only variables, and what is stored under the URL itself, may go to a new origin."""
        self.refused = True
        return self._basic(name, [url])

    def _checked(self, found: Answer) -> Answer:
        if "control" in self.on and _control(found.password):
            return Answer(error="refused")
        return found

    def _parse(self, text: str) -> Url:
        strip = "userinfo" in self.on or text == self.case.url
        return parse(text, normalize="host" in self.on, strip=strip)


def _control(text: Optional[str]) -> bool:
    return bool(text) and any(ord(c) < 32 or ord(c) == 127 for c in text)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _at(tables: dict, path: list) -> object:
    value: object = tables
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value
