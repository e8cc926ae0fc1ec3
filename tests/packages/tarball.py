"""The tarball: unpacked into a home and used there; then the same somewhere else. And what is in every
package: units, completions, manual pages, and the formats of systems that are not here."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

from pathlib import Path

import shells
import support
import units

from support import PACKAGING
from support import ROOT
from support import Installation
from support import run

OPTIONS = support.arguments(__doc__)
UNIT = "share/systemd/user/credential-helper.service"
# Of 100; what systemd calls "ok" ends at 40. The comments of the unit say what the rest is.
EXPOSURE = 36


class Tarball(unittest.TestCase):
    folder: Path
    archive: Path
    prefix: Path
    environment: dict[str, str]
    user: Installation

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="helper-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        (cls.archive,) = support.build("tarball.sh", OPTIONS.binaries, cls.folder / "built")
        home, runtime = cls.folder / "home", cls.folder / "run"
        cls.prefix = home / ".local"
        cls.prefix.mkdir(parents=True)
        runtime.mkdir(mode=0o700)
        into = ["tar", "-xzf", cls.archive, "--strip-components=1", "-C", cls.prefix]
        run(into, dict(os.environ))
        cls.environment = {
            "PATH": f"{cls.prefix}/bin:{os.defpath}",
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(runtime),
            "LANG": "C.UTF-8",
        }
        cls.user = Installation(str(cls.prefix), cls.environment)

    def there(self, *programs: str) -> None:
        for program in programs:
            if not shutil.which(program):
                self.skipTest(f"not here: there is no {program}")

    def test_what_is_in_it(self) -> None:
        with tarfile.open(self.archive) as archive:
            members = archive.getmembers()
        top = self.archive.name.removesuffix(".tar.gz")
        for member in members:
            self.assertTrue(member.name == top or member.name.startswith(f"{top}/"), member.name)
            self.assertEqual((member.uid, member.gid, member.mode & 0o6022), (0, 0, 0), member.name)
            self.assertEqual(member.mtime, int(support.EPOCH["SOURCE_DATE_EPOCH"]), member.name)
        (again,) = support.build("tarball.sh", OPTIONS.binaries, self.folder / "again")
        self.assertEqual(again.read_bytes(), self.archive.read_bytes())
        documents = self.prefix / "share/doc/credential-helper"
        for name in ("INSTALL", "LICENSE-MIT", "LICENSE-APACHE", "docs/setup.md"):
            self.assertTrue((documents / name).is_file(), name)
        licences = (documents / "LICENSES-OF-DEPENDENCIES").read_text(encoding="utf-8")
        for crate in ("serde_json ", "zbus ", "ring ", "pubgrub ", "clap "):
            self.assertIn(f"\n{crate}", licences)
        self.assertIn("Mozilla Public License Version 2.0", licences)

    def test_used(self) -> None:
        helperd = self.prefix / "libexec/credential-helper/helperd"
        self.user.prove(str(helperd))
        # Anywhere: nothing knows the place where it was built or unpacked.
        elsewhere = self.folder / "opt"
        shutil.copytree(self.prefix, elsewhere, symlinks=True)
        Installation(str(elsewhere), self.environment).prove(f"{elsewhere}/libexec/credential-helper/helperd")

    def test_socket_activation(self) -> None:
        self.there("systemd-socket-activate")
        unit = (self.prefix / UNIT).read_text(encoding="utf-8")
        command = units.value(unit, "ExecStart").replace("%h", self.environment["HOME"]).split()
        place = f"{self.environment['XDG_RUNTIME_DIR']}/credential-helper/agent.sock"
        units.activated(self.user, place, command)

    def test_the_agent_inside_the_units_own_limits(self) -> None:
        self.there("systemd-socket-activate", "systemd-analyze")
        unit = self.prefix / UNIT
        drop_in = self.prefix / "share/doc/credential-helper/examples/no-commands.conf"
        helperd = str(self.prefix / "libexec/credential-helper/helperd")
        place = f"{self.environment['XDG_RUNTIME_DIR']}/credential-helper/agent.sock"
        minted = '[repositories.minted]\nusername = "ci"\ncommand = ["/bin/sh", "-c", "printf token"]\n'
        settings = Path(self.environment["HOME"], ".config/credential-helper/config.toml")

        def also() -> None:
            # A file of Poetry's is written, and read anew; a command is run.
            self.user.run("helper", "set", "bar", "bob", stdin="s3cret\n")
            self.assertEqual(self.user.run("helper", "get", "bar"), "username=bob\npassword=s3cret\n")
            self.user.run("helper", "delete", "bar")
            self.assertEqual(self.user.run("helper", "get", "minted"), "username=ci\npassword=token\n")

        self.user.run("mkdir", "-p", settings.parent)
        settings.write_text(minted, encoding="utf-8")
        self.addCleanup(settings.unlink)
        for names in (str(unit), f"{unit},{drop_in}"):
            confined = [sys.executable, str(ROOT / "tests/packages/units.py"), names]
            # That it holds: no other kind of socket, no namespace.
            forbidden = "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"
            run([*confined, sys.executable, "-c", forbidden], self.environment, status=1)
            run([*confined, "unshare", "-U", "true"], self.environment, status=1)
            units.activated(self.user, place, [*confined, helperd, "agent", "run"], also)

    def test_units(self) -> None:
        self.there("systemd-analyze")
        folder = self.folder / "units"
        shutil.copytree(self.prefix / "share/systemd/user", folder)
        environment = {**self.environment, "SYSTEMD_UNIT_PATH": f"{folder}:"}
        both = sorted(folder.iterdir())
        # Its status is 0 whatever it finds.
        run(["systemd-analyze", "--user", "--man=no", "verify", *both], environment, silent=True)
        # It knows system services only, and takes this one for root's. Of an ordinary user's processes it is
        # true that they have no capabilities, and with NoNewPrivileges= get none.
        own = "[Service]\nUser=alice\nCapabilityBoundingSet=\n"
        service = folder / "credential-helper.service"
        rated = folder / "rated.service"
        rated.write_text(service.read_text(encoding="utf-8") + own, encoding="utf-8")
        limit = f"--threshold={EXPOSURE}"
        run(["systemd-analyze", "security", "--offline=true", "--no-pager", limit, rated], environment)
        with rated.open("a", encoding="utf-8") as text:
            text.write((PACKAGING / "systemd/no-commands.conf").read_text(encoding="utf-8"))
        run(["systemd-analyze", "--man=no", "verify", rated], environment)
        limit = f"--threshold={EXPOSURE - 3}"
        run(["systemd-analyze", "security", "--offline=true", "--no-pager", limit, rated], environment)

    def test_completions(self) -> None:
        share = self.prefix / "share"
        self.there("fish", "zsh")
        shells.bash(self.user.run, str(share / "bash-completion/completions/helper"))
        shells.fish(self.user.run, str(share / "fish/vendor_completions.d/helper.fish"))
        shells.zsh(self.environment, share / "zsh/site-functions")

    def test_manual_pages(self) -> None:
        self.there("mandoc")
        pages = sorted((self.prefix / "share/man/man1").iterdir())
        self.assertGreater(len(pages), 30)
        for page in pages:
            text = run(["gzip", "-dc", page], self.environment)
            said = run(["mandoc", "-Tlint"], self.environment, stdin=text, silent=True)
            self.assertEqual(said, "", page.name)

    def test_launchd(self) -> None:
        (file,) = (PACKAGING / "launchd").iterdir()
        with file.open("rb") as text:
            found = plistlib.load(text)
        self.assertEqual(f"{found['Label']}.plist", file.name)
        # What it runs, run here.
        command = found["ProgramArguments"]
        home = self.folder / "mac"
        (home / ".cargo/bin").mkdir(parents=True)
        (home / ".cargo/bin/helperd").symlink_to(self.prefix / "libexec/credential-helper/helperd")
        version = [*command[:-1], command[-1].replace("agent run", "--version")]
        self.assertRegex(run(version, {**self.environment, "HOME": str(home)}), r"\d")
        self.assertEqual(found["Umask"], 0o077)

    def test_formats_of_other_systems(self) -> None:
        for program, arguments, folder in (("ruby", ["-c"], "homebrew"), ("nix-instantiate", ["--parse"], "nix")):
            if not shutil.which(program):
                print(f"not here: there is no {program}; the test of the Debian package has one", file=sys.stderr)
                continue
            for file in sorted((PACKAGING / folder).iterdir()):
                subprocess.run([program, *arguments, file], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    support.main(Tarball)
