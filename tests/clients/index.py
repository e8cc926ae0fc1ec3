#!/usr/bin/env python3
"""A package index on loopback with repositories that each want a credential of their own.

    with Index([Repository("foo", "alice", "secret"), Repository("bar", "bob", "other", 404)]) as index:
        run_a_tool_with(index.url("foo"))
        index.requests, index.uploads

By hand, until it is interrupted; it prints a line for each request, never a secret:

    tests/clients/index.py foo=alice:secret bar=bob:other:404 open

A repository NAME has its Simple API (PEP 503 as HTML, PEP 691 as JSON) at /NAME/simple/, its files with
their metadata (PEP 658) at /NAME/files/, takes uploads at /NAME/legacy/, and serves bare git repositories
at /NAME/git/ and a registry of cargo's at /NAME/cargo/. All of it wants the repository's credential.
"""

from __future__ import annotations

import argparse
import base64
import email.parser
import email.policy
import html
import json
import re
import sys
import threading

from dataclasses import dataclass
from dataclasses import field
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from typing import Callable
from typing import Optional
from urllib.parse import unquote
from urllib.parse import urlsplit

import cargo_registry
import git_backend

from packages import ALL
from packages import REQUIRES_PYTHON
from packages import Package
from packages import sha256

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html; charset=utf-8"
# More than any test uploads; a longer body is refused unread.
BODY_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True)
class Repository:
    """A repository, its only account, and what it answers to everybody else."""

    name: str
    user: str = ""
    password: str = field(default="", repr=False)
    # 401, or what an index that does not admit that it is there answers: 404 or 403.
    refusal: int = 401
    packages: tuple[Package, ...] = ALL
    # A folder with bare git repositories.
    git: Optional[Path] = None

    @property
    def is_open(self) -> bool:
        """Whether it wants no credential."""
        return not self.user

    def accepts(self, authorization: str) -> bool:
        """Whether this header is its account, as Basic, or (cargo) its password as a bare token."""
        return _basic(authorization) == (self.user, self.password) or (
            authorization.removeprefix("Bearer ") == self.password
        )


@dataclass(frozen=True)
class Request:
    """A request as it is remembered: who asked, never with what."""

    method: str
    path: str
    repository: str
    status: int
    # The username of a Basic header, "token" for another header, "" for none.
    user: str
    # "none", "right", "wrong", "no-password", or "foreign": right for another repository.
    credential: str
    # The first word of User-Agent.
    agent: str

    def __str__(self) -> str:
        who = f"{self.user!r} ({self.credential})" if self.user else "nobody"
        return f"{self.status} {self.method} {self.path} by {who} with {self.agent or 'no name'}"


@dataclass(frozen=True)
class Upload:
    """A file that was taken: its form without the content."""

    repository: str
    user: str
    filename: str
    digest: str
    form: dict[str, str]


