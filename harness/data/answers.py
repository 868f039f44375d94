"""What a file's answers are (options, yes or no, numbers, moments, texts), and its rows as a task
reads them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal, get_args

from harness.data import bad_rows
from harness.data.choices import WAYS, letters
from harness.data.columns import Columns, Rows
from harness.errors import DataError
from harness.scoring.intervals import BETWEEN, TIME, UNIT, seconds
from harness.scoring.options import listed_options, without_prefixes

Kind = Literal["choice", "yes-no", "number", "moment", "text", "judged"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SAID = (*WAYS, *(kind for kind in KINDS if kind not in ("choice", "text")))
"""What ``--answers`` may say: "text" is an option's where there are options."""

_OTHERWISE = ": the other answers are; mend these, or say --answers text to take all as texts"
_CERTAIN: tuple[Kind, ...] = ("yes-no", "number", "moment")
_NEARLY_ALL = 0.8
"""Where so many answers are of one kind the others are mistakes, and not texts among texts."""
_SHORT = 4
"""Words: answers that are mostly longer are worth nothing to an exact comparison."""
_NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?([eE][-+]?\d+)?|[-+]?\.\d+")
_MOMENT = re.compile(rf"[\[(]?\s*({TIME}){UNIT}{BETWEEN}({TIME}){UNIT}\s*[\])]?", re.IGNORECASE)
_YES_NO = {"yes": "A", "no": "B", "true": "A", "false": "B"}


@dataclass(frozen=True)
class Standard:
    """``rows`` with standard fields, answers of one ``kind``; ``changed``: more than the columns'
    names is other than in the file."""

    rows: Sequence[Mapping[str, Any]]
    kind: Kind
    changed: bool


def standard(
    rows: Rows,
    columns: Columns,
    said: str | None = None,
    where: Callable[[int], str] = lambda index: f"row {index + 1}",
    is_video: Callable[[object], bool] = lambda name: True,
) -> Standard:
    """The rows with standard fields: options as a list and answers as letters; or, without options,
    numbers, ``[[start, end]]`` in seconds, "yes" and "no" as two options, or texts.

    ``said`` says what the answers are, or how the right option is written (one of ``SAID``); None:
    seen from all of them. ``where`` says where a row (from 0) stands, ``is_video`` whether a video
    of this name is there. Raises DataError, which names every row that cannot be asked.
    """
    given = [_renamed(row, columns) for row in rows]
    made, options = [dict(row) for row in given], {}
    for number, row in enumerate(made):
        if "options" in row or columns.options:
            try:
                row["options"] = _options(row, rows[number], columns)
            except DataError as error:
                row["options"], options[number] = [], str(error)
    choice = bool(options) or any(row.get("options") for row in made)
    kind: Kind = "choice" if choice else _kind_of(made, said)
    options |= bad_rows.equal_options(made)
    found, wrong = _choices(made, said) if choice else _open(made, kind)
    advice = _OTHERWISE if said is None and kind in _CERTAIN and wrong else ""
    wrong = {n: why for n, why in wrong.items() if n not in options}  # of these, it follows
    bad = bad_rows.unaskable(made, is_video), options, wrong, bad_rows.unanswered(made)
    bad_rows.refuse(bad, where, advice)
    for number, answer in found.items():
        made[number]["answer"] = answer
    if kind == "yes-no":
        made = [{**row, "options": ["yes", "no"]} for row in made]
    return Standard(made, kind, made != given)


