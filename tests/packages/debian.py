"""The Debian packages: built, looked at, installed into a fresh Debian, used there by an ordinary user, checked
and purged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from pathlib import Path
from typing import Any
from typing import Optional

import root
import shells
import support
import units

from support import VARIABLES
from support import Installation
from support import run

USER = "alice"
HOME = f"/home/{USER}"
RUNTIME = f"/run/user/{USER}"
INSIDE = "CREDENTIAL_HELPER_TEST_INSIDE"
# What dpkg itself keeps of its work, and what is no part of the system.
NOT_LEFT = ("/var/log", "/var/lib/dpkg", "/var/cache", "/proc", "/dev", "/run", "/tmp", "/home")
OPTIONS = support.arguments(__doc__)


class Debian(unittest.TestCase):
    folder: Path
    system: Path
    programs: Path
    backend: Path
    before: set[str]
    user: Installation

    @classmethod
    def setUpClass(cls) -> None:
        base = root.base()
        cls.folder = Path(tempfile.mkdtemp(prefix="helper-"))
        cls.programs, cls.backend = support.build("deb.sh", OPTIONS.binaries, cls.folder / "built", "--quick")
        layer = cls.folder / "layer"
        layer.mkdir()
        cls.mount("-t", "tmpfs", "none", layer)
        for name in ("above", "work", "system"):
            (layer / name).mkdir()
        cls.system = layer / "system"
        lower = f"lowerdir={base},upperdir={layer / 'above'},workdir={layer / 'work'}"
        cls.mount("-t", "overlay", "overlay", "-o", lower, cls.system)
        cls.mount("-t", "proc", "proc", cls.system / "proc")
        cls.inside("useradd", "--create-home", USER)
        cls.inside("mkdir", "-p", "/run/user")
        cls.inside("install", "-d", "-m", "700", "-o", USER, RUNTIME)
        cls.before = cls.files()
        for package in (cls.programs, cls.backend):
            shutil.copy(package, cls.system / "tmp")
        cls.inside("dpkg", "-i", f"/tmp/{cls.programs.name}", f"/tmp/{cls.backend.name}")
        environment = {"PATH": "/usr/bin:/bin", "HOME": HOME, "XDG_RUNTIME_DIR": RUNTIME, "LANG": "C.UTF-8"}
        cls.user = Installation("/usr", environment, ["chroot", f"--userspec={USER}", str(cls.system)])

    @classmethod
    def tearDownClass(cls) -> None:
        # The mounts are of this process's own namespace, and the last process ends with it.
        for mounted in (cls.system / "proc", cls.system, cls.folder / "layer"):
            run(["umount", "--lazy", mounted], root.QUIET)
        shutil.rmtree(cls.folder)

    @staticmethod
    def mount(*arguments: object) -> None:
        run(["mount", *arguments], root.QUIET)

    @classmethod
    def inside(cls, *command: object, **options: Any) -> str:
        return run(["chroot", cls.system, *command], root.QUIET, **options)

    @classmethod
    def files(cls) -> set[str]:
        left_out = [part for path in NOT_LEFT for part in ("-path", path, "-prune", "-o")]
        return set(cls.inside("find", "/", "-xdev", *left_out, "-print").splitlines())

    def test_1_the_packages(self) -> None:
        again = support.build("deb.sh", OPTIONS.binaries, self.folder / "again", "--quick")
        for package, other in zip((self.programs, self.backend), again):
            self.assertEqual(package.read_bytes(), other.read_bytes(), f"{package.name} is not reproducible")
            for line in run(["dpkg-deb", "--contents", package], root.QUIET).splitlines():
                mode, owner, name = line.split()[0], line.split()[1], line.split()[5]
                self.assertEqual(owner, "root/root", line)
                # CVE-2024-32478: files of a package that belonged to somebody, or were open to a group.
                self.assertFalse(mode[0] != "l" and ("w" in mode[5:] or "s" in mode), line)
                self.assertNotIn("__pycache__", name)
        needs = run(["dpkg-deb", "--field", self.programs, "Depends"], root.QUIET)
        static = "NEEDED" not in run(["objdump", "-p", OPTIONS.binaries / "helperd"], root.QUIET)
        self.assertEqual(needs.strip() == "", static, needs)

    def test_2_used_by_an_ordinary_user(self) -> None:
        self.user.prove("/usr/libexec/credential-helper/helperd")
        # There is no bus here, which is a problem of the repository that the settings name.
        whole = self.user.run("helper", "doctor", "--offline", status=1)
        self.assertIn("this helper is the first on the PATH", whole)

    def test_3_the_backend_of_the_system_s_python(self) -> None:
        listed = self.user.run("python3", "-m", "keyring", "--list-backends")
        self.assertIn("credential_helper.backend.Keyring (priority: 20)", listed.splitlines())
        command = ("python3", "-m", "keyring", "get", "poetry-repository-foo", "alice")
        self.assertEqual(self.user.run(*command, variables=VARIABLES), "hunter2\n")
        self.assertEqual(self.user.agent()["started_by"], "client")
        self.user.run("helper", "agent", "stop")

    def test_4_manual_pages(self) -> None:
        pages = self.inside("sh", "-c", "ls /usr/share/man/man1/helper*.1.gz").split()
        self.assertGreater(len(pages), 30)
        for page in pages:
            self.inside("sh", "-c", f"gzip -dc {page} | mandoc -Tlint", silent=True)
            where = self.user.run("mman", "-w", Path(page).name.removesuffix(".1.gz"))
            self.assertEqual(where.strip(), page)

    def test_5_completions(self) -> None:
        shells.bash(self.user.run)

    def test_6_socket_activation(self) -> None:
        unit = (self.system / "usr/lib/systemd/user/credential-helper.service").read_text(encoding="utf-8")
        said = units.value(unit, "ExecStart")
        units.activated(self.user, f"{RUNTIME}/credential-helper/agent.sock", said.split())

    def test_7_units(self) -> None:
        folder = Path("/usr/lib/systemd/user")
        both = [folder / f"credential-helper.{kind}" for kind in ("socket", "service")]
        self.user.run("systemd-analyze", "--user", "--man=no", "verify", *both, silent=True)

    def test_8_as_it_was_installed(self) -> None:
        names = ("credential-helper", "python3-credential-helper")
        self.assertEqual(self.inside("dpkg", "--verify", *names), "")
        self.inside("dpkg", "--purge", *names)
        self.assertEqual(self.files() - self.before, set())
        self.assertEqual(self.before - self.files(), set())

    def test_9_other_formats(self) -> None:
        packaging = support.PACKAGING
        for program, arguments, folder in (("ruby", ["-c"], "homebrew"), ("nix-instantiate", ["--parse"], "nix")):
            for file in sorted((packaging / folder).iterdir()):
                shutil.copy(file, self.system / "tmp")
                self.inside(program, *arguments, f"/tmp/{file.name}")


def main() -> None:
    missing: Optional[str] = root.missing(OPTIONS.quick)
    if missing:
        print(f"not here: {missing}")
        return
    if INSIDE not in os.environ:
        # Mounts and processes of its own: nothing of either is left, whatever happens.
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, *sys.argv]
        sys.exit(subprocess.run(own, env={**os.environ, INSIDE: "1"}, check=False).returncode)
    support.main(Debian)


if __name__ == "__main__":
    main()
