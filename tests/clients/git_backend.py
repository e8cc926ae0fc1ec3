"""git's own server, `git http-backend`, behind the index: the part of a web server that runs a CGI."""

from __future__ import annotations

import os
import subprocess

from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

# A clone of these repositories takes far less.
DEADLINE = 60


def serve(
    request: BaseHTTPRequestHandler, root: Path, path: str, user: str, body: bytes
) -> tuple[int, bytes, str, dict[str, str]]:
    """Status, body, type and headers of what git answers; the user is authenticated already."""
    headers = request.headers
    environment = {
        "PATH": os.environ["PATH"],
        # Not the machine's own settings.
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": headers.get("Git-Protocol", ""),
        "REQUEST_METHOD": request.command,
        "PATH_INFO": "/" + path,
        "QUERY_STRING": urlsplit(request.path).query,
        "CONTENT_TYPE": headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding", ""),
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_USER": user,
    }
    ended = subprocess.run(
        ["git", "http-backend"], input=body, env=environment, capture_output=True, timeout=DEADLINE
    )
    head, _, content = ended.stdout.partition(b"\r\n\r\n")
    status, kind, answered = 200, "text/plain", {}
    for line in head.decode("latin-1").splitlines():
        name, _, value = line.partition(": ")
        if name == "Status":
            status = int(value.split()[0])
        elif name == "Content-Type":
            kind = value
        else:
            answered[name] = value
    return status, content, kind, answered


def make(root: Path, name: str, environment: dict[str, str]) -> Path:
    """A bare repository with one commit, to which an authenticated user may push."""
    bare, work = root / f"{name}.git", root / f"{name}.work"
    identity = {
        "GIT_AUTHOR_NAME": "tests",
        "GIT_AUTHOR_EMAIL": "tests@example.org",
        "GIT_COMMITTER_NAME": "tests",
        "GIT_COMMITTER_EMAIL": "tests@example.org",
    }
    commands = [
        ["init", "-q", "-b", "main", str(work)],
        ["-C", str(work), "commit", "-q", "--allow-empty", "-m", "first"],
        ["clone", "-q", "--bare", str(work), str(bare)],
        ["-C", str(bare), "config", "http.receivepack", "true"],
    ]
    for command in commands:
        subprocess.run(["git", *command], check=True, env={**environment, **identity})
    return bare
