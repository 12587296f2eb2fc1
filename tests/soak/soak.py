#!/usr/bin/env python3
"""Runs a daemon for hours among faults, and fails when it grows.

    tests/soak/soak.py RRULED [HOURS]          (./dev soak [HOURS])

Schedules of every second deliver to a receiver that answers, fails, hangs and hangs up; the
configuration is read again every 20 s, every third time with a mistake in it; API clients come, ask,
write, and go, some in the middle of a request. Once in a while resident memory and descriptors are
sampled. The first half warms up (SQLite's page caches fill, up to 32 MB for each of the daemon's
connections; after an hour, or a quarter of the time if that is longer, as many runs are removed as
are added); over the second half memory may grow by 1 MB an hour, and descriptors not at all.

RRULED_SOAK_SECONDS     instead of HOURS; below an hour memory may vary by 8 MB, whatever the time
RRULED_SOAK_STORE_URL   another store than a new file: postgresql://.. (empty)
RRULED_SOAK_LOG         a file that keeps the daemon's log
"""
import http.client
import http.server
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SCHEDULES = 10
SHORTEST_RETENTION = 3600  # that the daemon takes
MB = 1024 * 1024
# Ours are no settings of the daemon's.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("RRULED_")}


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    counts = {"good": 0, "bad": 0, "hung": 0, "gone": 0}

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        dice = random.random()
        if dice < 0.02:
            Receiver.counts["hung"] += 1
            self.connection.settimeout(30)
            try:
                self.connection.recv(1)  # until the daemon gives up
            except OSError:
                pass
            self.close_connection = True
        elif dice < 0.04:
            Receiver.counts["gone"] += 1
            self.close_connection = True
        elif dice < 0.10:
            Receiver.counts["bad"] += 1
            self.answer(random.choice([429, 500, 503, 404]))
        else:
            Receiver.counts["good"] += 1
            self.answer(200)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # the daemon hung up


