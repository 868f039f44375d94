"""Which questions a run asks: of the benchmark, and of these the ones an earlier run has not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from harness.controls import asked
from harness.errors import DataError, JournalError
from harness.rows import BadRow
from harness.run.changes import still_right
from harness.run.checks import refuse_idle
from harness.run.journal import Journal
from harness.run.plain_values import kept_as_asked
from harness.run.request import Request
from harness.run.scoring import rewrite
from harness.run.uncollected import uncollected
from harness.subset import select
from harness.types import Clip, Question, Record


def prepared(request: Request, bad: list[BadRow] | None = None) -> list[Clip]:
    """The clips this request asks about, in the benchmark's order; rows that cannot be asked are
    put into ``bad``. Without it they raise DataError, as does a benchmark without questions, or a
    question that no record could hold."""
    with uncollected():
        every = list(request.benchmark.clips(bad))
        if not every and not bad:
            raise DataError(f"task={request.task}: there are no questions in its rows; check data=")
        refuse_idle(request.benchmark, every, request.control, request.permute_options)
        chosen = select(every, request.limit)
        chosen = kept_as_asked(chosen)
        return asked(chosen, request.control, request.permute_options, request.repeats)


def fetched(request: Request, clips: list[Clip], bad: list[BadRow] | None = None) -> list[Clip]:
    """The same clips, with the paths of what was fetched for them. Raises DataError."""
    if request.benchmark.prepare(clips) is False:
        return clips
    if bad is not None:
        bad.clear()
    return prepared(request, bad)


def pending(
    clips: Sequence[Clip], before: Mapping[str, Record], retry_failures: bool
) -> list[Clip]:
    """The clips with only the questions that are still to be asked."""

    def finished(question: Question) -> bool:
        record = before.get(question.key)
        return record is not None and not (retry_failures and record.status == "failed")

    left = (
        dataclasses.replace(clip, questions=tuple(q for q in clip.questions if not finished(q)))
        for clip in clips
    )
    return [clip for clip in left if clip.questions]


def by_video(clips: Sequence[Clip]) -> list[Clip]:
    """The clips with those of one video side by side, in order of its first: they are then read
    together."""
    gathered: dict[object, list[Clip]] = {}
    for clip in clips:
        gathered.setdefault(clip.video or clip.id, []).append(clip)
    return [clip for several in gathered.values() for clip in several]


def kept_records(
    request: Request,
    clips: Sequence[Clip],
    bad: Sequence[Record],
    journal: Journal,
    tell: Callable[[str], None],
) -> Mapping[str, Record]:
    """The records of an earlier run of this request that still are of what would be asked now, by
    key. All else is taken out of its files. Raises JournalError where other shards hold them."""
    left_out = {record.key for record in bad}
    known = [record for record in journal.records.read() if record.key not in left_out]
    with uncollected():
        found = still_right(request.benchmark, clips, known)
    if lines := list(found.lines()):
        with journal.alone() as alone:
            if not alone:
                raise JournalError(f"{journal.folder}: {lines[0]}: stop the other shards first")
            for name in ("summary.json", "report.html"):  # they count what is dropped now
                (journal.folder / name).unlink(missing_ok=True)
            rewrite(journal.folder, list(found.records.values()))
        for line in lines:
            tell(line)
    return found.records
