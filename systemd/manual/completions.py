"""Completions for bash, zsh and fish from the commands."""

FILES = {"FILE", "FILE|-", "PATH", "DIR", "FILE|DIR|-"}

BASH = r"""# bash completion for rruled; generated from `rruled --help`.
_rruled() {
  local word path='' option choices='' i
  word=${COMP_WORDS[COMP_CWORD]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} == -* ]] && break
    case "$path ${COMP_WORDS[i]}" in
      %(paths)s) path+=" ${COMP_WORDS[i]}" ;;
      *) break ;;
    esac
  done
  option=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  case "$path $option" in
%(values)s
  esac
  case $path in
%(words)s
  esac
  if [[ $word == -* || $choices != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _rruled rruled
"""


def takes_file(option):
    return option.value in FILES


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def bash(root):
    paths, values, words = [], [], []
    for command in root.walk():
        path = "".join(" " + each for each in command.path)
        if path:
            paths.append(quoted(path))
        for option in command.options:
            if not option.value:
                continue
            pattern = "|".join(quoted(f"{path} {name}") for name in option.names)
            if takes_file(option):
                does = 'mapfile -t COMPREPLY < <(compgen -f -- "$word")'
            elif option.choices:
                choices = quoted(" ".join(option.choices))
                does = f'mapfile -t COMPREPLY < <(compgen -W {choices} -- "$word")'
            else:
                does = ":"
            values.append(f"    {pattern}) {does}; return ;;")
        names = [each.path[-1] for each in command.children]
        names += [name for option in command.options for name in option.names]
        words.append(f"    {quoted(path)}) choices={quoted(' '.join(names))} ;;")
    return BASH % {
        "paths": " | ".join(paths),
        "values": "\n".join(values),
        "words": "\n".join(words),
    }


def zsh_text(text):
    for each in "\\[]:'":
        text = text.replace(each, "'\\''" if each == "'" else "\\" + each)
    return text


def zsh_action(option):
    if takes_file(option):
        return "_files"
    return f"({' '.join(option.choices)})" if option.choices else " "


def zsh_option(option):
    specs = []
    for name in option.names:
        shape = f"{'*' if option.repeated else ''}{name}[{zsh_text(option.text)}]"
        if option.value:
            shape += f":{zsh_text(option.value)}:{zsh_action(option)}"
        specs.append(f"'{shape}'")
    return specs


def zsh(root):
    lines = ["#compdef rruled", "# generated from `rruled --help`", ""]
    for command in root.walk():
        lines.append(f"_{'_'.join(['rruled', *command.path]).replace('-', '_')}() {{")
        if command.children:
            lines.append("  local line state")
        lines.append("  _arguments -C \\")
        specs = [spec for option in command.options for spec in zsh_option(option)]
        if command.children:
            specs += ["'1: :->verb'", "'*:: :->rest'"]
        else:
            for each in command.positionals:
                star = "*" if each.repeated else ""
                action = "_files" if takes_file(each) else " "
                specs.append(f"'{star}:{zsh_text(each.names[0])}:{action}'")
        lines += [f"    {spec} \\" for spec in specs[:-1]] + [f"    {specs[-1]}"]
        if command.children:
            lines += ["  case $state in", "    verb)", "      local -a verbs=("]
            lines += [
                f"        '{each.path[-1]}:{zsh_text(each.summary)}'" for each in command.children
            ]
            lines += [
                "      )",
                "      _describe command verbs ;;",
                "    rest)",
                "      case $line[1] in",
            ]
            for each in command.children:
                function = "_" + "_".join(["rruled", *each.path]).replace("-", "_")
                lines.append(f"        {each.path[-1]}) {function} ;;")
            lines += ["      esac ;;", "  esac"]
        lines += ["}", ""]
    return "\n".join([*lines, '_rruled "$@"', ""])


FISH = """# fish completion for rruled; generated from `rruled --help`.
# True where the words before the cursor begin with just these commands.
function __rruled_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l path
    for word in $words
        string match -q -- '-*' $word; and break
        set -a path $word
        contains -- "$path" $__rruled_paths; or begin
            set -e path[-1]
            break
        end
    end
    test "$path" = "$argv"
end
complete -c rruled -f
"""


def fish_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish(root):
    paths = [" ".join(each.path) for each in root.walk() if each.path]
    lines = [
        FISH.rstrip("\n"),
        "set -g __rruled_paths " + " ".join(fish_text(each) for each in paths),
    ]
    for command in root.walk():
        at = f"complete -c rruled -n {fish_text(' '.join(['__rruled_at', *command.path]))}"
        for each in command.children:
            lines.append(f"{at} -a {each.path[-1]} -d {fish_text(each.summary)}")
        if any(takes_file(each) for each in command.positionals):
            lines.append(f"{at} -F")
        for option in command.options:
            line = at
            for name in option.names:
                line += f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}"
            if option.value:
                line += " -r" + (" -F" if takes_file(option) else "")
                if option.choices:
                    line += f" -a {fish_text(' '.join(option.choices))}"
            lines.append(f"{line} -d {fish_text(option.text)}")
    return "\n".join([*lines, ""])