def _renamed(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    kept = {name: row[own] for name, own in columns.fields.items() if own in row}
    return kept | {name: row.get(name) for name in columns.breakdowns}


def _options(row: Mapping[str, Any], whole: Mapping[str, Any], columns: Columns) -> list[str]:
    """Options as a list of texts: of several columns; of a list, or of {"A": text, …}; or of one
    text, a line each or with | or ; between them. Raises DataError."""
    if columns.options:
        texts = [whole.get(name) for name in columns.options]
        return [str(text) for text in texts if text not in (None, "")]
    value = row["options"]
    if isinstance(value, str) and value.strip():
        between = next((mark for mark in ("\n", "|", ";") if mark in value), None)
        if between is None:
            raise DataError(
                f"the options {value!r} are one text; write a list, or | between the options"
            )
        value = [part.strip() for part in value.split(between) if part.strip()]
    return list(listed_options(value or ()))


def _choices(
    rows: Sequence[Mapping[str, Any]], said: str | None
) -> tuple[dict[int, Any], dict[int, str]]:
    if said is not None and said not in WAYS:
        raise DataError(f"--answers {said}: these rows have options; write {' | '.join(WAYS)}")
    bad = {n: "has no options, as others have" for n, row in enumerate(rows) if not row["options"]}
    asked = {
        n: (str(row["answer"]).strip(), without_prefixes(row["options"]))
        for n, row in enumerate(rows)
        if row["options"] and _given(row)
    }
    found, wrong = letters(asked, said)
    return dict(found), bad | wrong


def _kind_of(rows: Sequence[Mapping[str, Any]], said: str | None) -> Kind:
    if said is None:
        return _kind([row["answer"] for row in rows if _given(row)])
    for kind in KINDS:
        if kind == said:
            return kind
    raise DataError(f"--answers {said}: these rows have no options")


def _open(rows: Sequence[Mapping[str, Any]], kind: Kind) -> tuple[dict[int, Any], dict[int, str]]:
    """Each answer in the form that the scorer of its kind takes."""
    found, bad = {}, {}
    for number, row in enumerate(rows):
        if _given(row):
            found[number] = value = _READ[kind](row["answer"])
            if value is None:
                bad[number] = f"the answer {row['answer']!r} is no {_CALLED[kind]}"
    return found, bad


def _kind(answers: Collection[Any]) -> Kind:
    """What nearly all answers are, where they are of one kind; else texts."""
    kinds = Counter(
        next((kind for kind in _CERTAIN if _READ[kind](answer) is not None), None)
        for answer in answers
    )
    common, count = kinds.most_common(1)[0] if kinds else (None, 0)
    if common is not None and count >= _NEARLY_ALL * kinds.total():
        return common
    lengths = [len(text.split()) for answer in answers for text in _texts(answer)]
    return "judged" if lengths and median(lengths) > _SHORT else "text"


def _given(row: Mapping[str, Any]) -> bool:
    return not bad_rows.empty(row.get("answer"))


def _yes_no(answer: Any) -> str | None:
    """The letter of the option "yes" or "no"."""
    return _YES_NO.get(str(answer).strip().rstrip(".").lower())


def _number(answer: Any) -> str | float | int | None:
    """As it is, for ``float``; without the commas of "1,200"."""
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        return None
    if not isinstance(answer, str):
        return answer if answer == answer and abs(answer) != float("inf") else None
    text = answer.strip()
    if not _NUMBER.fullmatch(text):
        return None
    return text.replace(",", "") if "," in text else answer


def _moment(answer: Any) -> list[list[float]] | None:
    """One interval with a length: [3, 9.5], [[3, 9.5]], "3 - 9.5", "0:03 to 0:09"."""
    if isinstance(answer, str):
        match = _MOMENT.fullmatch(answer.strip())
        pair: Any = list(match.groups()) if match else None
    else:
        pair = answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
    if not isinstance(pair, list) or not all(re.fullmatch(TIME, str(time)) for time in pair):
        return None
    times = [seconds(str(time)) for time in pair]
    return [times] if len(times) == 2 and times[0] < times[1] else None


def _texts(answer: Any) -> list[str]:
    several = answer if isinstance(answer, list) else [answer]
    plain = all(isinstance(one, str | int | float) and str(one).strip() for one in several)
    return [str(one) for one in several] if plain else []


def _text(answer: Any) -> Any:
    return answer if _texts(answer) else None


_READ: Mapping[Kind, Callable[[Any], Any]] = {
    "yes-no": _yes_no,
    "number": _number,
    "moment": _moment,
    "text": _text,
    "judged": _text,
}
_CALLED: Mapping[Kind, str] = {
    "yes-no": "yes or no",
    "number": "number",
    "moment": "moment [start, end] in seconds",
    "text": "text, nor a list of texts",
    "judged": "text, nor a list of texts",
}
