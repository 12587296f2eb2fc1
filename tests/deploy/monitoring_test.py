#!/usr/bin/env python3
"""The dashboard and the alert rules: of metrics that a running daemon has, and the rules fire."""

import json
import re
import subprocess
import unittest

from support import SYSTEMD, Daemon, get, main, needs, run

MONITORING = SYSTEMD / "monitoring"

FLOWS = [
    {
        "project_id": 1,
        "name": "quick",
        "status": "active",
        "trigger": {"type": "schedule"},
        "schedules": [{"rrule": "FREQ=SECONDLY", "starts_at": "now"}],
    },
    {
        "project_id": 1,
        "name": "slow",
        "status": "active",
        "trigger": {"type": "schedule"},
        "schedules": [
            {"rrule": "FREQ=SECONDLY", "starts_at": "now", "overlap": "skip", "executor": "slow"}
        ],
    },
]
EXECUTORS = """[executors.default]
type = "log"
[executors.slow]
type = "command"
argv = ["/bin/sleep", "60"]
[executors.http]
type = "http"
url = "http://127.0.0.1:9/"
"""

SAMPLE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*=\"(?:[^\"\\]|\\.)*\",?)*)\})? (\S+)"
)
OURS = re.compile(r"\b(?:rruled|process)_\w+")


def parse_metrics(text):
    """{name of a sample: labels it has} of the text format 0.0.4; ValueError on any other line."""
    families, samples = {}, {}
    for line in text.split("\n"):
        if line.startswith("# TYPE "):
            name, kind = line.split(" ")[2:]
            families[name] = kind
        elif line and not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            if not match:
                raise ValueError(f"not a sample: {line}")
            family = re.sub(r"_(bucket|sum|count)$", "", match[1])
            if match[1] not in families and families.get(family) != "histogram":
                raise ValueError(f"without a type: {line}")
            float(match[3])
            labels = re.findall(r'(\w+)="', match[2] or "")
            samples.setdefault(match[1], set()).update(labels)
    return samples


def expressions(rules):
    """Of alerts.yml, without a parser for YAML: what follows each `expr:`."""
    return re.findall(r"expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", rules)


class Monitoring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with Daemon(FLOWS, EXECUTORS) as daemon:
            daemon.read_until("skipped: overlap")
            daemon.read_until("completed")
            status, cls.text = get(daemon.socket, "/metrics")
            assert status == 200, cls.text
        cls.samples = parse_metrics(cls.text)
        cls.dashboard = json.loads((MONITORING / "dashboard.json").read_text())
        cls.rules = (MONITORING / "alerts.yml").read_text()

    def panels(self):
        return [each for each in self.dashboard["panels"] if each["type"] != "row"]

    def test_every_name_exists(self):
        asked = [target["expr"] for panel in self.panels() for target in panel["targets"]]
        asked += [each["query"] for each in self.dashboard["templating"]["list"]]
        shown = set(OURS.findall("\n".join(asked)))
        alerted = set(OURS.findall("\n".join("".join(each) for each in expressions(self.rules))))
        self.assertGreater(len(shown), 15)
        self.assertGreater(len(alerted), 10)
        self.assertEqual(sorted((shown | alerted) - set(self.samples)), [])

    def test_every_label_exists(self):
        text = "\n".join([*(t["expr"] for p in self.panels() for t in p["targets"]), self.rules])
        used = set()
        for name, braces in re.findall(r"(rruled_\w+)\{([^}]*)\}", text):
            used |= {(name, label) for label in re.findall(r"(\w+)=", braces)}
        used = {each for each in used if each[1] not in ("job", "instance")}
        self.assertGreater(len(used), 1)
        self.assertEqual([each for each in used if each[1] not in self.samples[each[0]]], [])

    def test_the_dashboard_is_whole(self):
        ids = [panel["id"] for panel in self.dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        taken = set()
        for panel in self.dashboard["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            self.assertFalse(taken & cells, panel["title"])
            taken |= cells
        for panel in self.panels():
            self.assertTrue(panel["title"] and panel["targets"])

    def test_the_parser_refuses_what_is_no_metric(self):
        for text in ("rruled_x{a=b} 1", "# TYPE rruled_x counter\nrruled_x", "rruled_x 1"):
            with self.assertRaises(ValueError):
                parse_metrics(text)

    @needs("promtool", "prometheus")
    def test_promtool_takes_the_metrics(self):
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=self.text,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    @needs("promtool", "prometheus")
    def test_promtool_takes_the_rules(self):
        done = run("promtool", "check", "rules", MONITORING / "alerts.yml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @needs("promtool", "prometheus")
    def test_each_rule_fires(self):
        tried = (MONITORING / "alerts_test.yml").read_text()
        for name in re.findall(r"alert: (\w+)", self.rules):
            self.assertIn(name, tried)
        done = run("promtool", "test", "rules", MONITORING / "alerts_test.yml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    main()