@dataclass
class Answer:
    """What goes back."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)


class Index:
    """The server, in a thread of this process, and what it saw."""

    def __init__(
        self,
        repositories: list[Repository],
        port: int = 0,
        told: Optional[Callable[[Request], None]] = None,
    ) -> None:
        self.repositories = {one.name: one for one in repositories}
        self.requests: list[Request] = []
        self.uploads: list[Upload] = []
        self._told = told
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.index = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def base(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def url(self, repository: str, part: str = "simple", user: str = "") -> str:
        """The URL of a repository's part, with a username where one is given."""
        base = self.base.replace("://", f"://{user}@") if user else self.base
        return f"{base}/{repository}/{part}/"

    def note(self, request: Request) -> None:
        """Remembers a request."""
        with self._lock:
            self.requests.append(request)
        if self._told:
            self._told(request)

    def __enter__(self) -> Index:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A client may keep a connection open for ever.
    block_on_close = False
    index: Index

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed in the middle is no news; anything else is."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body go out as two writes; without this the second waits for the client's answer.
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: `Index.note` is the log."""

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def _serve(self) -> None:
        index = self.server.index
        path = unquote(urlsplit(self.path).path)
        name, _, rest = path.lstrip("/").partition("/")
        repository = index.repositories.get(name)
        authorization = self.headers.get("Authorization", "")
        body = self._body()
        if body is None:
            answer, credential = Answer(413), "none"
            self.close_connection = True
        elif repository is None:
            answer, credential = Answer(404), "none"
        else:
            credential = self._judge(repository, authorization)
            answer = self._answer(repository, rest, body, credential)
        user = (_basic(authorization) or ("token", ""))[0] if authorization else ""
        agent = self.headers.get("User-Agent", "").partition(" ")[0]
        where = repository.name if repository else ""
        request = Request(self.command, path, where, answer.status, user, credential, agent)
        # Noted before it is answered, so that who has the answer finds it noted.
        index.note(request)
        self._send(answer)

    def _judge(self, repository: Repository, authorization: str) -> str:
        if not authorization:
            return "none"
        if repository.accepts(authorization):
            return "right"
        if (_basic(authorization) or ("", "-"))[1] == "":
            return "no-password"
        others = self.server.index.repositories.values()
        foreign = any(not one.is_open and one.accepts(authorization) for one in others)
        return "foreign" if foreign else "wrong"

    def _answer(self, repository: Repository, rest: str, body: bytes, credential: str) -> Answer:
        kind, _, rest = rest.partition("/")
        if credential != "right" and not repository.is_open:
            challenge = f'Basic realm="{repository.name}"'
            headers = {"WWW-Authenticate": challenge} if repository.refusal == 401 else {}
            return Answer(repository.refusal, b"no\n", "text/plain", headers)
        if kind == "simple" and self.command in ("GET", "HEAD"):
            return self._page(repository, rest.strip("/"))
        if kind == "files" and self.command in ("GET", "HEAD"):
            return _file(repository, rest)
        if kind == "legacy" and self.command == "POST":
            return self._upload(repository, body)
        if kind == "git" and repository.git:
            return Answer(*git_backend.serve(self, repository.git, rest, repository.user, body))
        if kind == "cargo" and self.command == "GET":
            base = self.server.index.url(repository.name, "cargo")
            return Answer(*cargo_registry.serve(base, rest))
        return Answer(404, b"nothing here\n", "text/plain")

    def _page(self, repository: Repository, project: str) -> Answer:
        wants_json = JSON_TYPE in self.headers.get("Accept", "")
        meta = {"api-version": "1.1"}
        names = [one.name for one in repository.packages]
        if not project:
            projects = [{"name": name} for name in names]
            links = "".join(f'<a href="{name}/">{name}</a>\n' for name in names)
            data = {"meta": meta, "projects": projects}
            return _json(data) if wants_json else _html(links)
        found = [one for one in repository.packages if one.name == project]
        if not found:
            return Answer(404, b"no such project\n", "text/plain")
        if wants_json:
            files = [_described(one) for one in found]
            versions = [one.version for one in found]
            return _json({"meta": meta, "name": project, "versions": versions, "files": files})
        return _html("".join(_linked(one) for one in found))

    def _upload(self, repository: Repository, body: bytes) -> Answer:
        head = f"Content-Type: {self.headers.get('Content-Type', '')}\r\n\r\n".encode()
        parser = email.parser.BytesParser(policy=email.policy.HTTP)
        form, filename, digest = {}, "", ""
        for part in parser.parsebytes(head + body).iter_parts():
            name = str(part.get_param("name", header="content-disposition"))
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            if name == "content":
                filename, digest = part.get_filename() or "", sha256(content)
            else:
                form[name] = content.decode(errors="replace")
        if not filename:
            return Answer(400, b"no file in the form\n", "text/plain")
        self.server.index.uploads.append(
            Upload(repository.name, repository.user, filename, digest, form)
        )
        return Answer(200, b"taken\n", "text/plain")

    def _body(self) -> Optional[bytes]:
        """The whole body, which has to be read before a refusal too; None for one that is too long."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = b""
            while size := int(self.rfile.readline(32).partition(b";")[0], 16):
                if len(body) + size > BODY_LIMIT:
                    return None
                body += self.rfile.read(size)
                self.rfile.readline(8)
            while self.rfile.readline(8192).strip():
                pass
            return body
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if length <= BODY_LIMIT else None

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


def _basic(authorization: str) -> Optional[tuple[str, str]]:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return None
    return user, password


def _file(repository: Repository, name: str) -> Answer:
    for one in repository.packages:
        if name == one.filename:
            return Answer(200, one.wheel())
        if name == one.filename + ".metadata":
            return Answer(200, one.metadata(), "text/plain")
    return Answer(404, b"no such file\n", "text/plain")


def _described(package: Package) -> dict[str, Any]:
    """A file as PEP 691 describes it."""
    wheel, metadata = package.wheel(), {"sha256": sha256(package.metadata())}
    return {
        "filename": package.filename,
        "url": f"../../files/{package.filename}",
        "hashes": {"sha256": sha256(wheel)},
        "size": len(wheel),
        "requires-python": REQUIRES_PYTHON,
        "core-metadata": metadata,
        "dist-info-metadata": metadata,
    }


def _linked(package: Package) -> str:
    """A file as PEP 503 links it."""
    metadata = f"sha256={sha256(package.metadata())}"
    return (
        f'<a href="../../files/{package.filename}#sha256={sha256(package.wheel())}"'
        f' data-requires-python="{html.escape(REQUIRES_PYTHON)}"'
        f' data-core-metadata="{metadata}" data-dist-info-metadata="{metadata}">'
        f"{package.filename}</a><br>\n"
    )


def _html(links: str) -> Answer:
    head = '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1"></head>'
    return Answer(200, f"{head}<body>\n{links}</body></html>\n".encode(), HTML_TYPE)


def _json(data: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(data).encode(), JSON_TYPE)


def _repository(text: str) -> Repository:
    found = re.fullmatch(r"([A-Za-z0-9._-]+)(?:=([^:]+):(.+?)(?::(401|403|404))?)?", text)
    if not found:
        raise argparse.ArgumentTypeError("expected NAME=USER:PASSWORD[:401|403|404], or NAME")
    name, user, password, refusal = found.groups()
    return Repository(name, user or "", password or "", int(refusal or 401))


def main() -> int:
    """Serves the repositories of the command line until it is interrupted."""
    parser = argparse.ArgumentParser(description="A package index on loopback, for tests.")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument(
        "repositories",
        type=_repository,
        nargs="+",
        metavar="NAME[=USER:PASSWORD[:401|403|404]]",
    )
    options = parser.parse_args()
    with Index(options.repositories, options.port, lambda one: print(one, flush=True)) as index:
        for name in index.repositories:
            print(index.url(name), flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
