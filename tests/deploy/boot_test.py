#!/usr/bin/env python3
"""The packaged daemon on a real systemd: it starts, fires, is watched, reloads, drains."""

import contextlib
import datetime
import json
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

import machine
from support import PATIENCE, SYSTEMD, get, main

STORE = "/var/lib/rruled/rruled.db"
DROP_INS = "/etc/systemd/system/rruled.service.d"
LOG = '[executors.default]\ntype = "log"\n'
SOCKET = "/run/rruled/api.sock"
API = f'[api]\nlisten = "unix:{SOCKET}"\nauth = "none"\n'
WATCHED = "[Service]\nWatchdogSec=2\n"  # not half a minute in a test
RECEIVER_PORT = 8099


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


@unittest.skipIf(machine.cannot_run(), machine.cannot_run())
class Booted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        deb = machine.package()
        try:
            base = machine.tree(deb)
        except OSError as error:
            raise unittest.SkipTest(f"no tree to boot: {error}") from error
        with contextlib.ExitStack() as stack:
            root = stack.enter_context(machine.overlay(base))
            shutil.copy(deb, root / "srv/rruled.deb")
            cls.host = stack.enter_context(machine.Machine(root))
            cls.addClassCleanup(stack.pop_all().close)
        cls.host.check("dpkg", "-i", "/srv/rruled.deb")

    def setUp(self):
        self.started_at = time.strftime("%Y-%m-%d %H:%M:%S")

    def begin(self, config=LOG, drop_ins=(), schedules=({"rrule": "FREQ=SECONDLY"},)):
        """A daemon with a new store, this configuration, and a flow with these schedules."""
        host = self.host
        host.run("systemctl", "stop", "rruled.socket", "rruled.service")
        host.check("sh", "-c", f"rm -rf {DROP_INS} {STORE}*")
        host.write("/etc/rruled/rruled.toml", f'[store]\nurl = "sqlite://{STORE}"\n{config}')
        for name, text in dict(drop_ins).items():
            host.write(f"{DROP_INS}/{name}", text)
        flow = {
            "project_id": 1,
            "name": "tick",
            "status": "active",
            "trigger": {"type": "schedule"},
            "schedules": [{"starts_at": "now", **each} for each in schedules],
        }
        host.write("/srv/flows.json", json.dumps({"flows": [flow]}))
        host.rruled("import", "/srv/flows.json")
        host.check("systemctl", "daemon-reload")
        host.run("systemctl", "reset-failed", "rruled")
        host.check("systemctl", "start", "rruled")

    def runs(self, status="completed"):
        listed = self.host.rruled("runs", "list", "--limit", "10000", "--format", "json")
        listed = json.loads(listed)
        listed = listed if isinstance(listed, list) else listed["results"]
        return [each for each in listed if each["status"] == status]

    def wait_for_runs(self, count, after=None):
        def enough():
            ended = self.runs()
            if after:
                ended = [each for each in ended if instant(each["scheduled_for"]) > after]
            return len(ended) >= count and ended

        ended = self.host.wait_until(enough, 2 * PATIENCE)
        self.assertTrue(ended, self.log())
        return ended

    def log(self, *argv):
        return self.host.journal("--since", self.started_at, *argv)

    def wait_for_log(self, text):
        self.host.wait_until(lambda: text in self.log())
        self.assertIn(text, self.log())

    def assert_each_second_ran(self):
        """Every second between the first and the last run has its run; none has two."""
        seconds = sorted(instant(each["scheduled_for"]) for each in self.runs())
        steps = {(b - a).total_seconds() for a, b in zip(seconds, seconds[1:])}
        self.assertEqual(steps, {1.0}, self.log())

    def pid(self):
        return int(self.host.show("rruled", "MainPID"))

    def now(self):
        return datetime.datetime.now(datetime.timezone.utc)

    def test_it_starts_and_fires(self):
        self.begin()
        self.assertEqual(
            self.host.show("rruled", "ActiveState", "Type", "User"), ["active", "notify", "rruled"]
        )
        self.wait_for_runs(3)
        self.assertIn("due soon", self.host.show("rruled", "StatusText"))
        self.assertIn("tick", self.log())

    def test_its_sandbox_holds(self):
        self.begin()
        status = self.host.check("cat", f"/proc/{self.pid()}/status")
        values = dict(line.split(":\t", 1) for line in status.strip().split("\n"))
        self.assertEqual(values["CapBnd"].strip("0"), "")
        self.assertEqual((values["NoNewPrivs"], values["Seccomp"]), ("1", "2"))
        self.assertNotEqual(values["Uid"].split()[0], "0")
        self.host.check("mkdir", "-p", "/home/somebody")
        inside = ["nsenter", "-t", str(self.pid()), "-m", "--"]
        self.assertEqual(self.host.check(*inside, "ls", "/home").strip(), "")
        for path in ("/usr/x", "/etc/x", "/srv/x"):
            self.assertIn("Read-only", self.host.run(*inside, "touch", path).stderr)
        done = self.host.run("systemd-analyze", "security", "--threshold=15", "rruled")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_watchdog_restarts_a_loop_that_hangs(self):
        self.begin(drop_ins={"watched.conf": WATCHED})
        self.wait_for_runs(2)
        self.host.signal("STOP", self.pid())
        self.wait_for_log("Watchdog timeout")
        hung = self.now()
        self.wait_for_runs(2, after=hung)
        self.assertEqual(self.host.show("rruled", "NRestarts"), "1")
        self.assert_each_second_ran()

    def test_a_quiet_daemon_is_not_restarted(self):
        self.begin(drop_ins={"watched.conf": WATCHED}, schedules=[{"rrule": "FREQ=YEARLY"}])
        fed = self.host.show("rruled", "WatchdogTimestampMonotonic")
        self.host.wait_until(lambda: self.host.show("rruled", "WatchdogTimestampMonotonic") != fed)
        again = self.host.show("rruled", "WatchdogTimestampMonotonic")
        self.assertGreater(int(again), int(fed))
        self.assertEqual(self.host.show("rruled", "NRestarts"), "0")

    def test_it_survives_kill_9(self):
        self.begin(drop_ins={"soon.conf": "[Service]\nRestartSec=1\n"})
        self.wait_for_runs(2)
        self.host.signal("KILL", self.pid())
        killed = self.now()
        self.wait_for_runs(2, after=killed + datetime.timedelta(seconds=1))
        self.assertEqual(self.host.show("rruled", "NRestarts"), "1")
        self.assert_each_second_ran()

    def test_stop_drains(self):
        slow = '[executors.default]\ntype = "command"\nargv = ["/bin/sleep", "2"]\n'
        self.begin(slow)
        self.host.wait_until(lambda: self.runs("dispatching"))
        under_way = {each["id"] for each in self.runs("dispatching")}
        self.assertTrue(under_way)
        self.host.check("systemctl", "stop", "rruled")
        self.assertEqual(self.host.show("rruled", "Result", "ExecMainStatus"), ["success", "0"])
        self.assertLessEqual(under_way, {each["id"] for each in self.runs()})
        self.assertEqual(self.runs("dispatching"), [])

    def test_reload(self):
        self.begin()
        self.wait_for_runs(1)
        pid = self.pid()
        for text in ('level = "debug"', 'levle = "debug"'):
            config = f'[store]\nurl = "sqlite://{STORE}"\n{LOG}[log]\n'
            self.host.write("/etc/rruled/rruled.toml", config + text)
            self.host.check("systemctl", "reload", "rruled")
            reloaded = self.now()
            if "levle" in text:
                self.wait_for_log("levle")
            self.host.write("/etc/rruled/rruled.toml", config)  # which the command line reads, too
            self.wait_for_runs(2, after=reloaded)
            self.assertEqual((self.pid(), self.host.show("rruled", "ActiveState")), (pid, "active"))
        self.assert_each_second_ran()

    def test_a_bad_configuration_is_not_tried_again(self):
        self.begin()
        self.host.check("systemctl", "stop", "rruled")
        self.host.write("/etc/rruled/rruled.toml", "[stoer]\n")
        self.assertNotEqual(self.host.run("systemctl", "start", "rruled").returncode, 0)
        self.assertEqual(
            self.host.show("rruled", "ActiveState", "ExecMainStatus", "NRestarts"),
            ["failed", "78", "0"],
        )
        self.assertIn("stoer", self.log())

    def test_credentials(self):
        host = self.host
        host.write("/etc/rruled/secrets/crm.token", "tok-1f8e\n", 0o600)
        host.write("/etc/rruled/secrets/store.url", "sqlite:///var/lib/rruled/secret.db\n", 0o600)
        host.check("sh", "-c", "rm -f /var/lib/rruled/secret.db*")
        config = (
            '[executors.default]\ntype = "http"\ntoken_file = "credential:crm.token"\n'
            f'url = "http://127.0.0.1:{RECEIVER_PORT}/in"\n'
        )
        receiver = subprocess.Popen(
            [
                "nsenter",
                "-t",
                host.leader,
                "-n",
                "--",
                sys.executable,
                "-B",
                str(pathlib.Path(__file__).with_name("receiver.py")),
                str(RECEIVER_PORT),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(receiver.communicate)
        self.addCleanup(receiver.kill)
        self.assertEqual(receiver.stdout.readline().strip(), "listening")
        self.begin(LOG)
        host.check("systemctl", "stop", "rruled")
        host.check("runuser", "-u", "rruled", "--", "cp", STORE, "/var/lib/rruled/secret.db")
        host.write("/etc/rruled/rruled.toml", config)
        host.write(
            f"{DROP_INS}/credentials.conf", (SYSTEMD / "examples/credentials.conf").read_text()
        )
        host.check("systemctl", "daemon-reload")
        host.check("systemctl", "start", "rruled")
        self.assertEqual(receiver.stdout.readline().strip(), "Bearer tok-1f8e")
        self.assertIn("secret.db", self.log())
        self.assertNotIn("tok-1f8e", self.log())

    def test_local_commands(self):
        host = self.host
        host.check("install", "-d", "-o", "rruled", "/srv/out", "/home/rruled-out")
        script = "[ -w /home/rruled-out ] && touch /srv/out/$RRULED_RUN_ID"
        config = f'[executors.default]\ntype = "command"\nargv = ["/bin/sh", "-c", "{script}"]\n'
        self.begin(config)
        self.host.wait_until(lambda: self.runs("failed"))
        self.assertTrue(self.runs("failed"))
        self.assertEqual(self.runs(), [])
        drop_in = (SYSTEMD / "examples/local-commands.conf").read_text()
        self.begin(config, {"local-commands.conf": drop_in})
        self.assertTrue(self.wait_for_runs(1))
        self.assertEqual(self.runs("failed"), [])

    def test_the_journal_has_fields(self):
        self.begin(LOG + '[log]\nformat = "journald"\n')
        self.wait_for_runs(2)
        lines = [json.loads(line) for line in self.log("-o", "json").strip().split("\n")]
        ours = [
            each
            for each in lines
            if each.get("_COMM") == "rruled" and "tick" in str(each["MESSAGE"])
        ]
        self.assertTrue(ours)
        ids = {each["id"] for each in self.runs()}
        self.assertTrue({each.get("RRULED_RUN") for each in ours} & ids, ours[0])
        self.assertEqual({each["PRIORITY"] for each in ours}, {"6"})

    def ready(self):
        """Of the API on its socket, asked from outside: (status, body)."""
        return get(f"/proc/{self.host.leader}/root{SOCKET}", "/readyz")

    def test_the_api_on_a_socket_of_its_own(self):
        self.begin(LOG + API)
        self.assertEqual(self.ready()[0], 200)
        # The folder stays for a socket unit, but nobody listens there any more.
        self.host.check("systemctl", "stop", "rruled")
        with self.assertRaises(OSError):
            self.ready()

    def test_socket_activation(self):
        host = self.host
        self.begin(LOG + API)
        host.check("systemctl", "stop", "rruled")
        host.check("systemctl", "start", "rruled.socket")
        self.addCleanup(host.run, "systemctl", "stop", "rruled.socket", "rruled.service")
        self.assertEqual(host.check("stat", "-c", "%U:%G %a", SOCKET).strip(), "rruled:rruled 660")
        # The first client starts the daemon, and is answered (503 until what is due is loaded).
        self.assertEqual(host.show("rruled", "ActiveState"), "inactive")
        self.assertIn(self.ready()[0], (200, 503))
        self.assertTrue(host.wait_until(lambda: self.ready()[0] == 200))
        self.assertEqual(host.show("rruled", "ActiveState"), "active")
        # A client waits through a restart, and through a crash.
        pid = self.pid()
        host.check("systemctl", "restart", "--no-block", "rruled")
        host.wait_until(lambda: self.pid() != pid)
        self.assertIn(self.ready()[0], (200, 503))
        host.signal("KILL", self.pid())
        self.assertIn(self.ready()[0], (200, 503))
        self.wait_for_runs(1)


if __name__ == "__main__":
    main()
