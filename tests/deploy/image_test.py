#!/usr/bin/env python3
"""The container image: built without a registry from the tree of machine.py, run by runc as the
image says, with a read-only root and no capabilities."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

import machine
from support import BINARY, BUILD, PATIENCE, SOURCE, SYSTEMD, main, run, settings

SIZE_MAX = 40 * 1000 * 1000
FLOW = {
    "project_id": 1,
    "name": "tick",
    "status": "active",
    "trigger": {"type": "schedule"},
    "schedules": [{"rrule": "FREQ=SECONDLY", "starts_at": "now"}],
}
ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//
BEGIN:VEVENT
UID:1@test
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Prague:20260105T090000
RRULE:FREQ=WEEKLY;BYDAY=MO,WE
EXDATE;TZID=Europe/Prague:20260107T090000
SUMMARY:Weekly
END:VEVENT
END:VCALENDAR
"""


class Storage:
    """buildah's, thrown away with its folder."""

    def __init__(self, folder):
        self.argv = [
            "buildah",
            "--storage-driver",
            "vfs",
            "--root",
            f"{folder}/storage",
            "--runroot",
            f"{folder}/run",
        ]

    def __call__(self, *argv, **more):
        done = run(*self.argv, *argv, **more)
        assert done.returncode == 0, f"buildah {argv}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout.strip()

    def import_tree(self, tree, name):
        container = self("from", "scratch")
        mounted = self("mount", container)
        subprocess.run(["cp", "-a", f"{tree}/.", mounted], check=True)
        self("umount", container)
        self("commit", "--rm", container, name)


def context(folder):
    """What `docker build` would send, with the package of this build in it."""
    target = folder / "context"
    (target / "build/image").mkdir(parents=True)
    for name in ("Dockerfile", ".dockerignore", "dev"):
        shutil.copy(SOURCE / name, target)
    shutil.copytree(SYSTEMD / "image", target / "systemd/image")
    shutil.copy(machine.package(), target / "build/image/rruled.deb")
    built = run("ninja", "-C", BUILD, "rruled_icu_stub")
    assert built.returncode == 0, built.stdout
    (stub,) = (BUILD / "systemd/image").glob("libicudata.so.[0-9]*")
    shutil.copy(stub, target / "build/image")
    return target


