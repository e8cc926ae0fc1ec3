"""What both sides hold: service, username, password; the first entry of a service is its own."""

from __future__ import annotations

from typing import NamedTuple
from typing import Optional

URL = "https://pypi.example.org/foo/simple/"
ENTRIES = [
    (URL, "alice", "s3cret"),
    (URL, "bob", "b\u00f6b \U0001f511 \"'\\/"),
    ("pypi.example.org:8443", "__token__", "pypi-AgEIcHlwaS5vcmc"),
    ("http://127.0.0.1:8080", "alice", " blanks "),
    ("poetry-repository-foo", "ci", "x" * 4000),
    ("pdm-pypi-foo", "alice", "plain"),
    ("service with blanks", "user with blanks", "p"),
    ("nameless", "", "without a username"),
    ("keyless", "token-as-username", ""),
    ("lines", "alice", "two\nlines"),
    ("escapes", "alice", "\x1b[2J\x7f\x00"),
    ("-", "-1", "dashes"),
]


class Asked(NamedTuple):
    """One question to a store, or one change."""

    what: str
    service: str
    username: Optional[str]
    secret: Optional[str] = None


def find(service: str, username: Optional[str]) -> Optional[tuple[str, str]]:
    """Username and password: of this account, or the service's first."""
    for place, account, password in ENTRIES:
        if place == service and username in (None, account):
            return account, password
    return None
