#!/usr/bin/env python3
"""The manual pages and the completions: of the built program, well-formed, and they complete."""

import gzip
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from support import BINARY, MANUAL, SYSTEMD, main, needs, run, settings

sys.path.insert(0, str(SYSTEMD / "manual"))
import command_help  # noqa: E402

PAGES = ["man1/rruled.1", "man5/rruled.toml.5", "man8/rruled.8"]
COMPLETIONS = MANUAL / "completions"

# What is typed, and what must be among what is offered.
TYPED = [
    (["sch"], "schedule"),
    (["schedule", "cr"], "create"),
    (["schedule", "create", "--over"], "--overlap"),
    (["schedule", "create", "--overlap", "sk"], "skip"),
    (["import", "/etc/host"], "/etc/hosts"),
    (["store", "copy", "--t"], "--to"),
]


def page(name):
    return gzip.decompress((MANUAL / "man" / f"{name}.gz").read_bytes()).decode()


class Pages(unittest.TestCase):
    def each(self):
        for name in PAGES:
            with self.subTest(name):
                yield name

    @needs("mandoc", "mandoc")
    def test_mandoc_has_nothing_to_say(self):
        for name in self.each():
            done = run("mandoc", "-T", "lint", "-W", "warning", MANUAL / "man" / f"{name}.gz")
            self.assertEqual((done.returncode, done.stdout), (0, ""))

    @needs("man", "man-db")
    def test_man_has_nothing_to_say(self):
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
        for name in self.each():
            done = run(
                "man",
                "--warnings",
                "-E",
                "UTF-8",
                "-l",
                "-Tutf8",
                "-Z",
                MANUAL / "man" / f"{name}.gz",
                env=environment,
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_an_image_is_built_without_git(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run(
                sys.executable,
                SYSTEMD / "manual/generate.py",
                "--binary",
                BINARY,
                "--out",
                folder,
                env={"PATH": folder, "PYTHONDONTWRITEBYTECODE": "1"},
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue((pathlib.Path(folder) / "man/man1/rruled.1.gz").exists())

    def test_every_command_and_option_is_there(self):
        text, root = page("man1/rruled.1").replace("\\-", "-"), command_help.ask(BINARY)
        options = 0
        for command in root.walk():
            if command.children:
                continue
            path = " ".join(["rruled", *command.path])
            self.assertRegex(text, rf'\.SS "{path}[ "]')
            section = text.split(f'.SS "{path}')[1].split("\n.S")[0]
            for option in command.options[2:]:  # -h and --config are told once
                options += 1
                self.assertIn(f"\\fB{option.names[-1]}\\fR", section, path)
        self.assertGreater(options, 100)

    def test_every_setting_is_there(self):
        text = page("man5/rruled.toml.5").replace("\\-", "-")
        for each in settings():
            self.assertIn(each["environment"], text)
            self.assertIn(f"\\fB{each['key'].rsplit('.', 1)[1]}\\fR", text)


class Completions(unittest.TestCase):
    def check(self, complete):
        for words, expected in TYPED:
            with self.subTest(" ".join(words)):
                self.assertIn(expected, complete(words))
        self.assertNotIn("create", complete(["runs", ""]))

    @needs("bash", "bash")
    def test_bash(self):
        script = COMPLETIONS / "rruled"
        self.assertEqual(run("bash", "-n", script).stderr, "")

        def complete(words):
            done = run(
                "bash",
                "-c",
                'source "$1"; shift; COMP_WORDS=(rruled "$@"); COMP_CWORD=$#; '
                'COMPREPLY=(); _rruled; printf "%s\\n" "${COMPREPLY[@]}"',
                "bash",
                script,
                *words,
            )
            self.assertEqual(done.stderr, "")
            return done.stdout.split()

        self.check(complete)

    @needs("fish", "fish")
    def test_fish(self):
        def complete(words):
            done = run(
                "fish",
                "-N",
                "-c",
                f"source {COMPLETIONS}/rruled.fish; " f'complete -C "rruled {" ".join(words)}"',
            )
            self.assertEqual(done.stderr, "")
            return [line.split("\t")[0] for line in done.stdout.split("\n")]

        self.check(complete)

    @needs("zsh", "zsh")
    def test_zsh(self):
        self.assertEqual(run("zsh", "-n", COMPLETIONS / "_rruled").stderr, "")
        # Tab completes what is unambiguous; the line is printed instead of being run.
        script = (
            f"zmodload zsh/zpty; zpty z zsh -f -i; "
            f"zpty -w z 'PROMPT=; fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; "
            f"compinit -u -D; stty -echo'; zpty -w z 'echo REA''DY'; zpty -r z l '*READY*'; "
            f"zpty -w -n z $'rruled schedule cre\\t --overl\\tsk\\t; echo EN\"\"D\\C-a echo \\n'; "
            f"zpty -r z l '*END*'; print -r -- $l"
        )
        done = subprocess.run(
            ["zsh", "-f", "-c", script],
            capture_output=True,
            text=True,
            timeout=20,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        self.assertIn("rruled schedule create --overlap skip", done.stdout)


if __name__ == "__main__":
    main()
