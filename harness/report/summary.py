"""From a run's records to the numbers in its summary.json, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from harness.errors import JournalError
from harness.report.breakdowns import by_group, group_names
from harness.report.diagnostics import Consistency, Repeats, consistency, repeats
from harness.report.numbers_json import clean, estimate_from, estimate_json
from harness.report.value import Value, value_of
from harness.run.uncollected import uncollected
from harness.scoring.degenerate import is_degenerate
from harness.types import JSON, Estimate, Metric, Record, Status

COUNTS: tuple[Status, ...] = get_args(Status)


MOST_DEGENERATE = 0.05
"""Share of empty or endlessly repeating responses above which a run is not to be trusted."""

Parts = Mapping[str, Mapping[str, Mapping[str, Estimate]]]
"""Estimates by group, value of the group, and metric."""


@dataclass(frozen=True)
class Summary:
    """What a run came to.

    ``n`` and ``clusters`` are the headline's questions and videos; ``scored`` to ``unscored`` count
    answers by status, ``unlabelled`` those that were read but whose label is hidden; ``expected``
    is how many were to be asked; ``complete``: all were, and none failed or is unscored;
    ``seconds`` are the model's, over all records; ``waited`` the time it waited for frames, over
    all sessions of the run but those that were killed; ``degenerate`` counts
    responses that are blank or repeat themselves; ``share`` is how much of the arithmetic that the
    device could have done in ``seconds`` the answers needed (None: its rate is not known);
    ``energy`` what the GPUs took for all of them, in joules (None: not measured);
    ``subtitles`` how many questions were shown any.
    """

    task: str
    model: str
    frames: int | None
    headline: str
    metrics: Mapping[str, Value]
    scored: int = 0
    unparsed: int = 0
    truncated: int = 0
    failed: int = 0
    unscored: int = 0
    unlabelled: int = 0
    complete: bool = True
    expected: int | None = None
    seconds: float = 0.0
    waited: float = 0.0
    degenerate: int = 0
    by: Parts = field(default_factory=dict)
    judge: JSON = None
    subtitles: Mapping[str, int] | None = None
    consistency: Consistency | None = None
    repeats: Repeats | None = None
    share: float | None = None
    energy: float | None = None

    @property
    def main(self) -> Value:
        """The headline."""
        return self.metrics[self.headline]

    @property
    def n(self) -> int:
        return self.main.estimate.n

    @property
    def clusters(self) -> int:
        return self.main.estimate.clusters

    def part(self, group: str) -> dict[str, Estimate]:
        """The headline over each value of a group."""
        return {value: found[self.headline] for value, found in self.by.get(group, {}).items()}

    @property
    def often_degenerate(self) -> bool:
        """Whether more responses are degenerate than a run that is to be trusted has."""
        asked: int = sum(getattr(self, name) for name in (*COUNTS, "unlabelled"))
        return self.degenerate > MOST_DEGENERATE * asked

    def to_json(self) -> dict[str, Any]:
        """summary.json: no NaN, what is not known is null."""
        plain: dict[str, Any] = {**asdict(self), "n": self.n, "clusters": self.clusters}
        plain["metrics"] = {name: value.to_json() for name, value in self.metrics.items()}
        plain["by"] = {
            group: {
                value: {name: estimate_json(found) for name, found in metrics.items()}
                for value, metrics in values.items()
            }
            for group, values in self.by.items()
        }
        return dict(clean(plain))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Summary:
        """The inverse. Raises JournalError for what ``to_json`` never writes."""
        try:
            return _read(cls, plain)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise JournalError(f"damaged summary ({error})") from error


@uncollected()
def summarise(
    records: Iterable[Record],
    *,
    task: str,
    model: str,
    frames: int | None,
    metrics: Sequence[Metric],
    scorer: object = None,
    breakdowns: Sequence[str] = (),
    expected: int | None = None,
    judge: JSON = None,
    unjudged: float = 0.0,
) -> Summary:
    """The same for any order of ``records``.

    ``metrics`` are the task's, the first is the headline; ``scorer`` is asked for the chance level;
    ``breakdowns`` are the groups reported (none named: all that the records name); ``expected`` is
    how many answers the request asks for: a run that has fewer, or any failed or unscored one, is
    not ``complete``; ``judge`` says who judged, and ``unjudged`` which share it may leave without a
    verdict all the same: a score that its scorer lost is not among these.
    """
    ordered = sorted(records, key=lambda record: record.key)
    counted = _counted(ordered)
    by_scorer, by_judge = unscored(ordered)
    lost = counted["failed"] or by_scorer or len(by_judge) > unjudged * len(ordered)
    return Summary(
        task,
        model,
        frames,
        metrics[0].name,
        {metric.name: value_of(metric, ordered, scorer) for metric in metrics},
        **counted,
        complete=not lost and expected in (None, len(ordered)),
        expected=expected,
        by=_parts(ordered, metrics, breakdowns),
        judge=judge,
        repeats=repeats(ordered, metrics[0]),
    )


def unscored(records: Iterable[Record]) -> tuple[list[Record], list[Record]]:
    """The unscored records: those that their scorer lost, and those without the judge's verdict."""
    by_scorer: list[Record] = []
    by_judge: list[Record] = []
    for record in records:
        if record.status == "unscored":
            (by_judge if record.stage == "judge" else by_scorer).append(record)
    return by_scorer, by_judge


