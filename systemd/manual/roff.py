"""man(7) pages from the commands and settings."""

import re

MANUAL = "rruled manual"


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha")
    text = text.replace("~", "\\(ti").replace("`", "\\(ga")
    return "\n".join("\\&" + line if line[:1] in (".",) else line for line in text.split("\n"))


def prose(text):
    """Of a hand-written text: `code` becomes bold."""
    parts = re.split(r"`([^`]+)`", text)
    return "".join(
        f"\\fB{escape(each)}\\fR" if i % 2 else escape(each) for i, each in enumerate(parts)
    )


def head(name, section, date, version):
    return [f'.TH {name.upper()} {section} {date} "rruled {version}" "{MANUAL}"']


def example(lines):
    return [".RS 4", ".nf", *(escape(each) for each in lines), ".fi", ".RE"]


def option_name(option):
    value = "|".join(option.choices) if option.choices else option.value
    names = ", ".join(f"\\fB{escape(each)}\\fR" for each in option.names)
    return names + (f" \\fI{escape(value)}\\fR" if value else "")


def option_text(option):
    notes = []
    if option.required:
        notes.append("required")
    if option.limits:
        notes.append(option.limits)
    if option.fallback:
        notes.append(f"default: {option.fallback}")
    if option.excludes:
        notes.append("not with " + " or ".join(option.excludes))
    text = option.text.rstrip(".")
    return escape(text + (f" ({'; '.join(notes)})" if notes else "") + ".")


COMMON = {"--help", "--config"}


def command_section(command):
    usage = " ".join(["rruled", *command.path])
    positionals = []
    for each in command.positionals:
        name = each.names[0] + ("..." if each.repeated else "")
        positionals.append(name if each.required else f"[{name}]")
    lines = [
        f'.SS "{escape(" ".join([usage, *positionals]))}"',
        escape(command.summary.rstrip(".") + "."),
    ]
    for each in command.positionals:
        lines += [".TP", f"\\fI{escape(each.names[0])}\\fR", option_text(each)]
    for each in command.options:
        if not COMMON & set(each.names):
            lines += [".TP", option_name(each), option_text(each)]
    footer = command.footer
    if footer and footer[0] == "Examples:":
        shown = [each[2:] for each in footer[1:] if each.startswith("  ")]
        after = [each for each in footer[1:] if each and not each.startswith("  ")]
        lines += [".PP", *example(shown)]
        if after:
            lines += [".PP", *(escape(each) for each in after)]
    return lines


def commands_page(root, date, version, texts):
    lines = head("rruled", 1, date, version)
    lines += [".SH NAME", "rruled \\- schedules for recurring flow runs", ".SH SYNOPSIS"]
    lines += ["\\fBrruled\\fR \\fICOMMAND\\fR [\\fIVERB\\fR] [\\fIOPTION\\fR]..."]
    lines += [".SH DESCRIPTION"] + texts["commands"]
    lines += [".SH COMMON OPTIONS", ".TP", "\\fB\\-h\\fR, \\fB\\-\\-help\\fR"]
    lines += ["Tells about the command, with examples."]
    config = next(o for c in root.walk() for o in c.options if "--config" in o.names)
    lines += [".TP", option_name(config), option_text(config)]
    lines += [".TP", "\\fB\\-\\-version\\fR", "Prints the version of the program."]
    lines += [".SH COMMANDS"]
    for command in root.walk():
        if command.path and not command.children:
            lines += command_section(command)
    return lines + texts["commands_end"]


def settings_page(settings, date, version, texts, example_file):
    lines = head("rruled.toml", 5, date, version)
    lines += [".SH NAME", "rruled.toml \\- configuration of rruled", ".SH SYNOPSIS"]
    lines += ["\\fI/etc/rruled/rruled.toml\\fR", ".br", "\\fI/etc/rruled/rruled.d/*.toml\\fR"]
    lines += [".SH DESCRIPTION"] + texts["settings"] + [".SH SETTINGS"]
    section = None
    for each in settings:
        name, key = each["key"].rsplit(".", 1)
        if name != section:
            section = name
            lines += [f'.SS "[{escape(name)}]"']
        lines += [".TP", f"\\fB{escape(key)}\\fR ({escape(each['type'] + ': ' + each['form'])})"]
        lines += [escape(each["meaning"])]
        if each["default"]:
            lines += [f"Default: {escape(each['default'])}."]
        lines += [".br", f"Environment: \\fB{escape(each['environment'])}\\fR"]
        if each["also_from_file"]:
            lines[-1] += f", or \\fB{escape(each['environment'])}_FILE\\fR, which names a file"
    lines += [".SH EXAMPLE"] + example(example_file.rstrip("\n").split("\n"))
    return lines + texts["settings_end"]


def daemon_page(root, date, version, texts):
    run = next(each for each in root.children if each.path == ["run"])
    lines = head("rruled", 8, date, version)
    lines += [".SH NAME", "rruled \\- the schedule daemon", ".SH SYNOPSIS"]
    lines += ["\\fBrruled run\\fR [\\fIOPTION\\fR]...", ".SH DESCRIPTION"] + texts["daemon"]
    lines += [".SH OPTIONS"]
    for each in run.options:
        lines += [".TP", option_name(each), option_text(each)]
    return lines + texts["daemon_end"]
