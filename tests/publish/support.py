"""Distributions, a recording server, and `helper publish` in a home of its own."""

from __future__ import annotations

import base64
import email.parser
import email.policy
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import threading
import zipfile

from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path

Fields = list[tuple[str, str]]


def wheel(folder: Path, name: str, version: str, metadata: str, files: dict[str, str]) -> Path:
    """Writes a wheel with this METADATA."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    members = {
        f"{name}.py": "",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        **{f"{info}/licenses/{key}": text for key, text in files.items()},
    }
    record = "".join(f"{key},,\n" for key in members) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, text in {**members, f"{info}/RECORD": record}.items():
            archive.writestr(key, text)
    return path


def sdist(folder: Path, name: str, version: str, metadata: str, files: dict[str, str]) -> Path:
    """Writes a source archive with this PKG-INFO."""
    path = folder / f"{name}-{version}.tar.gz"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for key, text in {"PKG-INFO": metadata, "setup.py": "", **files}.items():
            member = tarfile.TarInfo(f"{name}-{version}/{key}")
            content = text.encode()
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    path.write_bytes(gzip.compress(buffer.getvalue()))
    return path


def fields_of(content_type: str, body: bytes) -> tuple[str, Fields]:
    """The file's name and the fields of a form, as Python reads them."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    filename, fields = "", []
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        if name == "content":
            filename = str(part.get_filename())
            fields.append((name, f"{part.get_content_type()} {hashlib.sha256(payload).hexdigest()}"))
        else:
            fields.append((name, payload.decode()))
    return filename, fields


class Recorder:
    """Takes every upload and keeps its form."""

    def __init__(self) -> None:
        forms = self.forms = {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.answer(404)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                filename, fields = fields_of(self.headers["Content-Type"], body)
                user = base64.b64decode(self.headers["Authorization"].split()[1]).decode()
                forms[user.split(":")[0], filename] = fields
                self.answer(200)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Helper:
    """`helper publish`, without an agent, in a home of its own."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.home = program, folder / "home"
        self.variables: dict[str, str] = {}
        config = self.home / ".config/pypoetry"
        config.mkdir(parents=True)
        (config / "config.toml").write_text("[keyring]\nenabled = false\n")

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}
        environment.update(self.variables)
        command = [str(self.program), "--no-agent", "publish", *map(str, arguments)]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def results(self, *arguments: object) -> tuple[int, list[str], str]:
        """Exit status, the result of each file, and the first message."""
        ended = self.run("--json", *arguments)
        files = json.loads(ended.stdout)["files"]
        messages = [file["message"] for file in files if file["message"]]
        return ended.returncode, [file["result"] for file in files], (messages or [""])[0]
