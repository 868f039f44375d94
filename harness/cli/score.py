"""Score a finished run again, without its model: by another rule, other metrics or another judge.

With nothing changed the run's own summary is made again. A changed rule or judge makes a run of its
own, which keeps the responses: the first one stays what it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.completion import add_settings

if TYPE_CHECKING:
    from harness.report.runs import Run
    from harness.report.summary import Summary
    from harness.task import Task
    from harness.types import JSON, Model, Record

EPILOG = """examples:
  harness score RUN                                    retry what could not be scored
  harness score RUN task.scorer.extractor=videomme     as another rule would have read it
  harness score RUN judge=openai judge.url=… judge.model=NAME
  harness score RUN judge.calibrate=FILE
"""
CHANGEABLE = ("task.scorer", "task.metrics", "task.breakdowns", "judge")


def parser() -> argparse.ArgumentParser:
    """The words of ``harness score``."""
    made = argparse.ArgumentParser(
        prog="harness score",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("run", metavar="RUN", help="a run's folder, id or model")
    add_settings(made)
    made.add_argument("--results", type=Path, default=Path("results"))
    return made


def main(argv: Sequence[str]) -> int:
    """Scores the run and prints its line. 0, or 1 when something could not be scored."""
    words = parser().parse_intermixed_args(argv)

    from harness.build import build
    from harness.cli.ending import complain
    from harness.cli.result import result_line
    from harness.config import rescoring
    from harness.report.finding import run_named
    from harness.run.checks import refuse_metrics
    from harness.run.conclusion import complaints
    from harness.run.journal import Journal, read_json
    from harness.run.judge_options import judge_named, judge_options
    from harness.run.judge_stage import judge_stage
    from harness.run.scoring import on_scale, score_records
    from harness.unused import refuse_idle_judge

    run = run_named(words.run, words.results)
    settings = rescoring(_settings(run), words.settings, CHANGEABLE)
    task: Task = build(settings["task"], "task")
    refuse_metrics(task)
    asked, options = judge_options(settings.get("judge") or {})
    if asked:
        refuse_idle_judge(task)
    with judge_named():
        judge: Model | None = build(asked, "judge") if asked else None
        identity = dict(judge.identity()) if judge else None
    again = _again(run, task, identity, settings)
    with Journal(again.folder, read_json(again.folder / "request.json")):  # no run is writing there
        records = score_records(task, _responses(run, again))
        results = _results(run, words.results)
        records, who = judge_stage(
            task.scorer, judge, records, again.folder, results, _tell, options
        )
        records = on_scale(records, task.metrics)
        summary = _written(run, again, task, who, records)
    found = list(complaints(records, summary, True, again))
    for line in found:
        complain(line)
    print(f"{result_line(summary.to_json())}\n{again.folder}")
    return int(bool(found))


def _responses(run: Run, again: Run) -> list[Record]:
    """What is scored: the run's records, and the responses of the other run that is already there.
    Its own count where it asked its model, and not where they are copies of an earlier scoring: the
    run's may have been asked again since."""
    from harness.run.journal import read_records

    found = {record.key: record for record in read_records(run.folder)}
    if again.folder != run.folder:
        copied = "scored_from" in again.request
        known = {key for key, r in found.items() if copied and r.response is not None}
        there = (r for r in read_records(again.folder) if r.response is not None)
        found |= {record.key: record for record in there if record.key not in known}
    return list(found.values())


def _settings(run: Run) -> dict[str, Any]:
    """The run's task, as its request describes it with every field, and its judge."""
    from harness.errors import RequestError

    if run.old or "scorer" not in run.protocol:
        raise RequestError(f"{run.folder}: of an earlier version, which cannot be scored again")
    task = {**run.protocol, "source": {"_target_": "harness.data.Source"}}  # no row is read
    return {"task": task, "judge": (run.request.get("settings") or {}).get("judge")}


def _again(run: Run, task: Task, judge: JSON, settings: Mapping[str, Any]) -> Run:
    """The run that the scores belong to: the same, or one beside it with another identity."""
    import json

    from harness.errors import JournalError
    from harness.identity import describe
    from harness.report.runs import Run as Made
    from harness.report.runs import load
    from harness.run.journal import write_atomically
    from harness.run.request import run_id

    protocol = {key: value for key, value in describe(task).items() if key != "source"}
    identity = {key: value for key, value in run.identity.items() if key != "frames"}
    identity |= {"protocol": protocol, "judge": judge}
    identity = json.loads(json.dumps(identity))
    id = run_id(identity)
    if id == run.id:
        return run
    folder = run.folder.parent / id
    if (folder / "request.json").exists():  # asked, or scored, before: its request is its own
        return load(folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise JournalError(f"{folder}: cannot write ({error.strerror})") from error
    kept = {**(run.request.get("settings") or {}), "judge": settings.get("judge")}
    source = run.request.get("scored_from") or run.id
    request = {**run.request, **identity, "id": id, "settings": kept, "scored_from": source}
    text = json.dumps(request, indent=2, ensure_ascii=False)
    write_atomically(folder / "request.json", text + "\n")
    return Made(folder, request)


def _tell(line: str) -> None:
    print(line, flush=True)


def _written(run: Run, again: Run, task: Task, judge: JSON, records: Sequence[Record]) -> Summary:
    """Writes records, summary and page into the folder of ``again``; what no record says is as
    ``run``, whose responses they are, has it."""
    from harness.run.conclusion import write_summary
    from harness.run.scoring import rewrite

    own = again if (again.folder / "summary.json").exists() else run
    known = own.summary
    rewrite(again.folder, records)
    summary = again.summarised(
        records,
        task=task,
        expected=known.expected,
        waited=known.waited,
        judge=judge,
        share=known.share,
        energy=known.energy,
    )
    write_summary(again.folder, summary, records)
    return summary


def _results(run: Run, named: Path) -> Path:
    """The results folder that the run lies in, which keeps its judges' calls; else the one that
    was named, for a run that was copied out of it."""
    below = (Path(run.task) / run.model / run.id).parts
    folder = run.folder.resolve().parts
    return Path(*folder[: -len(below)]) if folder[-len(below) :] == below else named
