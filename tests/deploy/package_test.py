#!/usr/bin/env python3
"""The Debian package: lintian, and its life on a real systemd: install, upgrade, remove, purge."""

import contextlib
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import machine
from support import main, needs, run

STORE = "/var/lib/rruled/rruled.db"
CONFIG = "/etc/rruled/rruled.toml"


class Lintian(unittest.TestCase):
    @needs("lintian", "lintian")
    def test_it_has_nothing_to_say(self):
        done = run("lintian", "--allow-root", "--fail-on", "error,warning", machine.package())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


@unittest.skipIf(machine.cannot_run("cpack"), machine.cannot_run("cpack"))
class Life(unittest.TestCase):
    def setUp(self):
        self.deb = machine.package()
        with contextlib.ExitStack() as stack:
            root = stack.enter_context(machine.overlay(machine.tree(self.deb)))
            shutil.copy(self.deb, root / "srv/one.deb")
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            shutil.copy(machine.pack("9.9.9", folder), root / "srv/two.deb")
            self.host = stack.enter_context(machine.Machine(root))
            self.addCleanup(stack.pop_all().close)

    def install(self, name):
        return self.host.check("dpkg", "-i", f"/srv/{name}.deb")

    def exists(self, path):
        return self.host.run("test", "-e", path).returncode == 0

    def state(self):
        return self.host.show("rruled", "ActiveState", "UnitFileState")

    def test_install_upgrade_remove_purge(self):
        host = self.host
        self.install("one")
        self.assertEqual(self.state(), ["active", "enabled"])
        self.assertEqual(
            host.show("rruled.socket", "ActiveState", "UnitFileState"), ["inactive", "disabled"]
        )
        host.rruled("flow", "create", "--name", "kept", "--trigger", "schedule")
        self.assertEqual(host.check("stat", "-c", "%U %a", STORE).strip(), "rruled 600")
        self.assertEqual(host.check("stat", "-c", "%U:%G %a", CONFIG).strip(), "root:rruled 640")
        self.assertIn("/usr/bin/rruled", host.check("dpkg", "-L", "rruled"))
        # Whoever may not read the configuration is told so, and gets no store of defaults instead.
        done = host.run("runuser", "-u", "nobody", "--", "rruled", "flow", "list")
        self.assertEqual(done.returncode, 78, done.stdout)
        self.assertIn(CONFIG, done.stderr)
        # The folder for drop-ins is the one that the file names.
        (named,) = re.findall(r"read from (\S+)/\*\.toml", host.check("cat", CONFIG))
        folder = f"{pathlib.PurePath(CONFIG).parent}/{named}"
        host.check("sh", "-c", f"mkdir {folder} && echo '[log]\nlevel = 7' > {folder}/bad.toml")
        done = host.run("rruled", "check-config")
        self.assertEqual(done.returncode, 78, done.stdout)
        self.assertIn(f"{folder}/bad.toml:2", done.stderr)
        host.check("rm", "-r", folder)

        # A configuration that was changed, and a unit that was disabled, stay so over an upgrade.
        host.check("sh", "-c", f"echo '# mine' >> {CONFIG}")
        before = host.show("rruled", "MainPID")
        self.install("two")
        self.assertEqual(self.state(), ["active", "enabled"])
        self.assertNotEqual(host.show("rruled", "MainPID"), before)
        self.assertIn("9.9.9", host.check("dpkg-query", "-W", "rruled"))
        self.assertIn("# mine", host.check("cat", CONFIG))
        self.assertIn("kept", host.rruled("flow", "list"))
        self.assertEqual(host.show("rruled", "NRestarts"), "0")
        host.check("systemctl", "disable", "--now", "rruled")
        self.install("two")
        self.assertEqual(self.state(), ["inactive", "disabled"])
        host.check("systemctl", "enable", "--now", "rruled")

        # Removed: it stops, having drained; configuration and store stay.
        host.check("dpkg", "-r", "rruled")
        self.assertEqual(host.show("rruled", "ActiveState"), "inactive")
        self.assertNotIn("rruled", host.run("sh", "-c", "cat /proc/[0-9]*/comm").stdout.split())
        self.assertTrue(self.exists(STORE) and self.exists(CONFIG))
        self.assertFalse(self.exists("/usr/bin/rruled"))
        self.install("one")
        self.assertIn("kept", host.rruled("flow", "list"))
        self.assertEqual(self.state(), ["active", "enabled"])

        # Purged: both go; what somebody else put there does not, nor does the user.
        host.check("sh", "-c", "echo secret > /etc/rruled/mine")
        host.check("dpkg", "-P", "rruled")
        self.assertFalse(self.exists("/var/lib/rruled") or self.exists(CONFIG))
        self.assertTrue(self.exists("/etc/rruled/mine"))
        self.assertFalse(self.exists("/etc/systemd/system/multi-user.target.wants/rruled.service"))
        self.assertIn("rruled", host.check("getent", "passwd", "rruled"))
        self.assertEqual(host.check("systemctl", "--failed", "--plain", "--no-legend").strip(), "")


if __name__ == "__main__":
    main()
