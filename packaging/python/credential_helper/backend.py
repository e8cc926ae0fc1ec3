"""The backend of Python's ``keyring``: twine, Poetry, Hatch, Flit, PDM and pip ask it for credentials
of package repositories, and it asks credential-helper's agent.

Loaded by every program that imports ``keyring``: what takes time is imported when it is needed.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Optional

from keyring import backend, credentials, errors

log = logging.getLogger("credential_helper")

# Set by the agent for what it runs: a keyring of ours in there would ask the agent again.
RECURSION = "CREDENTIAL_HELPER_RECURSION"
# Above keyring's own chainer (10), under which a miss would go on to other keyrings, which may ask
# the user to unlock them: the agent asks them all itself, with a time limit for each.
PRIORITY = 20.0
# What Poetry asks for to see whether there is a keyring at all; nobody ever stores it.
NEVER_STORED = "python-poetry-check"
# How Poetry calls the account of a token that has none (`PoetryKeyring._EMPTY_USERNAME_KEY`).
NO_ACCOUNT = "__poetry_source_empty_username__"

_warned: set[str] = set()


class _Priority:
    """A property of the class: raises ``RuntimeError`` where the backend is of no use."""

    def __get__(self, instance: object, owner: Optional[type] = None) -> float:
        from . import place, program

        if os.environ.get(RECURSION):
            raise RuntimeError("credential-helper's agent is asking: it is not asked back")
        if os.name == "posix" and not os.environ.get(place.NO_AGENT):
            found = place.find()
            if found and (found.foreign or found.socket.exists()):
                return PRIORITY
        if program.find("helper"):
            return PRIORITY
        raise RuntimeError("no agent of credential-helper listens, and there is no program `helper` to start one")


class Keyring(backend.KeyringBackend):
    """Credentials from credential-helper's agent."""

    name = "credential-helper"
    priority = _Priority()

    def get_password(self, service: str, username: str) -> Optional[str]:
        """The secret of exactly this account; ``None`` also where nobody could be asked."""
        if not isinstance(username, str):
            return None
        found = _find(service, username)
        if found is None or not _same(found[0], username):
            return None
        return found[1]

    def get_credential(self, service: str, username: Optional[str]) -> Optional[credentials.Credential]:
        """The credential of the account, or without a username the one that there is."""
        found = _find(service, username or None)
        return None if found is None else credentials.SimpleCredential(*found)

    def set_password(self, service: str, username: str, password: str) -> None:
        """Stores a secret in the agent's stores."""
        doing = "could not store the secret"
        if not _is_text(service, username, password):
            raise errors.PasswordSetError(f"{doing}: service, username and secret have to be text of one line")
        try:
            from . import ask

            changed = ask.store(service, username, password)
        except Exception as error:
            raise errors.PasswordSetError(f"{doing}: {_told(error)}") from None
        _warn_of(changed.get("changed") if "changed" in changed else changed)

    def delete_password(self, service: str, username: str) -> None:
        """Removes a secret from the agent's stores."""
        doing = "could not remove the secret"
        if not _is_text(service, username):
            raise errors.PasswordDeleteError(f"{doing}: service and username have to be text of one line")
        try:
            from . import ask

            changed = ask.delete(service, username)
        except Exception as error:
            raise errors.PasswordDeleteError(f"{doing}: {_told(error)}") from None
        _warn_of(changed.get("changed") if "changed" in changed else changed)


def _find(service: Any, username: Any) -> Optional[tuple[str, str]]:
    """Username and secret. Whatever happens is no error of the program that asks: Hatch, Flit and
    Poetry end with it, pip and PDM use no keyring any more."""
    try:
        if service == NEVER_STORED or os.environ.get(RECURSION):
            return None
        if not _is_text(service, "" if username is None else username):
            log.debug("not asked: neither service nor username may hold control characters")
            return None
        from . import ask

        found = ask.get(service, username)
        _warn_of(found)
        account, secret = found.get("username"), found.get("password")
        # A bearer token travels in another header than these tools send.
        if not isinstance(secret, str) or found.get("scheme") == "bearer":
            return None
        return account if isinstance(account, str) else "", secret
    except Exception as error:
        _log(error)
        return None


def _same(answered: str, asked: str) -> bool:
    nobody = ("", NO_ACCOUNT)
    return answered == asked or (answered in nobody and asked in nobody)


def _is_text(*values: object) -> bool:
    for value in values:
        if not isinstance(value, str) or any(_is_control(character) for character in value):
            return False
    return True


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff"


def _told(error: Exception) -> str:
    """What an error says, in words that hold no secret."""
    from . import ask, client

    if isinstance(error, client.AgentError):
        return _shown(f"{error} ({error.hint})" if error.hint else str(error))
    return _shown(str(error)) if isinstance(error, ask.Unanswered) else f"unexpected {type(error).__name__}"


def _log(error: Exception) -> None:
    try:
        from . import ask, client

        quiet = isinstance(error, ask.Unanswered) and error.quiet
        missing = isinstance(error, client.AgentError) and error.name == "NotFound"
        text = _told(error)
        if quiet or missing:
            log.debug("no credential: %s", text)
        else:
            _warn(text)
    except Exception:
        log.debug("no credential")


def _warn(text: str) -> None:
    """Says it once: a tool asks several times for one credential."""
    if text not in _warned:
        _warned.add(text)
        log.warning("credential-helper: %s", _shown(text))


def _warn_of(answer: Any) -> None:
    told = answer.get("warnings") if isinstance(answer, dict) else None
    for text in told if isinstance(told, list) else ():
        if isinstance(text, str):
            _warn(text)


def _shown(text: str) -> str:
    return "".join("?" if _is_control(character) else character for character in text)
