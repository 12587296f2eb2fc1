#!/usr/bin/env python3
"""The examples for Kubernetes and compose: well-formed, of settings that exist, and of what the
image is."""

import importlib.util
import os
import pathlib
import re
import tempfile
import unittest

from support import BINARY, SOURCE, SYSTEMD, Daemon, get, main, run, settings

YAML = importlib.util.find_spec("yaml")
if YAML:
    import yaml

EXAMPLES = SYSTEMD / "examples"
DOCKERFILE = (SOURCE / "Dockerfile").read_text()


def known(variable):
    """Whether the program reads this variable, RRULED_EXECUTORS_NAME_.. for any name."""
    patterns = []
    for each in settings():
        name = each["environment"].replace("_NAME_", "_[A-Z0-9_]+_")
        patterns.append(name + ("(_FILE)?" if each["also_from_file"] else ""))
    return any(re.fullmatch(each, variable) for each in patterns)


class Names(unittest.TestCase):
    def test_variables_are_settings(self):
        seen = 0
        for path in [SOURCE / "Dockerfile", *EXAMPLES.iterdir()]:
            for variable in re.findall(r"\bRRULED_[A-Z_]+\b", path.read_text()):
                seen += 1
                self.assertTrue(known(variable), f"{path.name}: {variable}")
        self.assertGreater(seen, 4)
        self.assertFalse(known("RRULED_STORE_URI"))

    def test_the_image_may_not_grow_by_what_lies_about(self):
        ignored = (SOURCE / ".dockerignore").read_text().split("\n")
        self.assertLessEqual({".git", "build/*", "!build/image"}, set(ignored))

    def test_the_version_is_the_projects(self):
        version = run(BINARY, "--version").stdout.split()[1]
        self.assertIn(f"ARG VERSION={version}\n", DOCKERFILE)
        self.assertIn(f"rruled:{version}\n", (EXAMPLES / "kubernetes.yaml").read_text())


@unittest.skipUnless(YAML, "the yaml module is missing: apt install python3-yaml")
class Containers(unittest.TestCase):
    def setUp(self):
        self.objects = list(yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text()))
        self.compose = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())
        pod = self.objects[-1]["spec"]["template"]["spec"]
        self.pod, (self.sidecar,) = pod, [c for c in pod["containers"] if c["name"] == "rruled"]
        self.stop_seconds = next(
            int(each["default"].removesuffix("s"))
            for each in settings()
            if each["key"] == "run.stop_timeout"
        )

    def test_kubernetes_mounts_what_it_names(self):
        volumes = {each["name"] for each in self.pod["volumes"]}
        mounted = {each["name"]: each["mountPath"] for each in self.sidecar["volumeMounts"]}
        self.assertEqual(volumes, set(mounted))
        secret = next(each for each in self.objects if each["kind"] == "Secret")
        config = next(each for each in self.objects if each["kind"] == "ConfigMap")
        self.assertEqual(list(config["data"]), ["rruled.toml"])
        named = [each["value"] for each in self.sidecar["env"]]
        named += re.findall(r'token_file = "(.*)"', config["data"]["rruled.toml"])
        for path in named:
            folder, name = path.rsplit("/", 1)
            self.assertEqual(folder, mounted["secrets"])
            self.assertIn(name, secret["stringData"])

    def test_a_service_of_that_name_gives_no_settings(self):
        self.assertIs(self.pod["enableServiceLinks"], False)
        service = {"RRULED_SERVICE_HOST": "10.0.0.1", "RRULED_PORT": "tcp://10.0.0.1:80"}
        done = run(BINARY, "check-config", "--config", "/dev/null", env={**os.environ, **service})
        self.assertEqual(done.returncode, 78)
        self.assertIn("RRULED_SERVICE_HOST: no setting has this variable", done.stderr)

    def test_kubernetes_configuration_is_good(self):
        config = next(each for each in self.objects if each["kind"] == "ConfigMap")
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "crm.token").write_text("secret\n")
            text = config["data"]["rruled.toml"].replace("/run/secrets/rruled", folder)
            (pathlib.Path(folder) / "rruled.toml").write_text(text)
            done = run(BINARY, "check-config", "--config", f"{folder}/rruled.toml")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_probes_are_answered(self):
        config = next(each for each in self.objects if each["kind"] == "ConfigMap")
        (port,) = self.sidecar["ports"]
        self.assertIn(f'listen = "0.0.0.0:{port["containerPort"]}"', config["data"]["rruled.toml"])
        annotations = self.objects[-1]["spec"]["template"]["metadata"]["annotations"]
        self.assertEqual(annotations["prometheus.io/port"], str(port["containerPort"]))
        flow = {"project_id": 1, "name": "x", "status": "active", "trigger": {"type": "schedule"}}
        with Daemon([flow]) as daemon:
            for each in ("startupProbe", "livenessProbe"):
                probe = self.sidecar[each]["httpGet"]
                self.assertEqual(probe["port"], port["name"])
                self.assertEqual(get(daemon.socket, probe["path"])[0], 200, probe["path"])

    def test_a_database_that_is_away_kills_neither_daemon_nor_application(self):
        start = self.sidecar["startupProbe"]
        self.assertGreaterEqual(start["periodSeconds"] * start["failureThreshold"], 3600)
        # It speaks for the whole pod, and the application can do without the scheduler.
        self.assertNotIn("readinessProbe", self.sidecar)

    def test_there_is_time_to_drain(self):
        self.assertGreater(self.pod["terminationGracePeriodSeconds"], self.stop_seconds)
        grace = self.compose["services"]["rruled"]["stop_grace_period"]
        self.assertGreater(int(grace.removesuffix("s")), self.stop_seconds)
        unit = (SYSTEMD / "rruled.service.in").read_text()
        self.assertGreater(int(re.search(r"TimeoutStopSec=(\d+)", unit)[1]), self.stop_seconds)

    def test_neither_is_root_nor_writes_its_root(self):
        context = self.sidecar["securityContext"]
        self.assertTrue(
            context["readOnlyRootFilesystem"] and self.pod["securityContext"]["runAsNonRoot"]
        )
        self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
        service = self.compose["services"]["rruled"]
        self.assertTrue(service["read_only"])
        self.assertEqual(service["cap_drop"], ["ALL"])

    def test_compose_gives_what_it_names(self):
        service = self.compose["services"]["rruled"]
        for name, value in service["environment"].items():
            if name.endswith("_FILE"):
                self.assertIn(value.removeprefix("/run/secrets/"), service["secrets"])
        # Other containers reach no loopback.
        self.assertEqual(service["environment"]["RRULED_API_LISTEN"], "0.0.0.0:8480")
        self.assertLessEqual(set(service["secrets"]), set(self.compose["secrets"]))


if __name__ == "__main__":
    main()
