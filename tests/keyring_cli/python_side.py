"""Python's own keyring: its command line in this process, with a backend that writes down what it
is asked. Also the module of that backend (`python_side.Backend`)."""

from __future__ import annotations

import contextlib
import getpass
import io
import os
import sys

from pathlib import Path
from typing import NamedTuple
from typing import Optional

import keyring
import keyring.backend
import keyring.cli
import keyring.credentials
import keyring.errors

import store

from store import Asked

asked: list[Asked] = []


class Backend(keyring.backend.KeyringBackend):
    """Holds what `store` holds; changes are written down and forgotten."""

    priority = 1

    def get_password(self, service: str, username: str) -> Optional[str]:
        asked.append(Asked("get", service, username))
        found = store.find(service, username)
        return found and found[1]

    def get_credential(
        self, service: str, username: Optional[str]
    ) -> Optional[keyring.credentials.Credential]:
        asked.append(Asked("get", service, username))
        found = store.find(service, username)
        return keyring.credentials.SimpleCredential(*found) if found else None

    def set_password(self, service: str, username: str, password: str) -> None:
        asked.append(Asked("set", service, username, password))

    def delete_password(self, service: str, username: str) -> None:
        asked.append(Asked("del", service, username))
        if not store.find(service, username):
            raise keyring.errors.PasswordDeleteError("nothing there")


class Ended(NamedTuple):
    """How one of the two programs ended, and what it asked."""

    status: int
    out: str
    silent: bool
    asked: list[Asked]


def run(arguments: list[str], given: str, configuration: Path) -> Ended:
    """Runs the command line; `given` is what stands on standard input."""
    keyring.set_keyring(Backend())
    # What `--disable` writes, and refuses to write twice.
    configuration.unlink(missing_ok=True)
    asked.clear()
    out, error = io.StringIO(), io.StringIO()
    # Text mode: what `sys.stdin` does with line ends.
    before = sys.stdin, sys.argv, getpass.getpass
    sys.stdin = io.TextIOWrapper(io.BytesIO(given.encode()), encoding="utf-8")
    sys.argv, getpass.getpass = ["keyring"], _nobody
    status = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            keyring.cli.main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except Exception:  # noqa: BLE001: what Python tells of with a traceback
        status = 1
        error.write("traceback")
    finally:
        sys.stdin, sys.argv, getpass.getpass = before
    return Ended(status, out.getvalue(), not error.getvalue(), list(asked))


def _nobody(prompt: str = "") -> str:
    raise EOFError(prompt)


def use_private_configuration(folder: Path) -> Path:
    """Where Python's keyring then keeps its settings."""
    os.environ["XDG_CONFIG_HOME"] = str(folder)
    return folder / "python_keyring" / "keyringrc.cfg"
