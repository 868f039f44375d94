"""``harness [run] KEY=VALUE …``: compose the request, run it, say what it came to."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import stop
from harness.cli.completion import add_settings
from harness.cli.ending import STOPPED, complain, refused
from harness.cli.result import result_line, sweep_size
from harness.cli.suites import members, suite_of
from harness.errors import HarnessError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from harness.run.conclusion import Outcome
    from harness.run.request import Request

_WITH_VALUE = {"--cfg", "-c", "--package", "-p", "--config-name", "-cn", "--config-dir", "-cd"}
_WITHOUT = {"-m", "--multirun", "--resolve", "--info", "-i", "--hydra-help", "-r", "--run"}
_COMPLETION = {"-sc", "--shell-completion"}


def parser() -> argparse.ArgumentParser:
    """The words of ``harness run``, for completion: Hydra parses them."""
    made = argparse.ArgumentParser(prog="harness run", description=__doc__)
    made.add_argument("-m", "--multirun", action="store_true", help="a sweep over commas")
    made.add_argument("--cfg", choices=("job", "hydra", "all"), help="print the configuration")
    add_settings(made)
    return made


def main(argv: Sequence[str]) -> int:
    """Runs what the command line asks for: 0, 1 (questions failed), 2 (bad request)."""
    if {"-h", "--help"} & set(argv):
        from harness.cli.helping import group_text, help_text

        groups = [word for word in argv if not word.startswith("-")]
        print(group_text(groups[0]) if groups else help_text())
        return 0
    options, settings = _told(argv)
    suite = suite_of(settings)
    every = members(settings, suite) if suite else [settings]
    size = sweep_size(settings) if {"-m", "--multirun"} & set(options) else 1
    runs = Runs(size and size * len(every), suite)
    try:
        for each in every:
            with _stopped_at_once(), _hydra([*options, *each]) as start:
                start(runs.job)
    except SystemExit:
        if runs.crash is not None:
            raise runs.crash from None
        raise
    runs.show()
    return max(runs.codes, default=0)


class Runs:
    """The runs of one command line, a sweep's one after the other."""

    def __init__(self, expected: int | None = 1, suite: str | None = None) -> None:
        self.expected = expected
        self.suite = suite
        self.codes: list[int] = []
        self.crash: Exception | None = None
        self.done: list[tuple[Request, Outcome]] = []

    def job(self, config: DictConfig) -> None:
        """One run. Its error ends it alone; Ctrl-C ends the sweep."""
        from harness.config import register, request_from
        from harness.config_errors import as_request_error

        register()  # a launcher may have started this job in a process of its own
        try:
            with as_request_error():
                self.codes.append(self._run(request_from(config)) if config else 0)
        except HarnessError as error:
            refused(error)
            self.codes.append(2)
        except KeyboardInterrupt:
            print("\nStopped. Run the same command again to resume.", file=sys.stderr)
            sys.exit(STOPPED)
        except Exception as crash:  # noqa: BLE001  # raised by main: Hydra would add its own lines
            self.crash = crash
            sys.exit(1)

    def show(self) -> None:
        """Prints the rankings that the runs stand in, and rewrites the leaderboard of all."""
        from harness.report import leaderboard, rankings, tables
        from harness.report.diagnostics import diagnosed
        from harness.report.runs import find

        mine = {outcome.folder for _, outcome in self.done}
        for results in dict.fromkeys(request.results for request, _ in self.done):
            every, _ = find(results)
            leaderboard.write(results, every)
            for title, ranked in rankings.rankings(every).items():
                if any(run.folder in mine for run in ranked):
                    print(f"\n{title}\n{tables.columns(leaderboard.cells(ranked, every))}")
        if self.suite and self.done:
            self._show_suite()
        if self.expected == 1:
            for _, outcome in self.done:
                told = [
                    line
                    for line in diagnosed(outcome.summary)
                    if not any(said.startswith(line) for said in outcome.complaints)
                ]
                lines = (self._line(outcome), *told, outcome.folder)
                print("", *lines, sep="\n")

    def _show_suite(self) -> None:
        """The suite's published table, with a row for each model that was run here."""
        import pandas as pd

        from harness.report.blog import SOURCE, blog_rows

        rows = blog_rows([outcome.summary.to_json() for _, outcome in self.done])
        print(f"\n{SOURCE}\n{pd.DataFrame(rows).to_string(index=False)}")

    def _line(self, outcome: Outcome) -> str:
        """The run's own line, with its place in the sweep."""
        place, of = len(self.codes) + 1, self.expected
        where = "" if of == 1 else f"run {place} of {of}" if of else f"run {place}"
        return result_line(outcome.summary.to_json(), where)

    def _run(self, request: Request) -> int:
        if not request.settings.get("plan"):
            writable(request.results)

        from harness.run.loop import plan, run

        if request.settings.get("plan"):
            from harness.cli.estimate import disk_line, time_line

            needed = plan(request)
            print(needed, time_line(request, needed.questions), sep="\n")
            print(disk_line(request, needed.questions), flush=True)
            needed.refuse(allow_overflow=request.allow_overflow)  # as the run would
            return 0
        if signal.getsignal(signal.SIGINT) is stop:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # from now on it can resume
        outcome = run(request)
        self.done.append((request, outcome))
        if self.expected != 1:
            print(f"{self._line(outcome)}\n  {outcome.folder}", flush=True)
        for line in outcome.complaints:
            complain(line if self.expected == 1 else f"{request.model} on {request.task}: {line}")
        return int(bool(outcome.complaints))


def writable(results: Path) -> None:
    """Raises RequestError where runs cannot be written, before anything is planned or loaded."""
    from harness.errors import RequestError

    try:
        results.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=results):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RequestError(
            f"results={results}: cannot write there ({reason}); name another folder with results="
        ) from error


def _told(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Hydra's own options as they are, and the settings as it takes them. Raises RequestError."""
    from harness.errors import RequestError
    from harness.overrides import prepared

    if _COMPLETION & set(argv):
        return list(argv), []
    options: list[str] = []
    settings: list[str] = []
    words = iter(argv)
    for word in words:
        if word.partition("=")[0] in _WITH_VALUE | _WITHOUT:
            options += [word, next(words, "")] if word in _WITH_VALUE else [word]
            if word in ("--cfg", "-c") and options[-1] not in ("job", "hydra", "all"):
                raise RequestError(f"{word} {options[-1]}: write {word} job, hydra or all")
        else:
            settings.append(word)
    return options, prepared(settings)


@contextmanager
def _stopped_at_once() -> Iterator[None]:
    """Until a run begins Ctrl-C ends the process by ``harness.cli.stop``; where it is ignored (a
    shell's job in the background) it stays so."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _hydra(words: list[str]) -> Iterator[Any]:
    """Hydra's own main over ``words``; its marks on the process are gone afterwards.

    Raises RequestError, in one line, for a configuration that cannot be composed."""
    import hydra
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    from harness.config import register
    from harness.config_errors import as_request_error
    from harness.overrides import config_folders

    *mine, built_in = config_folders()
    register()
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    folders = [word for path in mine for word in ("--config-dir", str(path))]
    sys.argv = ["harness", *folders, *words]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that errors reach the handler below
    before = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
    try:
        wrap = hydra.main(config_path=str(built_in), config_name="config", version_base="1.3")
        with as_request_error():
            yield lambda job: wrap(job)()
    finally:
        sys.argv = argv
        GlobalHydra.instance().hydra, HydraConfig.instance().cfg = before
        os.environ.pop("HYDRA_FULL_ERROR")
        if full is not None:
            os.environ["HYDRA_FULL_ERROR"] = full
