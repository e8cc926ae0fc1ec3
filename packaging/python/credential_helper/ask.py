"""The way of a question to an agent and back, within a time that holds for everything together."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from typing import Any, Mapping, Optional, Sequence

from . import client, context, place, program

# In seconds. A person does not wait longer for an agent that may be stopped.
CONNECT_TIME = 0.2
# After this silence the agent is asked whether it still lives: a command that mints a token may
# take its time, a stopped agent may not.
SILENCE = 5.25
SIGN_OF_LIFE = 0.5
LONGEST = 30.0
# After a time-out nobody is asked for this long, so that many lookups do not add up.
PAUSE = 5.0

_paused_until = 0.0
_tried_to_start = False
_lock = threading.Lock()


def _after_fork() -> None:
    """The thread that held the lock is not in the child, and would never give it back."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Unanswered(Exception):
    """Nobody could be asked. ``quiet`` where that is no news for the user."""

    def __init__(self, message: str, quiet: bool = False) -> None:
        self.quiet = quiet
        super().__init__(message)


def question_for(service: str, username: Optional[str]) -> dict[str, Any]:
    """A question about the place that a tool calls so: what it means is the agent's business."""
    return {"service": service, "username": username}


def get(service: str, username: Optional[str]) -> Mapping[str, Any]:
    """The agent's credential."""
    asked = question_for(service, username)
    answer = _ask("Get", asked, service, _arguments(service, username))
    found = answer.get("credential") if "credential" in answer else answer
    if not isinstance(found, dict):
        raise Unanswered("the agent's reply holds no credential")
    return found


def store(service: str, username: str, secret: str) -> Mapping[str, Any]:
    """Stores a secret; what the agent says of it."""
    asked = {**question_for(service, username), "secret": secret}
    arguments = ["set", "--", context.name_in(service), username]
    return _ask("Set", asked, service, arguments, secret)


def delete(service: str, username: str) -> Mapping[str, Any]:
    """Removes what is stored for exactly this account."""
    arguments = ["delete", "--", context.name_in(service), username]
    return _ask("Delete", question_for(service, username), service, arguments)


def _arguments(service: str, username: Optional[str]) -> list[Optional[str]]:
    """The question as a command line, which every user of the machine can read: what may be a secret
    in a URL stays out of it. A bare host has no place there."""
    named = context.name_in(service)
    if named is None and "://" in service:
        scheme, _, rest = service.partition("://")
        place = re.split("[?#]", rest, maxsplit=1)[0]
        authority, slash, path = place.partition("/")
        userinfo, _, host = authority.rpartition("@")
        # Behind a slash that stands in a secret the host only seems to be one.
        named = None if "@" in path else f"{scheme}://{host}{slash}{path}"
        if username is None and userinfo:
            username = urllib.parse.unquote(userinfo.partition(":")[0]) or None
    option = [] if username is None else [f"--username={username}"]
    return ["get", *option, "--", named]


def _ask(
    method: str,
    asked: dict[str, Any],
    service: str,
    arguments: Sequence[Optional[str]],
    secret: Optional[str] = None,
) -> Mapping[str, Any]:
    global _paused_until
    if time.monotonic() < _paused_until:
        raise Unanswered("the agent did not answer a moment ago", quiet=True)
    try:
        return _over_socket(method, asked, service, arguments, secret)
    except (socket.timeout, subprocess.TimeoutExpired):
        _paused_until = time.monotonic() + PAUSE
        raise Unanswered("credential-helper's agent does not answer: see `helper doctor`") from None
    except context.NotText as error:
        raise Unanswered(f"could not ask credential-helper's agent: {error}") from None
    except (OSError, client.NoAgent) as error:
        raise Unanswered(f"could not ask credential-helper's agent: {error}") from None


def _over_socket(
    method: str,
    asked: dict[str, Any],
    service: str,
    arguments: Sequence[Optional[str]],
    secret: Optional[str],
) -> Mapping[str, Any]:
    reads = method == "Get"
    where = place.find() if os.name == "posix" and not os.environ.get(place.NO_AGENT) else None
    if where is None:
        return _by_program(arguments, secret)
    told = context.bare() if where.foreign else context.context(service)
    if where.foreign and reads and context.variables(os.environ, service):
        # Our own variables come first; whoever reads them by all the rules asks the socket too.
        return _by_program(arguments, secret, without_agent=False)
    parameters = {**asked, "context": told}
    if reads:
        parameters = {"question": parameters}
    for again in (True, False):
        try:
            connection = _connect(where)
        except client.NoAgent:
            return _by_program(arguments, secret)
        with connection:
            try:
                return _call(connection, method, parameters, where)
            except client.Gone:
                if not (again and reads):
                    raise
            except client.AgentError as error:
                if error.name != "OtherSettings":
                    raise
                return _by_program(arguments, secret)
    raise AssertionError("the second round returns or raises")


def _connect(where: place.Place) -> socket.socket:
    global _tried_to_start
    try:
        return client.connect(where.socket, CONNECT_TIME)
    except client.NoAgent:
        if where.foreign:
            raise Unanswered(f"no agent listens at the mounted socket {where.socket}") from None
    from . import start

    with _lock:
        if _tried_to_start:
            return client.connect(where.socket, CONNECT_TIME)
        _tried_to_start = True
        helperd = program.find("helperd")
        if helperd is None:
            raise client.NoAgent(f"there is no program to start an agent at {where.socket}")
        try:
            return start.start(where, helperd)
        except start.NotStarted as error:
            raise client.NoAgent(str(error)) from None


def _call(
    connection: socket.socket, method: str, parameters: Mapping[str, Any], where: place.Place
) -> Mapping[str, Any]:
    def alive() -> bool:
        try:
            with client.connect(where.socket, SIGN_OF_LIFE) as second:
                client.call(second, "org.varlink.service.GetInfo", {}, SIGN_OF_LIFE)
                return True
        except (OSError, client.NoAgent, client.AgentError):
            return False

    answer: Mapping[str, Any] = client.call(connection, method, parameters, LONGEST, SILENCE, alive)
    return answer


def _by_program(
    arguments: Sequence[Optional[str]], secret: Optional[str], without_agent: bool = True
) -> Mapping[str, Any]:
    """The same question by the command line, which does the work in its own process."""
    helper = program.find("helper")
    if helper is None:
        raise Unanswered("no agent listens, and there is no program `helper` to ask", quiet=True)
    if None in arguments:
        raise Unanswered("no agent listens, and a command line cannot ask for this", quiet=True)
    method, *rest = [argument for argument in arguments if argument is not None]
    options = ["--json", "--non-interactive", *(["--no-agent"] if without_agent else [])]
    ended = subprocess.run(
        [str(helper), method, *options, *rest],
        input=(secret or "").encode(),
        capture_output=True,
        timeout=LONGEST,
        check=False,
        cwd=context.working_folder(sys.argv),
    )
    try:
        told = json.loads(ended.stdout if ended.returncode == 0 else ended.stderr)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Unanswered(f"{helper} ended with status {ended.returncode} and said nothing of use")
    if ended.returncode == 0:
        return told
    word = str(told.get("error") or "internal").title().replace("-", "")
    raise client.AgentError(word, told)
