"""URLs as both sides of the comparison read them: as written, or normalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional
from urllib.parse import unquote
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True)
class Url:
    """A URL in its parts; `text` is without userinfo."""

    scheme: str
    host: str
    path: str
    userinfo: Optional[tuple]
    text: str

    def segments(self) -> list[str]:
        return [part for part in self.path.split("/") if part]

    def scope(self) -> list[str]:
        """An index keeps its files beside it."""
        segments = self.segments()
        last = segments[-1].lower() if segments else ""
        if last in ("simple", "+simple") or last.endswith((".htm", ".html")):
            segments.pop()
        return segments

    def scopes(self) -> list[list[str]]:
        """GitLab's group index keeps its files under `projects`."""
        found, group = [self.scope()], self.segments()
        if group[:3] == ["api", "v4", "groups"] and group[-1:] == ["simple"]:
            found.append(["api", "v4", "projects"])
        return found


def parse(text: str, normalize: bool, strip: bool) -> Url:
    """Takes a URL apart; `normalize` its host, `strip` its userinfo."""
    parts = urlsplit(text)
    host, found = parts.netloc, None
    if strip and "@" in host:
        found = userinfo(host)
        host = host.rsplit("@", 1)[1]
    if normalize:
        name, colon, port = host.lower().partition(":")
        host = name.rstrip(".")
        if colon and port != DEFAULT_PORTS.get(parts.scheme):
            host += colon + port
    plain = f"{parts.scheme}://{host}{parts.path}"
    return Url(parts.scheme, host, parts.path, found, plain)


def userinfo(netloc: str) -> tuple:
    """Account and secret before the host; the secret is None without a colon."""
    user, colon, password = netloc.rsplit("@", 1)[0].partition(":")
    return unquote(user), unquote(password) if colon else None


def shared(own: list[str], other: list[str]) -> int:
    """How many segments both begin with."""
    count = 0
    for a, b in zip(own, other):
        if a != b:
            break
        count += 1
    return count


def without_git(segments: list[str]) -> list[str]:
    """The path of a git repository, which has two names."""
    if segments and segments[-1].endswith(".git"):
        return [*segments[:-1], segments[-1][: -len(".git")]]
    return segments


def loopback(host: str) -> bool:
    """Whether the host is this machine."""
    name = host.partition(":")[0]
    return name == "localhost" or name.startswith("127.")
