"""The end of a run: its records scored, its summary and page written, what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.names import several
from harness.report.diagnostics import cut_off
from harness.report.remembered import keep_units
from harness.report.runs import Run, load
from harness.report.summary import Summary, unscored
from harness.run import energy
from harness.run.checks import never_given
from harness.run.journal import read_json, write_atomically
from harness.run.judge_stage import NOT_JUDGED, judge_stage, not_judged
from harness.run.record_lines import RecordFiles
from harness.run.request import Request
from harness.run.scoring import on_scale, rewrite, score_records
from harness.run.share import share_of_peak
from harness.run.waiting import waited_in_all
from harness.types import Clip, Generation, Record

Tell = Callable[[str], None]

PAGED = 20_000
"""Questions up to which every run gets its page: more make a file that few browsers open."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to: its folder, its summary as written there, and what is wrong with it."""

    folder: Path
    summary: Summary
    complaints: tuple[str, ...]


def conclude(
    request: Request,
    clips: Sequence[Clip],
    folder: Path,
    waited: float,
    alone: bool = True,
    tell: Tell = lambda line: None,
    bad: Sequence[Record] = (),
    files: RecordFiles | None = None,
) -> Outcome:
    """Scores what is not scored yet, and derives summary.json and report.html. Records are
    rewritten only ``alone``: other shards may be appending to them. ``bad`` are the records of rows
    that could not be asked; ``files`` has perhaps read the folder's records before."""
    files = files or RecordFiles(folder)
    known = files.read()
    kept = {record.key: record for record in (*known, *bad)}
    task, records = request.benchmark, list(kept.values())
    records = score_records(task, records)
    records, judge = judge_stage(
        task.scorer, request.judge, records, folder, request.results, tell, request.judging
    )
    records = on_scale(records, task.metrics)
    same = records == known and files.whole(len(known))
    if alone and not same:
        rewrite(folder, records)
    run = Run(folder, read_json(folder / "request.json"))
    summary = run.summarised(
        records,
        task=task,
        expected=sum(len(clip.questions) for clip in clips) + len(bad),
        waited=waited_in_all(folder, waited),
        judge=judge,
        share=share_of_peak(request.backend, records),
        energy=energy.total(folder, len(records) - len(bad)),
    )
    write_summary(folder, summary, records, same)
    found = complaints(records, summary, request.allow_failures, run)
    return Outcome(folder, summary, tuple(found))


def write_summary(
    folder: Path, summary: Summary, records: Sequence[Record], same: bool = False
) -> None:
    """summary.json, and what is derived from it and the records: what leaderboards need, and the
    page; of a very large run only `harness view` makes one. Where the records are the ``same`` as
    before, and the summary too, what is there stays."""
    text = json.dumps(summary.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    summed, page = folder / "summary.json", folder / "report.html"
    small = (summary.expected or 0) <= PAGED
    if same and _holds(summed, text) and (not small or _newer(page, summed)):
        return
    write_atomically(summed, text)
    run = load(folder, records)
    keep_units(run)
    if small:
        from harness.report import html  # what makes a page is slow to import

        write_atomically(page, html.page(run))


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def _newer(path: Path, other: Path) -> bool:
    """Whether a file was written after the other one."""
    try:
        return path.stat().st_mtime_ns >= other.stat().st_mtime_ns
    except OSError:
        return False


def hidden_labels(summary: Summary) -> str:
    """What is said of questions whose labels the benchmark's authors keep; empty without any."""
    if not summary.unlabelled:
        return ""
    return (
        f"the labels of {several(summary.unlabelled, 'question')} are hidden: answers are recorded "
        "and not scored; harness export writes them as the benchmark's server takes them"
    )


def complaints(
    records: Sequence[Record], summary: Summary, allow_failures: bool, run: Run
) -> Iterator[str]:
    """What is wrong with a run, a line each; any makes the exit code 1. Degenerate responses may be
    accepted as failures may: neither is mended by scoring again. A judge may leave a small share
    without a verdict (``LIMIT``), as in a complete run: that is said beside the number."""
    failed = [record for record in records if record.status == "failed"]
    count = several(len(records), "question")
    if failed and not allow_failures:
        yield (
            f"{len(failed)} of {count} failed, the first with: "
            f"{failed[0].reason} (question {failed[0].key}); run again to retry them"
        )
    builds = {r.response.fingerprint for r in records if r.response and r.response.fingerprint}
    if len(builds) > 1:
        yield (
            f"the server's build changed within the run ({', '.join(sorted(builds)[:4])}): its "
            "answers are not one model's; move the run's folder away and run again"
        )
    by_scorer, by_judge = unscored(records)
    lost = [record for record in by_judge if record.reason != NOT_JUDGED]
    if len(lost) < len(by_judge):
        yield not_judged(len(by_judge) - len(lost), run.folder)
    if by_scorer:
        yield f"{len(by_scorer)} of {count} could not be scored, the first: {by_scorer[0].reason}"
    if len(lost) > run.unjudged * len(records):
        yield f"{len(lost)} of {count} got no verdict of the judge, the first: {lost[0].reason}"
    if summary.scored and not summary.n:
        yield from never_given(0, run.metrics[0], records)
    if said := cut_off(summary):
        yield f"{said} to {4 * _tokens(run)} or more; every question was asked, but exit code 1"
    if summary.often_degenerate and not allow_failures:
        yield (
            f"{summary.degenerate} of {count} were answered with nothing, or with one character or "
            "word over and over, hence exit code 1: look at them with harness view before this "
            "score is used (a prompt that overflows the context, a wrong chat template and a "
            "damaged checkpoint are what does this; so is a model that has nothing to say); "
            "allow_failures=true accepts them"
        )


def _tokens(run: Run) -> int:
    """How many tokens a response of the run may have."""
    asked = run.request.get("generation") or {}
    return int(asked.get("max_new_tokens", Generation.max_new_tokens))
