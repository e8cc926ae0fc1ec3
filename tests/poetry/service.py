"""A private session bus with a real gnome-keyring on it, and the state of that keyring."""

from __future__ import annotations

import os
import signal
import subprocess

from pathlib import Path
from types import TracebackType
from typing import Any
from typing import Optional

import secretstorage

from jeepney import DBusAddress
from jeepney import MatchRule
from jeepney import message_bus
from jeepney import new_method_call
from jeepney.io.blocking import Proxy
from jeepney.io.blocking import open_dbus_connection
from secretstorage.util import format_secret
from secretstorage.util import open_session

BUS_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
SECRETS = "org.freedesktop.secrets"
PASSWORD = b"keyring-password"
# The longest wait for a daemon that is about to say that it is ready.
READY_SECONDS = 20


class Bus:
    """A bus that starts nothing by itself, and gnome-keyring with its login collection open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runtime = folder / "runtime"
        self.home = folder / "home"
        for path in (self.runtime, self.home):
            path.mkdir(parents=True, mode=0o700)
        self.address = f"unix:path={self.runtime / 'bus'}"
        self.children: list[subprocess.Popen] = []

    def __enter__(self) -> Bus:
        configuration = self.folder / "bus.conf"
        socket = self.runtime / "bus"
        configuration.write_text(BUS_CONFIGURATION.format(socket=socket), encoding="utf-8")
        command = ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address"]
        daemon = self._start(command, stdout=subprocess.PIPE)
        if not daemon.stdout.readline():
            raise RuntimeError("dbus-daemon did not start")
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = self.address
        with open_dbus_connection(self.address) as connection:
            proxy = Proxy(message_bus, connection)
            rule = MatchRule(
                type="signal", sender="org.freedesktop.DBus", member="NameOwnerChanged"
            )
            rule.add_arg_condition(0, SECRETS)
            proxy.AddMatch(rule)
            with connection.filter(rule) as owners:
                command = ["gnome-keyring-daemon", "--foreground", "--unlock"]
                command += ["--components=secrets"]
                keyring = self._start(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
                keyring.stdin.write(PASSWORD)
                keyring.stdin.close()
                if not proxy.NameHasOwner(SECRETS)[0]:
                    connection.recv_until_filtered(owners, timeout=READY_SECONDS)
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        for child in reversed(self.children):
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(READY_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def environment(self) -> dict:
        """What a client of this bus needs, and nothing of the caller's own."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "DBUS_SESSION_BUS_ADDRESS": self.address,
        }

    def _start(self, command: list[str], **pipes: Any) -> subprocess.Popen:
        child = subprocess.Popen(
            command, env=self.environment(), stderr=subprocess.DEVNULL, **pipes
        )
        self.children.append(child)
        return child


class Keyring:
    """What is in the default collection."""

    def __init__(self) -> None:
        self.connection = secretstorage.dbus_init()
        self.collection = secretstorage.get_default_collection(self.connection)
        self.has: dict = {}
        self.locked = False

    def become(self, items: dict, locked: bool) -> None:
        """Gives the collection exactly these items, {(service, user): secret}."""
        self._lock(False)
        if items != self.has:
            for item in list(self.collection.get_all_items()):
                item.delete()
            for (service, user), secret in items.items():
                self.add(service, user, secret)
            self.has = dict(items)
        self._lock(locked)

    def add(self, service: str, user: str, secret: str) -> None:
        """Adds one item as Python's keyring does."""
        attributes = {
            "service": service,
            "username": user,
            "application": "Python keyring library",
        }
        label = f"Password for '{user}' on '{service}'"
        self.collection.create_item(label, attributes, secret.encode(), replace=True)

    def clear(self) -> None:
        """Removes every item."""
        self.has = {"unknown": ""}
        self.become({}, False)

    def secrets(self, service: str, user: str) -> list[str]:
        """The secrets of every item of that service and user."""
        found = self.collection.search_items({"service": service, "username": user})
        return [item.get_secret().decode() for item in found]

    def _lock(self, locked: bool) -> None:
        if locked == self.locked:
            return
        if locked:
            self._call("org.freedesktop.Secret.Service", "Lock", "ao", ([self._path()],))
        else:
            session = open_session(self.connection)
            secret = format_secret(session, PASSWORD, "text/plain")
            # What gcr's own tests use: opens a collection without a prompt.
            interface = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"
            self._call(interface, "UnlockWithMasterPassword", "o(oayays)", (self._path(), secret))
        self.locked = locked

    def _path(self) -> str:
        return self.collection.collection_path

    def _call(self, interface: str, method: str, signature: str, body: tuple) -> None:
        address = DBusAddress("/org/freedesktop/secrets", SECRETS, interface)
        message = new_method_call(address, method, signature, body)
        reply = self.connection.send_and_get_reply(message)
        if reply.header.message_type.name != "method_return":
            raise RuntimeError(f"{method}: {reply.body}")
