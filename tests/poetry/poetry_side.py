"""Asks real Poetry, in this process, with fresh objects for each case."""

from __future__ import annotations

import logging
import os

from contextlib import contextmanager
from pathlib import Path
from typing import Any
from typing import Iterator
from typing import Optional

import keyring
import keyring.backend
import keyring.credentials
import keyring.errors
import poetry.config.config

from case import TOKEN_USER
from case import Answer
from case import Case
from keyring.backends import SecretService
from poetry.config.config import Config
from poetry.factory import Factory
from poetry.utils.authenticator import Authenticator
from poetry.utils.password_manager import HTTPAuthCredential
from poetry.utils.password_manager import PasswordManager
from poetry.utils.password_manager import PoetryKeyring

logging.disable(logging.CRITICAL)


class MemoryKeyring(keyring.backend.KeyringBackend):
    """The items of the real keyring, without its round trips."""

    priority = 1.0  # type: ignore[assignment]

    def __init__(self, items: dict, locked: bool) -> None:
        super().__init__()
        self.items, self.locked = items, locked

    def get_password(self, service: str, username: str) -> Optional[str]:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        return self.items.get((service, username))

    def get_credential(
        self, service: str, username: Optional[str]
    ) -> Optional[keyring.credentials.Credential]:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        for (own, user), secret in self.items.items():
            if own == service and username in (None, user):
                return keyring.credentials.SimpleCredential(user, secret)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


def ask(case: Case, folder: Path, items: dict, real: bool) -> Answer:
    """Poetry's answer to a case whose files stand in `folder`."""
    backend = SecretService.Keyring() if real else MemoryKeyring(items, case.locked)
    keyring.set_keyring(backend)
    PoetryKeyring.is_available.cache_clear()
    with _environment(case.env):
        try:
            found = _ask(case, folder)
        except Exception as error:  # the whole of Poetry is under test
            return Answer(error=type(error).__name__)
    return Answer(found.username or None, found.password or None)


def _ask(case: Case, folder: Path) -> HTTPAuthCredential:
    # What POETRY_CONFIG_DIR sets; Poetry reads that variable only once in a process.
    poetry.config.config.CONFIG_DIR = folder / "poetry"
    config = Config.create(reload=True)
    if case.has_project():
        project = Factory().create_poetry(folder / "project", disable_cache=True)
        config = project.config
        if case.kind == "source":
            # It has no public name.
            source: Any = project.pool.repository(case.name)
            return source._authenticator.get_credentials_for_url(case.url)
    authenticator = Authenticator(config, disable_cache=True)
    if case.kind == "name":
        if case.operation == "upload":
            return _for_upload(case.name, authenticator)
        return _for_index(case.name, authenticator, config)
    authenticator.add_repository("PyPI", "https://pypi.org/")
    if case.kind == "git":
        return authenticator.get_credentials_for_git_url(case.url)
    return authenticator.get_credentials_for_url(case.url)


def _for_index(name: str, authenticator: Authenticator, config: Config) -> HTTPAuthCredential:
    manager = PasswordManager(config)
    if name.lower() == "pypi":
        authenticator.add_repository(name, "https://pypi.org/")
    repository = authenticator.configured_repositories.get(name)
    if repository is None:
        return manager.get_http_auth(name)
    return repository.get_http_credentials(manager)


def _for_upload(name: str, authenticator: Authenticator) -> HTTPAuthCredential:
    """As `Publisher.publish` does without `-u` and `-p`."""
    token = authenticator.get_pypi_token(name)
    if token:
        return HTTPAuthCredential(TOKEN_USER, token)
    return authenticator.get_http_auth(name) or HTTPAuthCredential()


@contextmanager
def _environment(env: dict) -> Iterator[None]:
    before = dict(os.environ)
    for name in before:
        if name.startswith(("POETRY_", "UV_")):
            del os.environ[name]
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