@unittest.skipIf(machine.cannot_run("buildah", "runc"), machine.cannot_run("buildah", "runc"))
class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            base = machine.tree(machine.package())
        except OSError as error:
            raise unittest.SkipTest(f"no base to build from: {error}") from error
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rruled-image-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        buildah = Storage(cls.folder)
        buildah.import_tree(base, "localhost/rruled-base")
        buildah(
            "bud",
            "--isolation",
            "chroot",
            "--format",
            "docker",
            "--build-arg",
            "PROGRAM=prebuilt",
            "--build-arg",
            "BASE=localhost/rruled-base",
            "-t",
            "localhost/rruled",
            context(cls.folder),
        )
        inspected = json.loads(buildah("inspect", "--type", "image", "localhost/rruled"))
        cls.config = inspected["Docker"]["config"]
        # One to run from, in which runc makes places for mounts, and one to look at.
        cls.root, cls.untouched = (
            pathlib.Path(buildah("mount", buildah("from", "localhost/rruled"))) for _ in range(2)
        )

    def test_what_it_says_of_itself(self):
        config = self.config
        self.assertEqual(config["Entrypoint"], ["/usr/bin/rruled"])
        self.assertEqual(config["Cmd"], ["run"])
        self.assertRegex(config["User"], r"^[1-9]\d+:[1-9]\d+$")
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(list(config["Volumes"]), ["/var/lib/rruled"])
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "/usr/bin/rruled", "healthcheck"])
        for label in ("title", "description", "licenses", "version"):
            self.assertTrue(config["Labels"][f"org.opencontainers.image.{label}"])
        version = run(BINARY, "--version").stdout.split()[1]
        self.assertEqual(config["Labels"]["org.opencontainers.image.version"], version)

    def test_what_is_in_it(self):
        files = [
            each for each in self.untouched.rglob("*") if each.is_file() and not each.is_symlink()
        ]
        programs = [
            each for each in files if each.stat().st_mode & 0o111 and ".so" not in each.name
        ]
        self.assertEqual([each.name for each in programs], ["rruled"])
        for each in files:
            self.assertFalse(each.stat().st_mode & (stat.S_ISUID | stat.S_ISGID), each)
        self.assertTrue((self.untouched / "usr/share/zoneinfo/Europe/Prague").exists())
        self.assertTrue((self.untouched / "etc/ssl/certs/ca-certificates.crt").exists())
        described = {each.name for each in (self.untouched / "var/lib/dpkg/status.d").iterdir()}
        self.assertLessEqual({"rruled", "libc6", "libssl3", "zlib1g", "tzdata"}, described)
        size = sum(each.stat().st_size for each in files)
        print(
            f"image: {size / 1e6:.1f} MB in {len(files)} files, the program "
            f"{(self.untouched / 'usr/bin/rruled').stat().st_size / 1e6:.1f} MB"
        )
        self.assertLess(size, SIZE_MAX)

    def bundle(self, folder, environment, mounts):
        user, group = (int(each) for each in self.config["User"].split(":"))
        volume = folder / "volume"
        volume.mkdir(mode=0o700)
        os.chown(volume, user, group)
        binds = {str(volume): "/var/lib/rruled", **mounts}
        spec = {
            "ociVersion": "1.0.2",
            "root": {"path": str(self.root), "readonly": True},
            "process": {
                "user": {"uid": user, "gid": group},
                "cwd": self.config["WorkingDir"],
                "args": self.config["Entrypoint"] + self.config["Cmd"],
                "noNewPrivileges": True,
                "env": self.config["Env"] + [f"{k}={v}" for k, v in environment.items()],
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            ]
            + [
                {
                    "destination": inside,
                    "type": "bind",
                    "source": outside,
                    "options": ["bind", "rw" if inside == "/var/lib/rruled" else "ro"],
                }
                for outside, inside in binds.items()
            ],
            "linux": {
                "namespaces": [{"type": each} for each in ("pid", "mount", "ipc", "uts", "network")]
            },
        }
        (folder / "config.json").write_text(json.dumps(spec))

    @contextlib.contextmanager
    def container(self, environment=None, mounts=None):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=self.folder))
        self.bundle(folder, environment or {}, mounts or {})
        process = subprocess.Popen(
            [
                "runc",
                "--root",
                str(folder / "runc"),
                "run",
                "--bundle",
                str(folder),
                "--pid-file",
                str(folder / "pid"),
                self.name(folder),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        process.folder = folder
        try:
            yield process
        finally:
            run("runc", "--root", folder / "runc", "delete", "--force", self.name(folder))
            process.communicate()

    def name(self, folder):
        return f"rruled-{folder.name}"

    def pid(self, container):
        return int((container.folder / "pid").read_text())

    def read_until(self, container, text):
        for line in container.stdout:
            self.assertRegex(line, r'^\{.*"message":.*\}$')
            if text in line:
                return line
        self.fail(f"it ended without saying {text!r}")

    def inside(self, container, *argv, text=None, check=True, env=None):
        variables = [
            word for name, value in (env or {}).items() for word in ("--env", f"{name}={value}")
        ]
        done = subprocess.run(
            [
                "runc",
                "--root",
                str(container.folder / "runc"),
                "exec",
                *variables,
                self.name(container.folder),
                *argv,
            ],
            input=text or "",
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def test_it_fires_is_healthy_and_drains(self):
        with self.container() as container:
            self.read_until(container, "listening")
            self.inside(
                container, "/usr/bin/rruled", "import", "-", text=json.dumps({"flows": [FLOW]})
            )
            for _ in range(3):
                self.read_until(container, "completed")
            status = pathlib.Path(f"/proc/{self.pid(container)}/status").read_text()
            values = dict(re.findall(r"^(\w+):\t(.*)$", status, re.M))
            self.assertEqual({values["CapEff"], values["CapPrm"]}, {"0" * 16})
            self.assertEqual((values["Uid"].split()[0], values["NoNewPrivs"]), ("65532", "1"))
            self.inside(container, *self.config["Healthcheck"]["Test"][1:])
            os.kill(self.pid(container), signal.SIGTERM)
            self.read_until(container, "stopping")
            self.assertEqual(container.wait(PATIENCE), 0)
            self.assertTrue((container.folder / "volume/rruled.db").exists())

    def test_a_daemon_that_hangs_is_not_healthy(self):
        with self.container() as container:
            self.read_until(container, "listening")
            os.kill(self.pid(container), signal.SIGSTOP)
            done = self.inside(container, *self.config["Healthcheck"]["Test"][1:], check=False)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)

    def test_nothing_else_can_be_written(self):
        with self.container() as container:
            self.read_until(container, "listening")
            for path in ("/x.db", "/tmp/x.db", "/etc/rruled/x.db"):
                done = self.inside(
                    container,
                    "/usr/bin/rruled",
                    "flow",
                    "create",
                    "--name",
                    "x",
                    "--trigger",
                    "schedule",
                    env={"RRULED_STORE_URL": f"sqlite://{path}"},
                    check=False,
                )
                self.assertEqual(done.returncode, 1, path)

    def test_secrets_come_from_files(self):
        secret = self.folder / "store.url"
        secret.write_text("sqlite:///var/lib/rruled/from-file.db\n")
        secret.chmod(0o444)
        with self.container(
            {"RRULED_STORE_URL_FILE": "/run/rruled/store.url"},
            {str(secret): "/run/rruled/store.url"},
        ) as container:
            self.read_until(container, "listening")
            self.assertTrue((container.folder / "volume/from-file.db").exists())

    def test_zones_and_calendars_are_whole(self):
        asked = [
            "preview",
            "--cron",
            "30 2 * * *",
            "--timezone",
            "Europe/Prague",
            "--after",
            "2027-03-26T00:00:00Z",
            "--count",
            "4",
        ]
        with self.container() as container:
            self.read_until(container, "listening")
            self.assertEqual(
                self.inside(container, "/usr/bin/rruled", *asked).stdout, run(BINARY, *asked).stdout
            )
            # ICU's data are not there: iCalendar files do not need them.
            self.inside(container, "/usr/bin/rruled", "import", "--from", "ics", "-", text=ICS)
            exported = self.inside(container, "/usr/bin/rruled", "export", "--to", "ics").stdout
            self.assertIn("RRULE:FREQ=WEEKLY;BYDAY=MO,WE", exported)
            self.assertIn("EXDATE;TZID=Europe/Prague:20260107T090000", exported)

    def test_the_environment_it_has_is_of_settings(self):
        known = {each["environment"] for each in settings()}
        for each in self.config["Env"]:
            name = each.split("=")[0]
            if name.startswith("RRULED_"):
                self.assertIn(name.removesuffix("_FILE"), known)


if __name__ == "__main__":
    main()
