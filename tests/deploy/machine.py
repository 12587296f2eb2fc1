"""A Debian with a real systemd: a tree by debootstrap, kept between runs, under an overlay that is
thrown away, booted by systemd-nspawn without a network. Needs root, and a network at first."""

import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time

from support import BUILD, PATIENCE, run

MIRROR = "http://deb.debian.org/debian"
CACHE = pathlib.Path(
    os.environ.get("RRULED_DEPLOY_CACHE", pathlib.Path.home() / ".cache/rruled-deploy")
)
PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "dpkg-deb": "dpkg",
    "nsenter": "util-linux",
}
BOOT_PATIENCE = 60


def cannot_run(*more_programs):
    """Why machines cannot be made here, or ""."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [each for each in [*PROGRAMS, *more_programs] if not shutil.which(each)]
    if missing:
        return f"{', '.join(missing)} missing: ./dev deploy installs what this needs"
    if "overlay" not in pathlib.Path("/proc/filesystems").read_text():
        return "this kernel has no overlay file system"
    return ""


@functools.cache
def package():
    """The package of the build."""
    shutil.rmtree(BUILD / "package", ignore_errors=True)
    return pack()


def pack(version=None, folder=None):
    """Packs the build, as another version where one is given, to a folder of its own."""
    argv = ["cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake"]
    if version:
        argv += ["-R", version, "-D", f"CPACK_PACKAGE_VERSION={version}"]
    if folder:
        argv += ["-B", folder]
    done = run(*argv, cwd=BUILD)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(pathlib.Path(folder or BUILD / "package").glob("rruled_*.deb"))[-1]


def tree(deb):
    """The cached tree, with what `deb` depends on. OSError where it cannot be made."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        base = CACHE / "boot"
        if not (base / "usr/bin/systemctl").exists():
            making = CACHE / "making"
            shutil.rmtree(making, ignore_errors=True)
            done = run(
                "debootstrap",
                "--variant=minbase",
                "--include=systemd,systemd-sysv,ca-certificates",
                "bookworm",
                making,
                MIRROR,
            )
            if done.returncode != 0:
                raise OSError("debootstrap: " + done.stdout[-500:] + done.stderr[-500:])
            making.rename(base)
        depends = run("dpkg-deb", "-f", deb, "Depends").stdout
        stamp = CACHE / ("has-" + hashlib.sha256(depends.encode()).hexdigest()[:16])
        if not stamp.exists():
            add_dependencies(base, deb)
            stamp.touch()
        return base


def add_dependencies(base, deb):
    shutil.copy(deb, base / "tmp/rruled.deb")
    script = """set -e
      apt-get update -qq
      apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io \\
        /tmp/rruled.deb
      apt-get purge -y -qq rruled
      apt-get clean
      rm /tmp/rruled.deb"""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = run("chroot", base, "sh", "-c", script, env=environment)
    if done.returncode != 0:
        raise OSError("apt-get: " + done.stdout[-500:] + done.stderr[-500:])


@contextlib.contextmanager
def overlay(base):
    """A folder that begins as `base` and is thrown away."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rruled-machine-"))
    for each in ("upper", "work", "root"):
        (folder / each).mkdir()
    root = folder / "root"
    options = f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work"
    try:
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
        try:
            yield root
        finally:
            subprocess.run(["umount", str(root)], check=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Machine:
    """A booted tree; use in `with`. Commands run inside it as root."""

    def __init__(self, root):
        self.root = root
        self.nspawn = None
        self.leader = None

    def __enter__(self):
        self.console = open(self.root.parent / "console.log", "w+")
        argv = [
            "systemd-nspawn",
            "--quiet",
            "--boot",
            "--register=no",
            "--keep-unit",
            "--private-network",
            "--console=pipe",
            "--machine=rruled-test",
            "-D",
            str(self.root),
        ]
        self.nspawn = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self.console, stderr=subprocess.STDOUT
        )
        try:
            self.leader = self.find_leader()
            assert self.wait_until(self.has_booted, BOOT_PATIENCE), self.log()
        except BaseException:
            self.__exit__()  # or it would go on without anybody
            raise
        return self

    def find_leader(self):
        children = pathlib.Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children")

        def systemd():
            assert self.nspawn.poll() is None, "systemd-nspawn ended: " + self.log()
            with contextlib.suppress(OSError):  # nspawn has children that come and go
                for each in children.read_text().split():
                    if pathlib.Path(f"/proc/{each}/comm").read_text().strip() == "systemd":
                        return each
            return None

        return self.wait_until(systemd, BOOT_PATIENCE)

    def has_booted(self):
        # It waits for the end by itself, once there is somebody to ask.
        state = self.run("systemctl", "is-system-running", "--wait").stdout.strip()
        return state in ("running", "degraded")

    def log(self):
        self.console.seek(0)
        return self.console.read()

    def wait_until(self, ask, seconds=PATIENCE):
        """What `ask` gives as soon as that is true; what it gave last when it never was."""
        end = time.monotonic() + seconds
        while True:
            answer = ask()
            if answer or time.monotonic() > end:
                return answer
            select.select([], [], [], 0.1)

    def run(self, *argv, **more):
        return run("nsenter", "-t", self.leader, "-a", "--", *argv, **more)

    def check(self, *argv):
        """Its output; it must have succeeded."""
        done = self.run(*argv)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def rruled(self, *argv):
        return self.check("runuser", "-u", "rruled", "--", "rruled", *argv)

    def signal(self, name, pid):
        self.check("sh", "-c", f"kill -{name} {pid}")

    def show(self, unit, *properties):
        """Of `systemctl show`: one value, or a list of them."""
        values = [
            self.check("systemctl", "show", unit, "-p", each, "--value").strip()
            for each in properties
        ]
        return values[0] if len(values) == 1 else values

    def journal(self, *argv):
        return self.check("journalctl", "-u", "rruled", "--no-pager", *argv)

    def write(self, path, text, mode=0o644):
        """A file in the machine; not below /run and /tmp, which are its own."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def __exit__(self, *_):
        if self.nspawn.poll() is None:
            if self.leader:
                os.kill(int(self.leader), signal.SIGRTMIN + 4)  # poweroff
            else:
                self.nspawn.terminate()  # which ends what it has started
            try:
                self.nspawn.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                if self.leader:
                    os.kill(int(self.leader), signal.SIGKILL)
                self.nspawn.kill()
                self.nspawn.wait()
        self.console.close()
