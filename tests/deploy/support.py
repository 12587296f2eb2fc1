"""What the deployment tests share: where things are, a daemon of their own, and how a test is
skipped."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("DEPLOY_BUILD", SOURCE / "build/dev"))
BINARY = pathlib.Path(os.environ.get("DEPLOY_BINARY", BUILD / "daemon/rruled"))
SYSTEMD = SOURCE / "systemd"
MANUAL = BUILD / "systemd/manual"
PATIENCE = 20  # seconds; nothing takes so long unless it is broken
SKIPPED = 77  # what CTest takes for "skipped"


def run(*argv, **more):
    """A program's whole run: returncode, stdout, stderr."""
    return subprocess.run(
        [str(each) for each in argv],
        capture_output=True,
        text=True,
        stdin=more.pop("stdin", subprocess.DEVNULL),
        check=False,
        **more,
    )


def needs(program, package):
    """Decorator: the test is skipped, and says so, where `program` is missing."""
    return unittest.skipUnless(
        shutil.which(program), f"{program} is missing: apt install {package}"
    )


def settings():
    """Every setting of the program, as it tells of itself."""
    return json.loads(run(BINARY, "check-config", "--explain", "--format", "json").stdout)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def get(socket_path, target):
    """(status, body) of a GET over a unix socket."""
    with contextlib.closing(UnixConnection(socket_path)) as connection:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, response.read().decode()


class Daemon:
    """`rruled run` in a folder of its own, with the API on a socket there, once it is ready;
    use in `with`."""

    def __init__(self, flows, config=""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rruled-deploy-"))
        self.socket = self.folder / "api.sock"
        (self.folder / "rruled.toml").write_text(
            f'[store]\nurl = "sqlite://{self.folder}/rruled.db"\n'
            f'[api]\nlisten = "unix:{self.socket}"\nauth = "none"\n{config}'
        )
        (self.folder / "flows.json").write_text(json.dumps({"flows": flows}))
        self.process = None

    def __enter__(self):
        config = ["--config", self.folder / "rruled.toml"]
        done = run(BINARY, "import", self.folder / "flows.json", *config)
        assert done.returncode == 0, done.stderr
        notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notified.settimeout(PATIENCE)
        notified.bind(str(self.folder / "notify"))
        self.process = subprocess.Popen(
            [str(each) for each in (BINARY, "run", *config)],
            env={**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            while b"READY=1" not in notified.recv(4096):
                pass
        except OSError:
            self.__exit__()
            raise
        finally:
            notified.close()
        return self

    def read_until(self, text):
        """Reads its log up to a line with `text`."""
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError(f"the daemon ended without saying {text!r}")

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        shutil.rmtree(self.folder)


def main():
    result = unittest.main(module="__main__", verbosity=2, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        sys.exit(SKIPPED)
