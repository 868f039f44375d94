"""What several judges and people said about one run: read, compared, corrected.

People's verdicts are a file with a line a question, ``{"question": key, "values": {name: number}}``
(``harness label`` writes it, with a hash of the response that was read: a verdict on another
response to the same question is passed over); a judge's are the run's own
(``harness.run.judging``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite
from pathlib import Path
from random import Random
from typing import Any

from harness.errors import JournalError
from harness.identity import digest
from harness.run.journal import read_json, read_records
from harness.run.judge_files import JUDGEMENTS, judge_name
from harness.scoring.agreement import kappa
from harness.scoring.calibration import calibrated
from harness.scoring.judge_slots import Bounded
from harness.types import Estimate, Record

LABELS = "labels.jsonl"
Values = Mapping[str, Mapping[str, float]]
"""By record key: {name of the value: number}."""


@dataclass(frozen=True)
class Agreement:
    """Two judges on the responses that both scored: the share with the same value, and kappa.

    ``kappa`` weighs squared distances where the values are no 0 and 1.
    """

    first: str
    second: str
    value: str
    same: float
    kappa: Estimate


def verdicts(run: Path) -> dict[str, Values]:
    """Everyone's verdicts on a run by name: its judges' identities, and "people" where there are.

    Raises JournalError for a file that is none of ours.
    """
    found: dict[str, Values] = {
        name: {str(line["question"]): line.get("values", {}) for line in lines}
        for name, lines in judged(run)
    }
    if (run / LABELS).is_file():
        found["people"] = labels(run / LABELS, read_records(run))
    return found


def judged(run: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each judge of a run by name, and the lines about what it said: question, prompts (hashes),
    replies, parse, and values or the reason why there are none. Raises JournalError."""
    for file in sorted(run.glob(f"{JUDGEMENTS}*.jsonl")):
        head, *lines = _lines(file) or [{}]
        for number, line in enumerate(lines, start=2):
            _check(line.get("values", {}), f"{file}: line {number}")
        yield _name(head, file, run), [line for line in lines if "question" in line]


def labels(file: Path, records: Sequence[Record] = ()) -> Values:
    """People's verdicts; the last one about a question counts, and none on another response than
    that of ``records``. Raises JournalError."""
    said = {record.key: digest(record.response.text) for record in records if record.response}
    found: dict[str, Mapping[str, float]] = {}
    for number, line in enumerate(_lines(file), start=1):
        key, values = line.get("question"), line.get("values")
        if not isinstance(key, str) or not isinstance(values, dict):
            raise JournalError(f"{file}: line {number} needs a question and its values")
        _check(values, f"{file}: line {number}")
        if said.get(key, line.get("response")) == line.get("response", said.get(key)):
            found[key] = values
    return found


def agreements(
    found: Mapping[str, Values], value: str, clusters: Mapping[str, str]
) -> list[Agreement]:
    """Every two of ``found`` on one value; ``clusters`` is the video of each record key."""
    result: list[Agreement] = []
    for first, second in combinations(found, 2):
        common = [
            key
            for key in clusters
            if value in found[first].get(key, {}) and value in found[second].get(key, {})
        ]
        one, two = ([found[name][key][value] for key in common] for name in (first, second))
        if common:
            graded = bool(set(one + two) - {0.0, 1.0})
            same = sum(a == b for a, b in zip(one, two, strict=True)) / len(common)
            kappas = kappa(one, two, [clusters[key] for key in common], weighted=graded)
            result.append(Agreement(first, second, value, same, kappas))
    return result