class Soak:
    def __init__(self, rruled, seconds):
        self.rruled = rruled
        self.seconds = seconds
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rruled-soak-"))
        self.config = self.folder / "rruled.toml"
        self.server = QuietServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.done = threading.Event()
        self.asked = 0
        self.problems = []

    def write_config(self, good=True):
        store = os.environ.get("RRULED_SOAK_STORE_URL") or f"sqlite://{self.folder}/soak.db"
        kept = max(SHORTEST_RETENTION, int(self.seconds / 4))
        text = f"""
[store]
url = "{store}"
[retention]
runs = "{kept}s"
logs = "{kept}s"
[executors.default]
type = "http"
url = "http://127.0.0.1:{self.server.server_port}/"
timeout = "2s"
max_in_flight = {random.randint(16, 64)}
[executors.job]
type = "command"
argv = ["/bin/sh", "-c", "cat > /dev/null; exit $((RRULED_ATTEMPT % 2))"]
[api]
listen = "127.0.0.1:{self.port}"
auth = "none"
[metrics]
per_schedule = 20
[log]
level = "{random.choice(["info", "warn"])}"
{"" if good else "colour = true"}
"""
        self.config.write_text(text)

    def run(self, *arguments, **more):
        ended = subprocess.run([self.rruled, *arguments, "--config", str(self.config)],
                               capture_output=True, text=True, timeout=60, env=ENVIRONMENT, **more)
        if ended.returncode != 0:
            raise SystemExit(f"rruled {arguments[0]}: {ended.stderr}")
        return ended

    def ask(self, connection, method, path, body=None):
        connection.request(method, path, json.dumps(body) if body is not None else None,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        self.asked += 1
        if answer.status >= 500:
            self.problems.append(f"{method} {path}: {answer.status} {text[:200]}")
        is_json = answer.getheader("Content-Type", "").startswith("application/json")
        return json.loads(text) if is_json and text else text

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    # What ends a thread before the time is a problem, whatever it is.
    def guarded(self, work, *arguments):
        try:
            work(*arguments)
        except Exception as error:  # pylint: disable=broad-except
            self.problems.append(f"{work.__name__}: {error!r}")

    # Comes, asks this and that on one connection, and goes.
    def client(self):
        base = "/api/projects/1/"
        while not self.done.is_set():
            connection = self.connect()
            try:
                for _ in range(random.randint(1, 20)):
                    flows = self.ask(connection, "GET", base + "hog_flows/?limit=5")["results"]
                    path = base + f"hog_flows/{flows[0]['id']}/schedules/"
                    made = self.ask(connection, "POST", path,
                                    {"rrule": "FREQ=SECONDLY;COUNT=3",
                                     "starts_at": "2030-01-01T00:00:00Z"})
                    self.ask(connection, "PATCH", path + made["id"] + "/", {"status": "paused"})
                    self.ask(connection, "GET", base + "runs/?limit=50")
                    self.ask(connection, "GET", "/metrics")
                    self.ask(connection, "GET", "/readyz?verbose")
                    self.ask(connection, "DELETE", path + made["id"] + "/")
                    self.done.wait(random.random())
            except (OSError, http.client.HTTPException) as error:
                if not self.done.is_set():
                    self.problems.append(f"client: {error!r}")
                    self.done.wait(1)
            finally:
                connection.close()

    # Leaves in the middle of a request, or says nothing.
    def rude_client(self):
        while not self.done.wait(random.random() * 2):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as plain:
                    plain.send(random.choice([b"", b"GET /runs", b"POST / HTTP/1.1\r\nContent-Length: 9",
                                              b"\x16\x03\x01nonsense\r\n\r\n"]))
                    self.done.wait(random.random())
            except OSError:
                pass

    def reloads(self, daemon):
        number = 0
        while not self.done.wait(20):
            number += 1
            self.write_config(good=number % 3 != 0)
            daemon.send_signal(signal.SIGHUP)

    def sample(self, pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        resident = int(status.split("VmRSS:")[1].split()[0]) * 1024
        return resident, len(os.listdir(f"/proc/{pid}/fd"))

    def start(self):
        self.write_config()
        schedules = [{"rrule": "FREQ=SECONDLY", "starts_at": "now",
                      "executor": "job" if i == 0 else "default",
                      "overlap": ["allow", "skip", "buffer_one"][i % 3],
                      # Runs are kept as long as these need them, whatever the retention.
                      "catchup_window": "5m", "retry": {"max_age": "5m"}} for i in range(SCHEDULES)]
        flow = {"project_id": 1, "name": "soak", "status": "active", "trigger": {"type": "schedule"},
                "schedules": schedules}
        self.run("import", "-", input=json.dumps({"flows": [flow]}))
        log = open(os.environ.get("RRULED_SOAK_LOG", os.devnull), "w")
        daemon = subprocess.Popen([self.rruled, "run", "--config", str(self.config)], stdout=log,
                                  stderr=log, env=ENVIRONMENT)
        for _ in range(300):
            if subprocess.run([self.rruled, "healthcheck", "--config", str(self.config)],
                              capture_output=True, env=ENVIRONMENT).returncode == 0:
                return daemon
            time.sleep(0.1)
        daemon.kill()
        raise SystemExit("the daemon did not become ready")

    def measure(self):
        daemon = self.start()
        threads = [threading.Thread(target=self.guarded, args=(t, *a), daemon=True)
                   for t, a in [(self.client, ()), (self.client, ()), (self.rude_client, ()),
                                (self.reloads, (daemon,))]]
        for each in threads:
            each.start()
        began = time.monotonic()
        every = max(1.0, self.seconds / 720)
        samples = []
        while (at := time.monotonic() - began) < self.seconds:
            if daemon.poll() is not None:
                self.problems.append(f"the daemon ended with {daemon.returncode}")
                return samples
            samples.append((at, *self.sample(daemon.pid)))
            if len(samples) % 60 == 0:
                print(f"{at:8.0f} s  {samples[-1][1] / MB:7.1f} MB  {samples[-1][2]} descriptors  "
                      f"{self.asked} asked  {Receiver.counts}", flush=True)
            time.sleep(every)
        self.done.set()
        for each in threads:
            each.join(60)
        self.write_config()
        overdue = json.loads(self.run("status", "--format", "json").stdout)["overdue"]
        if overdue:
            self.problems.append(f"{overdue} schedules are overdue at the end")
        daemon.send_signal(signal.SIGTERM)
        if daemon.wait(60) != 0:
            self.problems.append(f"the drain ended with {daemon.returncode}")
        return samples

    def judge(self, samples):
        late = [s for s in samples if s[0] >= self.seconds / 2]
        if len(late) < 10:
            return self.problems + ["too few samples"]
        hours = (late[-1][0] - late[0][0]) / 3600
        # Least squares.
        mean_t = sum(s[0] for s in late) / len(late)
        mean_m = sum(s[1] for s in late) / len(late)
        slope = (sum((s[0] - mean_t) * (s[1] - mean_m) for s in late)
                 / sum((s[0] - mean_t) ** 2 for s in late))
        grown = slope * hours * 3600 / MB
        allowed = max(hours, 1.0) if hours >= 0.5 else 8.0
        third = len(late) // 3
        fds = sum(s[2] for s in late[:third]) / third, sum(s[2] for s in late[-third:]) / third
        print(f"memory {late[0][1] / MB:.1f} MB, then {late[-1][1] / MB:.1f} MB: {slope * 3600 / MB:+.2f} "
              f"MB/h, {grown:+.2f} MB of {allowed:.1f} allowed; descriptors {fds[0]:.1f}, then "
              f"{fds[1]:.1f}; {Receiver.counts['good']} deliveries, {self.asked} requests")
        if grown > allowed:
            self.problems.append(f"memory grew by {grown:.2f} MB")
        if fds[1] > fds[0] + 5:  # those of requests and commands under way vary
            self.problems.append(f"descriptors grew from {fds[0]:.1f} to {fds[1]:.1f}")
        if Receiver.counts["good"] < self.seconds:
            self.problems.append(f"only {Receiver.counts['good']} deliveries")
        if self.asked < self.seconds:
            self.problems.append(f"only {self.asked} requests")
        return self.problems


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else 2.0
    seconds = float(os.environ.get("RRULED_SOAK_SECONDS") or hours * 3600)
    soak = Soak(sys.argv[1], seconds)
    problems = soak.judge(soak.measure())
    for each in problems[:20]:
        print("!", each)
    if problems:
        print("soak failed; its store is in", soak.folder)
    else:
        shutil.rmtree(soak.folder)
        print("soak passed")
    raise SystemExit(1 if problems else 0)


main()
