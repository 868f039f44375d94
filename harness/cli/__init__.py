"""The one command: ``harness [COMMAND] …``, each command a module of this package.

A command is a file ``harness/cli/NAME.py`` with ``parser() -> ArgumentParser`` and
``main(argv) -> int`` (its exit code), and one line in ``COMMANDS``. It imports what is heavy inside
``main``, so that ``harness --help`` and completion stay fast.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

COMMANDS = {
    "run": "run a model on a benchmark (the default: `harness task=… model=…`)",
    "score": "score a run again without its model: another rule, another judge",
    "leaderboard": "all runs, ranked per protocol",
    "compare": "runs against each other, or one beside every published number",
    "audit": "one run's responses under every extractor",
    "label": "give verdicts of your own on a judged run's responses",
    "judges": "how far a run's judges and people agree, and the score corrected by people",
    "need": "which questions need the video: a run beside its controls",
    "gate": "exit 0 or 1 for CI: a run against its baseline",
    "view": "a run as a page with its frames, or two side by side",
    "plot": "figures for a paper: SVG, PDF, PNG",
    "site": "the leaderboard and every run as a static site",
    "watch": "a run's score so far, while it goes on",
    "publish": "a run in the form in which others look for results",
    "export": "a run as a leaderboard takes it, or as a page",
    "data": "fetch and verify a benchmark",
    "doctor": "prove that sharing a clip does not change answers here",
    "new": "write a benchmark's YAML from a file of rows",
    "try": "ask the fake model five questions, to see what is odd",
    "completion": "the shell's completion script",
}
"""Every sub-command with its line in ``--help``; a module of the same name beside this file."""

_MODULES = {"try": "try_"}  # a Python word cannot be a module's name


def main(argv: Sequence[str]) -> int:
    """Runs a command line without the program's name; returns its exit code.

    Raises HarnessError and whatever a command raises: ``console`` turns those into one line.
    """
    words = list(argv)
    if words[:1] == ["--version"]:
        print(f"harness {version()}")
        return 0
    if words and words[0] in COMMANDS:
        return int(command(words[0]).main(words[1:]))
    if words:
        _refuse_misspelt(words[0])
    return int(command("run").main(words))


def _refuse_misspelt(word: str) -> None:
    """Raises RequestError for a word that was to be a command and is none; the words of a run are
    KEY=VALUE, and its own messages say what is wrong with those."""
    import difflib

    from harness.errors import RequestError
    from harness.overrides import GROUPS, top_level_keys

    if not word.replace("-", "").isalpha() or word.startswith("-"):
        return
    if word in (*top_level_keys(), *GROUPS):
        return
    near = difflib.get_close_matches(word, COMMANDS, n=3, cutoff=0.6)
    said = f"; nearest: {', '.join(near)}" if near else ""
    raise RequestError(
        f"{word}: no such command{said}; harness --help lists them, and settings are KEY=VALUE"
    )


def command(name: str) -> ModuleType:
    """The module of a sub-command."""
    return importlib.import_module(f"harness.cli.{_MODULES.get(name, name)}")


def version() -> str:
    """The installed version; a bare checkout says that it is one."""
    from importlib import metadata

    from harness.names import DISTRIBUTION

    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "(a checkout that is not installed)"


def stop(number: int, frame: object) -> NoReturn:
    """Ctrl-C where nothing has begun: a KeyboardInterrupt in the middle of an import can be lost in
    the library that it lands in, and the program then goes on."""
    os.write(2, b"harness: stopped\n")
    os._exit(128 + number)


def console(*before: str) -> NoReturn:
    """The console script: ``before`` and the program's words, then exit with the code.

    0: done; 1: done but incomplete, failed or a user's own code has a bug; 2: cannot be done as
    written; 130: stopped with Ctrl-C.
    """
    before_import = signal.getsignal(signal.SIGINT)
    if before_import is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, stop)
    from harness.cli.completion import complete_if_asked
    from harness.cli.ending import ended

    signal.signal(signal.SIGINT, before_import)
    complete_if_asked()
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())  # the user's own tasks/ and models, as with python -m
    sys.exit(ended(lambda: main([*before, *sys.argv[1:]])))
