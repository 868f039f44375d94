"""The Python API behind ``import harness``: for notebooks and for other programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import RequestError
from harness.names import brief, nearest

if TYPE_CHECKING:
    import pandas as pd

    from harness.report.compare import Comparison
    from harness.types import Record


@dataclass(frozen=True)
class Run:
    """One run: its ``folder``, its ``summary`` as in summary.json, and its ``records``.

    ``complaints`` are the lines that the command would have printed and exited with 1 for; none
    for a run that was loaded.
    """

    folder: Path
    complaints: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """As in summary.json: n, counts, ``metrics`` by name, ``headline``, ``by``; made again from
        the records where that file is missing or damaged."""
        from harness.report.runs import load

        return load(self.folder).summary.to_json()

    @cached_property
    def records(self) -> pd.DataFrame:
        """One row per question: what was asked, shown, answered, extracted and scored.

        Groups are columns ``group.NAME`` (several values joined by ", "), a score's values columns
        ``score.METRIC`` (NaN where there is none: never a zero)."""
        import pandas as pd

        from harness.run.journal import read_records

        return pd.DataFrame([_row(record) for record in read_records(self.folder)])

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"


def evaluate(
    *,
    task: str = "demo",
    model: str = "tiny_video",
    tell: Callable[[str], None] | None = None,
    **settings: Any,
) -> Run:
    """Runs a model on a benchmark, or resumes it, as ``harness task=… model=…`` does.

    ``settings`` are the command's KEY=VALUE: ``frames=8``, ``video={"workers": 0}``,
    ``**{"task.scorer.extractor": "videomme"}``. ``tell`` is given the plan before weights load
    (nothing is printed without it). Raises HarnessError.
    """
    from harness.config import compose
    from harness.run.loop import run

    if settings.get("plan"):
        raise RequestError("plan=true: of the command; evaluate(tell=print) is told the plan")
    if tell is not None and not callable(tell):
        raise RequestError(
            f"tell={brief(tell)}: a function that takes a line is needed, e.g. print"
        )
    words = [f"task={task}", f"model={model}", *_words(settings)]
    outcome = run(compose(words), tell=tell or (lambda line: None), progress=False)
    return Run(outcome.folder, tuple(outcome.complaints))


def load_run(path: Path | str, results: Path | str = "results") -> Run:
    """A finished run by its folder, or by its id (or model) under ``results``. Raises
    HarnessError."""
    from harness.report.finding import run_named

    for given in (path, results):
        if not isinstance(given, str | Path):
            raise RequestError(f"load_run({brief(given)}): name a folder, an id or a model")
    return Run(run_named(path, results).folder)


def compare(
    first: Run | Path | str, second: Run | Path | str, *others: Run | Path | str
) -> Comparison:
    """Runs of one task against the first: paired differences, intervals, flips. Each is a Run, or
    what ``load_run`` takes. Raises HarnessError when they do not share questions."""
    from harness.report import compare as comparing
    from harness.report.finding import runs_named

    names = [run.folder if isinstance(run, Run) else run for run in (first, second, *others)]
    for name in names:
        if not isinstance(name, str | Path):
            raise RequestError(f"compare({brief(name)}): name a run, a folder, an id or a model")
    return comparing.compare(runs_named(names))


def extract(name: str, response: str, options: Sequence[str] = ()) -> str | None:
    """The option letter that a named extraction rule reads in a response; None: it reads none.

    ``options`` are the options' texts, without letters. Raises RequestError for an unknown name
    and for a response or options that are no texts.
    """
    from harness.scoring.extractors import EXTRACTORS

    if not isinstance(name, str) or name not in EXTRACTORS:
        raise RequestError(f"extract: no rule {name!r}{nearest(str(name), EXTRACTORS, few=99)}")
    if not isinstance(response, str):
        raise RequestError(f"extract: the response is {response!r}: a text is needed")
    if isinstance(options, str) or not isinstance(options, Sequence):
        raise RequestError(f"extract: the options are {options!r}: a list of texts is needed")
    for option in options:
        if not isinstance(option, str):
            raise RequestError(f"extract: an option is {option!r}: a text is needed")
    return EXTRACTORS[name](response, tuple(options))


def _words(settings: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Settings as KEY=VALUE words; a mapping's keys each by their dotted name, where they are
    names."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value and all(str(k).isidentifier() for k in value):
            yield from _words(value, f"{before}{key}.")
        else:
            yield f"{before}{key}={_spelt(value)}"


def _spelt(value: Any) -> str:
    """A value in Hydra's grammar. A text is taken as it is: ``${…}`` is no reference."""
    from harness.overrides import literal, quoted

    if type(value).__module__ == "numpy" and not getattr(value, "ndim", 1):
        value = value.item()
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(k)}:{_spelt(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_spelt, value)) + "]"
    return str(value) if isinstance(value, int | float) else quoted(literal(str(value)))


def _key(key: object) -> str:
    """A mapping's key in Hydra's grammar, which knows no quotes there: all else is escaped."""
    return re.sub(r"([\\()\[\]{}:=, \t])", r"\\\1", str(key))


def _row(record: Record) -> dict[str, Any]:
    question, response, score = record.question, record.response, record.score
    return {
        "id": question.id,
        "key": question.key,
        "question": question.text,
        "options": question.options,
        "target": question.target,
        "video": record.video,
        **{f"group.{name}": ", ".join(values) for name, values in question.groups.items()},
        "prompt": record.prompt,
        "frames": record.frames,
        "times": record.times,
        "response": response.text if response else None,
        "thinking": response.thinking if response else None,
        "finish": response.finish if response else None,
        "seconds": response.seconds if response else None,
        "answer": score.answer if score else None,
        **{f"score.{name}": value for name, value in (score.values if score else {}).items()},
        "status": record.status,
        "reason": record.reason,
    }
