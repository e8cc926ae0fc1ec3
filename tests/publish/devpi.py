#!/usr/bin/env python3
"""Uploads to a real devpi, by plain http on loopback and behind nginx with TLS from a private authority
and client certificates.

Runs with a Python that has `tests/publish/requirements.txt`:
    tests/publish/devpi.py --helper target/debug/helper
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

from pathlib import Path

from support import Helper
from support import sdist
from support import wheel

HELPER = Path("target/debug/helper")
METADATA = "Metadata-Version: 2.1\nName: a\nVersion: 1.0\n"
TOOLS = ("nginx", "openssl")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Until it answers, whatever it says."""
    while server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=30).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            continue
        return
    raise AssertionError(f"{url} did not start")


class Devpi(unittest.TestCase):
    """A devpi with a user who may upload and one who may not, a stage and a mirror."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        programs = Path(sys.executable).parent
        data, port = cls.root / "devpi", free_port()
        # Without the index that would fetch the list of all of PyPI.
        setup = [programs / "devpi-init", "--serverdir", data, "--no-root-pypi", "--root-passwd", "root"]
        subprocess.run(setup, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        command = [programs / "devpi-server", "--serverdir", data, "--port", str(port), "--offline-mode"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.kill)
        cls.server = f"http://127.0.0.1:{port}"
        wait_for(f"{cls.server}/+api", server)
        for user in ("up", "other"):
            cls.change(f"/{user}", {"password": f"right-{user}"})
        token = cls.ask("POST", "/+login", {"user": "up", "password": "right-up"})["result"]["password"]
        stage = {"type": "stage", "bases": [], "volatile": False, "acl_upload": ["up"]}
        cls.change("/up/dev", stage, token)
        cls.change("/up/tls", stage, token)
        mirror = {"type": "mirror", "mirror_url": f"{cls.server}/up/dev/+simple/", "mirror_no_project_list": True}
        cls.change("/up/mirror", mirror, token)

    @classmethod
    def ask(cls, method: str, path: str, body: object, token: str = "") -> dict[str, dict[str, str]]:
        request = urllib.request.Request(cls.server + path, json.dumps(body).encode(), method=method)
        request.add_header("Content-Type", "application/json")
        if token:
            pair = base64.b64encode(f"up:{token}".encode()).decode()
            request.add_header("X-Devpi-Auth", pair)
        with urllib.request.urlopen(request, timeout=60) as answer:
            told: dict[str, dict[str, str]] = json.load(answer)
        return told

    @classmethod
    def change(cls, path: str, body: object, token: str = "") -> None:
        cls.ask("PUT", path, body, token)

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.helper = Helper(HELPER, self.folder)
        self.files = [make(self.folder, "a", "1.0", METADATA, {}) for make in (wheel, sdist)]

    def test_an_upload_and_what_follows(self) -> None:
        publish = self.helper.results
        url = f"{self.server}/up/dev/"
        right = ["-r", url, "-u", "up", "-p", "right-up"]
        self.assertEqual(publish(*right, "--dry-run", *self.files), (0, ["not-sent"] * 2, ""))
        for account, password, part in [
            ("up", "wrong", "the server refused the credential (status 401"),
            ("other", "right-other", "forbids it to this account"),
        ]:
            status, results, message = publish("-r", url, "-u", account, "-p", password, *self.files)
            self.assertEqual((status, results), (5, ["failed", "not-sent"]), message)
            self.assertIn(part, message)
        self.assertEqual(publish(*right, *self.files), (0, ["uploaded"] * 2, ""))
        self.assertEqual(publish(*right, *self.files), (0, ["already-there"] * 2, ""))
        wheel(self.folder, "a", "1.0", METADATA + "Summary: other\n", {})
        status, results, message = publish(*right, *self.files)
        self.assertEqual((status, results), (5, ["failed", "already-there"]))
        self.assertIn("with other bytes", message)
        status, results, _ = publish(*right, "--skip-existing", *self.files)
        self.assertEqual((status, results), (0, ["skipped", "already-there"]))

    def test_a_mirror_takes_nothing(self) -> None:
        url = f"{self.server}/up/mirror/"
        status, results, message = self.helper.results("-r", url, "-u", "up", "-p", "right-up", *self.files)
        self.assertEqual((status, results), (5, ["failed", "not-sent"]), message)
        self.assertIn("takes no uploads", message)

    def test_an_index_has_no_trusted_publishing(self) -> None:
        token = self.folder / "token"
        token.write_text("a.b.c")
        variables = {"CREDENTIAL_HELPER_ID_TOKEN_FILE": str(token), "CI": "true"}
        self.helper.variables.update(variables)
        ended = self.helper.run("-r", f"{self.server}/up/dev/", "--trusted-publishing", "always", *self.files)
        self.assertEqual((ended.returncode, ended.stdout), (1, ""), ended.stderr)
        self.assertIn("has no trusted publishing", ended.stderr)

    @unittest.skipUnless(all(map(shutil.which, TOOLS)), "without nginx and openssl")
    def test_behind_tls_and_client_certificates(self) -> None:
        url = f"https://localhost:{self.nginx()}/up/tls/"
        right = ["-r", url, "-u", "up", "-p", "right-up"]
        authority = ["--cert", self.folder / "ca.pem"]
        ended = self.helper.run(*right, *self.files)
        self.assertEqual(ended.returncode, 3, ended.stderr)
        self.assertIn("signed by an authority that is not known here", ended.stderr)
        # nginx takes the connection and refuses the request.
        status, results, message = self.helper.results(*right, *authority, *self.files)
        self.assertEqual((status, results), (5, ["failed", "not-sent"]), message)
        self.assertIn("status 400", message)
        both = [*authority, "--client-cert", self.folder / "client.both"]
        self.assertEqual(self.helper.results(*right, *both, *self.files), (0, ["uploaded"] * 2, ""))
        self.assertEqual(self.helper.results(*right, *both, *self.files), (0, ["already-there"] * 2, ""))

    def nginx(self) -> int:
        """A server before devpi that wants certificates, each signed by our own authority."""

        def openssl(*arguments: object) -> None:
            command = ["openssl", *map(str, arguments)]
            subprocess.run(command, check=True, cwd=self.folder, capture_output=True)

        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", 2, "-subj", "/CN=own")
        for name in ("server", "client"):
            openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            names = self.folder / f"{name}.ext"
            names.write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
            signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", names.name]
            openssl("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem", "-days", 2)
        both = [(self.folder / f"client.{end}").read_text() for end in ("pem", "key")]
        (self.folder / "client.both").write_text("".join(both))
        port, place = free_port(), self.folder
        temporary = "".join(
            f"{kind}_temp_path {place}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        # Started by root its worker would be somebody else, who may not enter the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        (place / "nginx.conf").write_text(
            f"{user} daemon off; worker_processes 1; pid {place}/pid; error_log {place}/log; events {{}}\n"
            f"http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port} ssl;\n"
            f"ssl_certificate {place}/server.pem; ssl_certificate_key {place}/server.key;\n"
            f"ssl_client_certificate {place}/ca.pem; ssl_verify_client on; client_max_body_size 10m;\n"
            f"location / {{ proxy_pass {self.server}; proxy_set_header Host $http_host;\n"
            "proxy_set_header X-outside-url https://$http_host; } } }\n"
        )
        command = ["nginx", "-c", str(place / "nginx.conf"), "-e", str(place / "log")]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        wait_for(f"http://127.0.0.1:{port}/", server)
        return port


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Uploads to a real devpi.")
    parser.add_argument("--helper", type=Path, default=HELPER)
    given, rest = parser.parse_known_args()
    HELPER = given.helper.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
