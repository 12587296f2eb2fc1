#!/usr/bin/env python3
"""The unit, its drop-ins, the socket, the user and the folders, without starting them."""

import os
import pathlib
import re
import shutil
import stat
import tempfile
import unittest

from support import BINARY, MANUAL, SYSTEMD, main, needs, run

EXPOSURE_MAX = 15  # tenths


def systemd_version():
    words = run("systemd-analyze", "--version").stdout.split()
    return int(words[1]) if len(words) > 1 else 0


@needs("systemd-analyze", "systemd")
class Units(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rruled-units-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.folder = self.root / "etc/systemd/system"
        self.folder.mkdir(parents=True)
        self.unit = (SYSTEMD / "rruled.service.in").read_text()
        self.unit = self.unit.replace("@CMAKE_INSTALL_FULL_BINDIR@", str(BINARY.parent))
        self.unit = self.unit.replace("@CMAKE_INSTALL_FULL_DOCDIR@", "/usr/share/doc/rruled")
        (self.folder / "rruled.service").write_text(self.unit)
        shutil.copy(SYSTEMD / "rruled.socket", self.folder)

    def add_drop_in(self, unit, name):
        folder = self.folder / f"{unit}.d"
        folder.mkdir(exist_ok=True)
        shutil.copy(SYSTEMD / "examples" / name, folder)

    def verify(self):
        environment = {
            **os.environ,
            "SYSTEMD_UNIT_PATH": f"{self.folder}:",
            "MANPATH": f"{MANUAL}/man",
        }
        done = run("systemd-analyze", "verify", "rruled.service", "rruled.socket", env=environment)
        return done.returncode, done.stdout + done.stderr

    def exposure(self, threshold):
        done = run(
            "systemd-analyze",
            "security",
            "--offline=true",
            f"--threshold={threshold}",
            f"--root={self.root}",
            "rruled.service",
        )
        return done.returncode, done.stdout.strip().split("\n")[-1]

    def test_they_verify(self):
        self.assertEqual(self.verify(), (0, ""))

    def test_verify_sees_mistakes(self):
        (self.folder / "rruled.service").write_text(
            self.unit + "\n[Service]\nProtectSytem=strict\n"
        )
        self.assertIn("ProtectSytem", self.verify()[1])

    def test_drop_ins_verify(self):
        for name in ("local-commands.conf", "credentials.conf"):
            self.add_drop_in("rruled.service", name)
        self.add_drop_in("rruled.socket", "tcp-socket.conf")
        self.assertEqual(self.verify(), (0, ""))

    @unittest.skipIf(systemd_version() < 253, "Type=notify-reload needs systemd 253")
    def test_notify_reload_verifies(self):
        self.add_drop_in("rruled.service", "notify-reload.conf")
        self.assertEqual(self.verify(), (0, ""))

    def test_exposure(self):
        code, line = self.exposure(EXPOSURE_MAX)
        self.assertEqual(code, 0, line)
        print(line)

    def test_exposure_with_local_commands(self):
        self.add_drop_in("rruled.service", "local-commands.conf")
        self.assertEqual(self.exposure(30)[0], 0)
        # It opens something, or it is not read.
        self.assertNotEqual(self.exposure(EXPOSURE_MAX)[0], 0)

    def test_user_and_folders(self):
        if os.geteuid() != 0:
            self.skipTest("only root gives folders away")
        done = run("systemd-sysusers", f"--root={self.root}", SYSTEMD / "rruled.sysusers")
        self.assertEqual((done.returncode, done.stderr.count("Failed")), (0, 0), done.stderr)
        passwd = (self.root / "etc/passwd").read_text()
        (line,) = [each for each in passwd.split("\n") if each.startswith("rruled:")]
        uid, gid, home, shell = (line.split(":")[i] for i in (2, 3, 5, 6))
        self.assertEqual((home, shell), ("/var/lib/rruled", "/usr/sbin/nologin"))

        config = self.root / "etc/rruled/rruled.toml"
        config.parent.mkdir()
        shutil.copy(SYSTEMD / "rruled.toml", config)
        done = run(
            "systemd-tmpfiles", f"--root={self.root}", "--create", SYSTEMD / "rruled.tmpfiles"
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        modes = {}
        for path in (
            "var/lib/rruled",
            "etc/rruled",
            "etc/rruled/secrets",
            "etc/rruled/rruled.toml",
        ):
            found = (self.root / path).stat()
            modes[path] = (oct(stat.S_IMODE(found.st_mode)), found.st_uid, found.st_gid)
        self.assertEqual(
            modes,
            {
                "var/lib/rruled": ("0o700", int(uid), int(gid)),
                "etc/rruled": ("0o755", 0, 0),
                "etc/rruled/secrets": ("0o700", 0, 0),
                "etc/rruled/rruled.toml": ("0o640", 0, int(gid)),
            },
        )


class Configuration(unittest.TestCase):
    def check(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(text)
            file.flush()
            credentials = {**os.environ, "CREDENTIALS_DIRECTORY": "/tmp"}
            return run(BINARY, "check-config", "--config", file.name, env=credentials)

    def test_the_example_is_good(self):
        done = self.check((SYSTEMD / "rruled.toml").read_text())
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_so_is_what_it_has_in_comments(self):
        lines, opened = [], 0
        for line in (SYSTEMD / "rruled.toml").read_text().split("\n"):
            if re.match(r"# (\w+ = |\[)", line):
                line, opened = line.removeprefix("# "), opened + 1
                if line.startswith("url"):  # another value of the one above
                    lines = [each for each in lines if not each.startswith("url")]
            lines.append(line)
        self.assertGreater(opened, 5)
        with tempfile.NamedTemporaryFile(dir="/tmp") as token:
            token.write(b"secret\n")
            token.flush()
            text = "\n".join(lines).replace("crm.token", pathlib.Path(token.name).name)
            done = self.check(text)
        self.assertEqual(done.returncode, 0, done.stderr + text)


if __name__ == "__main__":
    main()
