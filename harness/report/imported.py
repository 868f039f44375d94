"""Anyone's answers as a run: a Video-MME submission, or the samples that lmms-eval logs.

Nothing is known of how they were made, so an imported run says so and is never ranked among our
own; it can be audited, compared, and put on the leaderboard beside other imported ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import DataError, RequestError
from harness.identity import describe, digest
from harness.metrics import Counted, Mean
from harness.report.audit import COUNTED
from harness.report.runs import NAME, Run, load
from harness.run.journal import Appender, Journal, write_atomically
from harness.scoring.choice import ChoiceScorer
from harness.scoring.options import LETTERS, without_prefixes
from harness.types import Question, Record, Response

_OPTION_LINE = re.compile(r"^\(?([A-J])[.):]\s*(.+)$", re.MULTILINE)
_GROUPS = {  # as Video-MME calls them, and as lmms-eval's metric does
    "duration": "duration",
    "domain": "category",
    "sub_category": "sub_category",
    "task_type": "task_category",
}
_FORMATS = (
    "write a Video-MME submission (a JSON list of videos with their questions) or an lmms-eval "
    "samples file (one JSON object a line)"
)


def take_in(
    path: Path,
    results: Path,
    *,
    model: str,
    task: str = "videomme",
    extractor: str = "videomme",
    counted: Counted = "answered",
) -> Run:
    """Reads ``path`` in as a run folder under ``results``, scored by ``extractor``.

    Raises DataError when the file is neither format or damaged, RequestError for a bad name.
    """
    for key, name in (("model", model), ("task", task)):
        if not NAME.fullmatch(name) or ".." in name:
            raise RequestError(f"--{key} {name}: a name has letters, digits, _ - . and / only")
    if counted not in COUNTED:
        raise RequestError(f"--counted {counted}: use one of {', '.join(COUNTED)}")
    scorer = ChoiceScorer(extractor)
    records = [_scored(record, scorer) for record in _read(path)]
    if not records:
        raise DataError(f"{path}: holds no answers; {_FORMATS}")
    seen: set[str] = set()
    for record in records:
        if record.key in seen:
            raise DataError(f"{path}: question {record.key!r} appears twice")
        seen.add(record.key)
    identity = _identity(path, records, task, model, scorer, Mean(scorer.name, counted=counted))
    folder = results / task / model / digest(identity)
    return _written(folder, identity, records)


def _identity(
    path: Path, records: Sequence[Record], task: str, model: str, scorer: ChoiceScorer, metric: Mean
) -> dict[str, Any]:
    asked = sorted((r.question.id, r.question.target, list(r.question.options)) for r in records)
    return {
        "task": task,
        "protocol": {
            "name": task.partition("/")[0],
            "protocol": "imported",
            "scorer": describe(scorer),
            "metrics": [describe(metric)],
            "breakdowns": [n for n in _GROUPS if any(n in r.question.groups for r in records)],
        },
        "data": {"questions": digest(asked, 16)},
        "model": model,
        "backend": {"imported": path.name, "sha256": digest(path.read_bytes().hex(), 16)},
        "frames": None,
        "limit": None,
        "control": "none",
        "permute_options": 1,
        "imported": True,
    }


def _written(folder: Path, identity: Mapping[str, Any], records: Sequence[Record]) -> Run:
    request = {"id": digest(identity), **identity, "questions": len(records)}
    with Journal(folder, request):
        (folder / "records-0.jsonl").unlink(missing_ok=True)
        with Appender(folder) as appender:
            for record in records:
                appender.append(record)
        summary = Run(folder, request).summarised(records)
        text = json.dumps(summary.to_json(), indent=2)
        write_atomically(folder / "summary.json", text + "\n")
    return load(folder)


def _read(path: Path) -> Iterator[Record]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not readable ({error}); {_FORMATS}") from error
    submission = text.lstrip().startswith("[")
    entries = _json(path, text) if submission else [x for x in text.split("\n") if x.strip()]
    for number, entry in enumerate(entries, start=1):
        try:
            sample = entry if submission else _json(path, entry)
            if not isinstance(sample, dict):
                raise TypeError(f"{str(sample)[:40]} is no object")
            yield from _submitted(sample) if submission else [_logged(sample)]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise DataError(f"{path}: entry {number}: {what}; {_FORMATS}") from error


def _submitted(video: Mapping[str, Any]) -> Iterator[Record]:
    """One video of a Video-MME submission."""
    for question in video["questions"]:
        found = {name: video.get(name) for name in _GROUPS}
        found["task_type"] = question["task_type"]
        missing = video.get("missing") or question.get("response") is None
        yield _record(
            question=str(question["question_id"]),
            video=str(video["video_id"]),
            prompt=str(question.get("question", "")),
            options=question["options"],
            gold=question["answer"],
            groups=_known(found),
            response=None if missing else str(question["response"]),
        )


def _logged(sample: Mapping[str, Any]) -> Record:
    """One line of lmms-eval's samples: the row in ``doc`` where logged, else in the metric."""
    metrics = [v for k, v in sample.items() if k.endswith("_score") and isinstance(v, dict)]
    row = {**(metrics[0] if metrics else {}), **(sample.get("doc") or {})}
    prompt = _text(sample.get("input") or sample.get("arguments")) or ""
    options = row.get("options") or [text for _, text in _OPTION_LINE.findall(prompt)]
    found = {name: row.get(name) or row.get(theirs) for name, theirs in _GROUPS.items()}
    question = row.get("question_id", sample.get("doc_id"))
    video = row.get("videoID") or row.get("video_id") or row.get("video")
    if question is None or not options:
        raise ValueError("no question id or no options")
    return _record(
        question=str(question),
        video=str(video) if video is not None else str(question).rpartition("-")[0],
        prompt=prompt,
        options=options,
        gold=sample.get("target", row.get("answer")),
        groups=_known(found),
        response=_text(sample.get("resps") or sample.get("filtered_resps")),
    )


def _known(groups: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in groups.items() if value not in (None, "")}


def _record(
    *,
    question: str,
    video: str,
    prompt: str,
    options: Sequence[str],
    gold: object,
    groups: Mapping[str, str],
    response: str | None,
) -> Record:
    if not isinstance(options, list):
        raise TypeError(f"the options are {str(options)[:40]!r}, no list")
    texts = tuple(without_prefixes([str(option) for option in options]))
    named = {name: (value,) for name, value in groups.items()}
    asked = Question(question, prompt, texts, _letter(gold, texts), named)
    if response is None:
        reason = "no response in the imported file"
        return Record(asked, video, prompt, status="failed", reason=reason, stage="model")
    return Record(asked, video, prompt, response=Response(asked.key, response))


def _letter(gold: object, options: Sequence[str]) -> str | None:
    """The right option's letter, whether it was logged as a letter, an index or a text."""
    text = str(gold).strip()
    if len(text) == 1 and text in LETTERS[: len(options)]:
        return text
    if text.isdecimal() and int(text) < len(options):
        return LETTERS[int(text)]
    return LETTERS[options.index(text)] if text in options else None


def _scored(record: Record, scorer: ChoiceScorer) -> Record:
    if record.response is None:
        return record
    score = scorer.score(record.question, record.response)
    return replace(record, score=score, status="scored" if score.values else "unparsed")


def _text(value: object) -> str | None:
    """The first text in nested lists: lmms-eval logs [["B"]], ["B"] or "B"."""
    while isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, str) else None


def _json(path: Path, text: str) -> Any:
    def refuse(name: str) -> float:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error}); {_FORMATS}") from error