def _parts(
    records: Sequence[Record], metrics: Sequence[Metric], breakdowns: Sequence[str]
) -> Parts:
    """Each metric by the values of each group."""
    names = breakdowns or group_names(records)
    return {name: by_group(records, name, metrics) for name in names}


def _counted(records: Sequence[Record]) -> dict[str, Any]:
    """The fields of a summary that no metric decides."""
    counts = Counter(_status(record) for record in records)
    seconds = sum(record.response.seconds for record in records if record.response)
    return {
        **{name: counts[name] for name in (*COUNTS, "unlabelled")},
        "seconds": round(seconds, 3),
        "degenerate": sum(_degenerate(record) for record in records),
        "subtitles": _subtitles(records),
        "consistency": consistency(records),
    }


def _degenerate(record: Record) -> bool:
    said = record.response
    return said is not None and not said.thinking and is_degenerate(said.text)


def _status(record: Record) -> str:
    """A response that was read, but whose label is hidden, is neither right nor unparsed."""
    hidden = record.question.target is None and record.status == "unparsed"
    read = record.score is not None and record.score.answer is not None
    return "unlabelled" if hidden and read else record.status


def _subtitles(records: Sequence[Record]) -> dict[str, int] | None:
    """How many questions were shown subtitles, of those whose protocol shows any; else None."""
    shown = [record.subtitles for record in records if record.subtitles is not None]
    return {"questions": len(shown), "with": sum(n > 0 for n in shown)} if shown else None


def _read(cls: type[Summary], plain: Mapping[str, Any]) -> Summary:
    metrics = {str(name): Value.from_json(found) for name, found in plain["metrics"].items()}
    by = {
        group: {
            value: {name: estimate_from(found) for name, found in some.items()}
            for value, some in values.items()
        }
        for group, values in plain["by"].items()
    }
    metrics[plain["headline"]]  # a headline that is no metric is damage
    kept: dict[str, Any] = {
        name: plain[name]
        for name in cls.__dataclass_fields__
        if name in plain and name not in ("metrics", "by", "consistency", "repeats")
    }
    for name in (*COUNTS, "unlabelled", "degenerate"):
        if not isinstance(kept.get(name, 0), int):
            raise TypeError(f"{name} is {kept[name]!r}")
    if not isinstance(kept.get("seconds", 0.0), int | float):
        raise TypeError(f"seconds is {kept['seconds']!r}")
    return cls(
        **kept,
        metrics=metrics,
        by=by,
        consistency=Consistency.from_json(plain.get("consistency")),
        repeats=Repeats.from_json(plain.get("repeats")),
    )
