"""The shell's completion script: `eval "$(harness completion bash)"`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")


def parser() -> argparse.ArgumentParser:
    """The words of ``harness completion``."""
    made = argparse.ArgumentParser(prog="harness completion", description=__doc__)
    made.add_argument("shell", choices=SHELLS, help="the shell that is to complete")
    return made


def main(argv: Sequence[str]) -> int:
    """Prints the script."""
    from argcomplete.shell_integration import shellcode

    shell = parser().parse_args(argv).shell
    print(shellcode(["harness"], shell=shell))
    return 0


def complete_if_asked() -> None:
    """Answers the shell and exits, when this process was started by its completion."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    from harness.cli import COMMANDS, command

    top = argparse.ArgumentParser(prog="harness")
    typed = os.environ.get("COMP_LINE", "").split()
    if len(typed) > 1 and typed[1] in COMMANDS:
        known = top.add_subparsers()
        known.add_parser(typed[1], parents=[command(typed[1]).parser()], add_help=False)
    else:
        add_settings(top, COMMANDS)
    argcomplete.autocomplete(top, always_complete_options=False)


def add_settings(made: argparse.ArgumentParser, commands: Iterable[str] = ()) -> None:
    """Lets a parser take KEY=VALUE words, completed with the keys and names that there are."""
    words = made.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="as of a run")
    words.completer = lambda prefix, **_: words_like(prefix, commands)  # type: ignore[attr-defined]


def words_like(prefix: str, commands: Iterable[str] = ()) -> list[str]:
    """What a word that begins like this can be: a command, a key, a choice of a group."""
    from harness.overrides import GROUPS, choices, top_level_keys

    group, equals, _ = prefix.partition("=")
    if equals and group in GROUPS:
        found = [f"{group}={name}" for name in choices(group)]
    else:
        found = [*commands, *(f"{key}=" for key in (*GROUPS, *top_level_keys()) if key != "video")]
    return [word for word in found if word.startswith(prefix)]
