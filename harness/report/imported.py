"""Anyone's answers as a run: a Video-MME submission, or the samples that lmms-eval logs.

Nothing is known of how they were made, so an imported run says so and is never ranked among our
own; it can be audited, compared, and put on the leaderboard beside other imported ones.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import DataError, RequestError
from harness.run.journal import Appender, Journal, write_atomically
from harness.report.runs import NAME, Run, load
from harness.report.summary import summarise
from harness.run.request import run_id
from harness.scoring.options import LETTERS
from harness.scoring.extractors import READERS, VERDICTS, right, without_prefixes
from harness.types import Record

_OPTION_LINE = re.compile(r"^\(?([A-J])[.):]\s*(.+)$", re.MULTILINE)
_GROUPS = ("duration", "domain", "sub_category", "task_type")
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
    reader: str = "videomme",
    denominator: str = "answered",
) -> Run:
    """Reads ``path`` in as a run folder under ``results``, scored by ``reader``.

    Raises DataError when the file is neither format or damaged, RequestError for a bad name.
    """
    for key, name in (("model", model), ("task", task)):
        if not NAME.fullmatch(name) or ".." in name:
            raise RequestError(f"--{key} {name}: a name has letters, digits, _ - . and / only")
    if reader not in READERS:
        raise RequestError(f"--reader {reader}: use one of {', '.join(READERS)}")
    records = [_scored(record, reader) for record in _read(path)]
    if not records:
        raise DataError(f"{path}: holds no answers; {_FORMATS}")
    seen: set[str] = set()
    for record in records:
        if record.question in seen:
            raise DataError(f"{path}: question {record.question!r} appears twice")
        seen.add(record.question)
    identity = _identity(path, records, task, model, reader, denominator)
    folder = results / task / model / run_id(identity)
    return _written(folder, identity, records)


def _identity(
    path: Path, records: Sequence[Record], task: str, model: str, reader: str, denominator: str
) -> dict[str, Any]:
    asked = sorted((r.question, r.gold, list(r.options)) for r in records)
    return {
        "task": task,
        "protocol": {
            "name": task.partition("/")[0],
            "protocol": "imported",
            "reader": reader,
            "denominator": denominator,
            "aggregate": "micro",
            "breakdowns": [n for n in _GROUPS if any(n in r.groups for r in records)],
        },
        "data": {"questions": _hash(json.dumps(asked).encode())},
        "model": model,
        "backend": {"imported": path.name, "sha256": _hash(path.read_bytes())},
        "frames": None,
        "limit": None,
        "control": "none",
        "permute_options": 1,
        "imported": True,
    }


def _written(folder: Path, identity: Mapping[str, Any], records: Sequence[Record]) -> Run:
    request = {"id": run_id(identity), **identity, "questions": len(records)}
    protocol = identity["protocol"]
    with Journal(folder, request):
        (folder / "records-0.jsonl").unlink(missing_ok=True)
        with Appender(folder) as appender:
            for record in records:
                appender.append(record)
        summary = summarise(
            records,
            task=identity["task"],
            model=identity["model"],
            frames=None,
            denominator=protocol["denominator"],
            breakdowns=protocol["breakdowns"],
            expected=len(records),
        )
        write_atomically(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
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
            yield from _submitted(sample) if submission else [_logged(sample)]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise DataError(f"{path}: entry {number}: {what}; {_FORMATS}") from error


def _submitted(video: Mapping[str, Any]) -> Iterator[Record]:
    """One video of a Video-MME submission."""
    for question in video["questions"]:
        groups = {name: str(video[name]) for name in _GROUPS if name in video}
        groups |= {"task_type": str(question["task_type"])}
        missing = video.get("missing") or question.get("response") is None
        yield _record(
            question=str(question["question_id"]),
            video=str(video["video_id"]),
            prompt=str(question.get("question", "")),
            options=question["options"],
            gold=question["answer"],
            groups=groups,
            response=None if missing else str(question["response"]),
        )


def _logged(sample: Mapping[str, Any]) -> Record:
    """One line of lmms-eval's samples: the row in ``doc`` where logged, else in the metric."""
    metrics = [v for k, v in sample.items() if k.endswith("_score") and isinstance(v, dict)]
    row = {**(metrics[0] if metrics else {}), **(sample.get("doc") or {})}
    prompt = _text(sample.get("input") or sample.get("arguments")) or ""
    options = row.get("options") or [text for _, text in _OPTION_LINE.findall(prompt)]
    named = {"domain": "category", "task_type": "task_category"}
    groups = {n: str(row.get(n) or row[named[n]]) for n in named if n in row or named[n] in row}
    groups |= {n: str(row[n]) for n in ("duration", "sub_category") if n in row}
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
        groups={n: groups[n] for n in _GROUPS if n in groups},
        response=_text(sample.get("resps") or sample.get("filtered_resps")),
    )


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
    texts = tuple(without_prefixes([str(option) for option in options]))
    return Record(
        question, video, prompt, (), (), response, None, None, None,
        "failed" if response is None else "unread",
        "no response in the imported file" if response is None else None,
        0.0, texts, _letter(gold, texts), dict(groups),
    )  # fmt: skip


def _letter(gold: object, options: Sequence[str]) -> str | None:
    """The right option's letter, whether it was logged as a letter, an index or a text."""
    text = str(gold).strip()
    if text in LETTERS[: len(options)] and text:
        return text
    if text.isdecimal() and int(text) < len(options):
        return LETTERS[int(text)]
    return LETTERS[options.index(text)] if text in options else None


def _scored(record: Record, reader: str) -> Record:
    if record.response is None or record.gold is None:
        return record
    read = READERS[reader](record.response, record.options)
    verdict = right(reader, record.response, record.options, record.gold)
    values = vars(record)
    if verdict is None:
        return record
    answer = record.gold if verdict and reader in VERDICTS else read
    return Record(**{**values, "answer": answer, "score": float(verdict), "status": "scored"})


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


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
