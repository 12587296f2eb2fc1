"""What `rruled .. --help` says, as values. The layout is CLI11's: names from column 2, descriptions
from column 30, or on a line of their own where the names are too long."""

import dataclasses
import re
import subprocess

DESCRIPTION_COLUMN = 30


class LayoutChanged(Exception):
    """The help is not laid out as this file thinks; a newer CLI11, perhaps."""


@dataclasses.dataclass
class Option:
    names: list  # ["--config"], ["-h", "--help"]; of a positional its one name
    value: str = ""  # "FILE", "TIME", "" for a flag
    choices: list = dataclasses.field(default_factory=list)
    limits: str = ""  # "0 to 100000"
    fallback: str = ""  # what it is when it is not given, where the help has it beside the choices
    required: bool = False
    repeated: bool = False
    excludes: list = dataclasses.field(default_factory=list)
    text: str = ""


@dataclasses.dataclass
class Command:
    path: list  # ["schedule", "create"]; [] for rruled itself
    summary: str = ""
    positionals: list = dataclasses.field(default_factory=list)
    options: list = dataclasses.field(default_factory=list)
    footer: list = dataclasses.field(default_factory=list)  # lines; "Examples:" and those of them
    children: list = dataclasses.field(default_factory=list)

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()


def entries(lines):
    """(names, description) of each entry of a section."""
    result = []
    i = 0
    while i < len(lines):
        line = lines[i]
        more = lines[i + 1] if i + 1 < len(lines) else ""
        if len(line) >= DESCRIPTION_COLUMN and more.startswith(" " * DESCRIPTION_COLUMN):
            result.append((line.strip(), more.strip()))
            i += 2
        else:
            result.append((line[:DESCRIPTION_COLUMN].strip(), line[DESCRIPTION_COLUMN:].strip()))
            i += 1
    return result


def read_option(names, text):
    words, *excludes = names.split(" Excludes: ")
    option = Option(names=[], text=text, excludes=" ".join(excludes).split())
    words = words.split(" Needs: ")[0]
    if words.endswith(" ..."):
        option.repeated, words = True, words[:-4]
    if words.endswith(" REQUIRED"):
        option.required, words = True, words[: -len(" REQUIRED")]
    first, _, value = words.partition(" ")
    option.names = first.split(",")
    limits = re.fullmatch(r"(\w+):\w+ in \[(\S+) - (\S+)\]", value)
    choices = re.fullmatch(r"\w*:?\{(.*)\}(?:=(.*))?", value)
    if limits:
        option.value, option.limits = limits[1], f"{limits[2]} to {limits[3]}"
    elif choices:
        option.value, option.choices = "WORD", choices[1].split(",")
        option.fallback = choices[2] or ""
    else:
        option.value = value.split(":")[0]
    if not text or ("{" in value and not option.choices):
        raise LayoutChanged(f"cannot read the option `{names}`")
    return option


def parse(path, text):
    """The command that the help `text` describes, and the names of its children."""
    command, children = Command(path), []
    summary, section, sections = [], None, {}
    for line in text.rstrip("\n").split("\n"):
        if line in ("Positionals:", "Options:", "Subcommands:"):
            section = line[:-1]
        elif section and (line.startswith("  ") and section != "footer"):
            sections.setdefault(section, []).append(line)
        elif section == "footer" or (section and line):
            section = "footer"
            command.footer.append(line)
        elif section is None and not line.startswith("Usage:") and line:
            summary.append(line)
    command.summary = " ".join(summary)
    command.positionals = [read_option(*each) for each in entries(sections.get("Positionals", []))]
    command.options = [read_option(*each) for each in entries(sections.get("Options", []))]
    children = [each[0] for each in entries(sections.get("Subcommands", []))]
    if not command.summary or not command.options:
        raise LayoutChanged(f"nothing was found in the help of `{' '.join(['rruled', *path])}`")
    return command, children


def ask(binary, path=()):
    """The whole tree of commands below `path`."""
    done = subprocess.run([binary, *path, "--help"], capture_output=True, text=True, check=True)
    command, children = parse(list(path), done.stdout)
    command.children = [ask(binary, (*path, each)) for each in children]
    return command