def corrected(
    records: Sequence[Record], people: Values, value: str, scorer: object = None
) -> Estimate:
    """The judged mean of ``value`` over scored records, corrected by people's verdicts on some;
    cut to the value's scale where ``scorer`` says what its best and worst are (``Bounded``).

    Raises RequestError when these are about responses that the judge has not scored, or none.
    """
    scored = {r.key: r for r in records if r.score is not None and value in r.score.values}
    judged = {key: r.score.values[value] for key, r in scored.items() if r.score is not None}
    human = {key: given[value] for key, given in people.items() if value in given}
    clusters = {key: record.video for key, record in scored.items()}
    ends = [
        scorer.bounds(record.question).get(value)
        for record in scored.values()
        if isinstance(scorer, Bounded)
    ]
    known = [end for end in ends if end is not None]
    whole = len(known) == len(scored) and bool(known)
    scale = (min(low for low, _ in known), max(high for _, high in known)) if whole else None
    return calibrated(judged, human, clusters, scale=scale)


def to_label(records: Sequence[Record], count: int, seed: int = 0) -> list[Record]:
    """``count`` scored records drawn at random: what a correction by people has to rest on."""
    scored = [r for r in records if r.status == "scored" and r.response is not None]
    Random(seed).shuffle(scored)
    return scored[:count]


def label(
    records: Sequence[Record],
    scorer: Bounded,
    file: Path,
    ask: Callable[[str], str],
    tell: Callable[[str], None],
) -> int:
    """Asks a person about each record that ``file`` has no verdict on, without the judge's own;
    how many were answered. Each verdict is on disk before the next question. "s" skips, "q" ends.
    """
    done = labels(file, records) if file.is_file() else {}
    answered = 0
    for number, record in enumerate(records, start=1):
        bounds = scorer.bounds(record.question)
        if record.key in done or record.response is None or not bounds:
            continue
        tell(
            f"\n[{number}/{len(records)}] {record.question.text}\n"
            f"right:    {record.question.target}\nresponse: {record.response.text}"
        )
        values: dict[str, float] = {}
        for name, (low, high) in bounds.items():
            said = _ask(name, low, high, ask, tell)
            if said == "q":
                return answered
            if isinstance(said, float):
                values[name] = said
        if len(values) == len(bounds):
            with file.open("a", encoding="utf-8") as out:
                read = {"question": record.key, "response": digest(record.response.text)}
                out.write(json.dumps({**read, "values": values}) + "\n")
            answered += 1
    return answered


def _ask(
    name: str,
    low: float,
    high: float,
    ask: Callable[[str], str],
    tell: Callable[[str], None],
) -> float | str:
    """A number within bounds, "s" or "q"."""
    binary = (low, high) == (0.0, 1.0)
    words = {"y": 1.0, "n": 0.0} if binary else {}
    while True:
        said = ask(f"{name} ({'y/n' if binary else f'{low:g} to {high:g}'}, s, q): ")
        said = said.strip().lower()
        if said in ("s", "q"):
            return said
        try:
            value = words[said] if said in words else float(said)
        except ValueError:
            value = high + 1
        if low <= value <= high:
            return value
        tell(f"{said!r} is none of these")


def _check(values: object, where: str) -> None:
    """Raises JournalError unless ``values`` are numbers by name."""
    if not isinstance(values, dict):
        raise JournalError(f"{where}: its values are {values!r}, and not numbers by name")
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise JournalError(f"{where}: its {name} is {value!r}, and no number")


def _lines(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    try:
        content = file.read_bytes()
    except OSError as error:
        raise JournalError(f"{file}: cannot be read ({error.strerror})") from error
    for number, raw in enumerate(content.splitlines(), start=1):
        try:
            line = json.loads(raw)
        except ValueError as error:
            raise JournalError(f"{file}: line {number} is not readable as JSON") from error
        if not isinstance(line, dict):
            raise JournalError(f"{file}: line {number} is no object")
        found.append(line)
    return found


def _name(head: Mapping[str, object], file: Path, run: Path) -> str:
    judge = head.get("judge")
    if not isinstance(judge, dict):
        raise JournalError(f"{file}: its first line names no judge")
    request = read_json(run / "request.json") if (run / "request.json").is_file() else {}
    own = request.get("judge") == judge
    name = judge_name(request if own else {"judge": judge})
    short = file.stem.removeprefix(JUDGEMENTS)
    return short if name == "unnamed" else f"{name} ({short[:6]})"
