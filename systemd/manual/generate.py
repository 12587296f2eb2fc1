#!/usr/bin/env python3
"""Writes the manual pages, the completions and Debian's changelog into a folder. The pages and the
completions come from the built binary itself (its --help, its `check-config --explain`), so that
they cannot say anything else than it does.

    generate.py --binary build/dev/daemon/rruled --out build/dev/manual
"""

import argparse
import email.utils
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import textwrap
import time

import command_help
import completions
import roff

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def released_at():
    """Seconds since 1970: the same sources give the same files."""
    if os.environ.get("SOURCE_DATE_EPOCH"):
        return int(os.environ["SOURCE_DATE_EPOCH"])
    # An image is built without git, and without its folder.
    if shutil.which("git"):
        git = subprocess.run(
            ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"],
            capture_output=True,
            text=True,
            check=False,
        )
        if git.returncode == 0 and git.stdout.strip():
            return int(git.stdout)
    return int((ROOT / "CHANGELOG.md").stat().st_mtime)


def hand_written():
    """texts.man, cut at its lines `.\\" @name`."""
    texts = {}
    for part in re.split(r'^\.\\" @', (HERE / "texts.man").read_text(), flags=re.M)[1:]:
        name, _, body = part.partition("\n")
        texts[name.strip()] = body.rstrip("\n").split("\n")
    return texts


def debian_changelog(maintainer, moment):
    """CHANGELOG.md in Debian's form; entries are the lists below its second-level headings."""
    stamp = email.utils.format_datetime(
        email.utils.datetime.datetime.fromtimestamp(moment, email.utils.datetime.timezone.utc)
    )
    out = []
    for part in re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)[1:]:
        title, _, body = part.partition("\n")
        version = title.split(",")[0].strip()
        items = re.split(r"^- ", body, flags=re.M)[1:]
        out.append(f"rruled ({version}) stable; urgency=medium\n\n")
        for item in items:
            out.append(
                textwrap.fill(
                    " ".join(item.split()), 79, initial_indent="  * ", subsequent_indent="    "
                )
                + "\n"
            )
        out.append(f"\n -- {maintainer}  {stamp}\n\n")
    return "".join(out).rstrip("\n") + "\n"


def write_zipped(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--maintainer", default="The rruled authors <rruled@example.org>")
    arguments = parser.parse_args()

    def output(*words):
        return subprocess.run(
            [arguments.binary, *words], capture_output=True, text=True, check=True
        ).stdout

    root = command_help.ask(arguments.binary)
    settings = json.loads(output("check-config", "--explain", "--format", "json"))
    version = output("--version").split()[1]
    moment = released_at()
    date = time.strftime("%Y-%m-%d", time.gmtime(moment))
    texts = hand_written()
    example_file = (HERE.parent / "rruled.toml").read_text()
    pages = {
        "man1/rruled.1": roff.commands_page(root, date, version, texts),
        "man8/rruled.8": roff.daemon_page(root, date, version, texts),
        "man5/rruled.toml.5": roff.settings_page(settings, date, version, texts, example_file),
    }
    for name, lines in pages.items():
        write_zipped(arguments.out / "man" / (name + ".gz"), "\n".join(lines) + "\n")
    write(arguments.out / "completions/rruled", completions.bash(root))
    write(arguments.out / "completions/_rruled", completions.zsh(root))
    write(arguments.out / "completions/rruled.fish", completions.fish(root))
    write_zipped(arguments.out / "changelog.gz", debian_changelog(arguments.maintainer, moment))


if __name__ == "__main__":
    main()
