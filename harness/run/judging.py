"""The judge: a model that is asked, in a stage of its own, about responses already on disk.

Every call is kept in one file per judge and settings, shared by all runs of a results folder:

    <folder>/<digest>.jsonl    first line: the judge's identity and settings; then one line a reply

so that nothing is asked twice for the same (judge, prompt, settings). A call that fails is not
kept: it costs its own question's score, and is made again on the next scoring. What each reply was
worth to a run, and how it had to be read, is the run's own file (``Verdicts.write``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import JournalError, JudgeError
from harness.identity import describe, digest
from harness.scoring.judge_replies import JudgeRefused, ParseStatus, as_asked
from harness.scoring.judged import COMPANIONS, Accompanied, Continued
from harness.types import (
    JSON,
    Clip,
    Failure,
    Generation,
    JudgedScorer,
    Model,
    Prompt,
    Question,
    Record,
    Response,
    Sample,
)

GENERATION = Generation(max_new_tokens=512)
"""How a judge is asked unless told otherwise: greedy, and long enough for a reason."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Reply:
    """A judge's kept reply: raw, with why it ended and the build that a server named."""

    text: str
    finish: str = "stop"
    fingerprint: str = ""


@dataclass(frozen=True)
class JudgeFailure:
    """A question whose judge could not be asked, or gave no reply: why."""

    reason: str


@dataclass
class Calls:
    """The replies of one judge under one setting, by prompt hash; new ones are appended at once.

    Raises JournalError when the file is another judge's (two digests that collide).
    """

    folder: Path
    judge: Mapping[str, JSON]
    generation: Generation
    repeat: int = 0
    kept: dict[str, Reply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.head = {
            "judge": dict(self.judge),
            "settings": describe(self.generation),
            "repeat": self.repeat,
        }
        self.file = self.folder / f"{digest(self.head, 16)}.jsonl"
        if self.file.is_file():
            self._read()

    def add(self, prompt: Prompt, response: Response) -> Reply:
        """Keeps a reply, on disk before it is used."""
        reply = Reply(response.text, response.finish, response.fingerprint)
        key = prompt_hash(prompt)
        line = {"prompt": key, "reply": reply.text, "finish": reply.finish}
        if reply.fingerprint:
            line["fingerprint"] = reply.fingerprint
        if response.thinking:
            line["thinking"] = response.thinking
        self._append(line)
        self.kept[key] = reply
        return reply

    def _append(self, line: Mapping[str, JSON]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        new = not self.file.exists()
        text = json.dumps(self.head, ensure_ascii=False) + "\n" if new else ""
        text += json.dumps(line, ensure_ascii=False) + "\n"
        # one write to the end of the file: lines of two processes do not mix
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(
                handle, ("\n" if self._torn else "").encode() + text.encode("utf-8", "replace")
            )
        finally:
            os.close(handle)
        self._torn = False

    _torn: bool = False

    def _read(self) -> None:
        data = self.file.read_bytes()
        self._torn = bool(data) and not data.endswith(b"\n")
        for raw in data.splitlines():
            try:
                line = json.loads(raw)
            except ValueError:
                continue  # cut off when the machine stopped: that call is made again
            if "judge" in line:
                if line["judge"] != json.loads(json.dumps(self.head["judge"])):
                    raise JournalError(f"{self.file}: holds another judge's replies; remove it")
            elif "prompt" in line:
                self.kept[line["prompt"]] = Reply(
                    line["reply"], line.get("finish", "stop"), line.get("fingerprint", "")
                )


def prompt_hash(prompt: Prompt) -> str:
    """What tells one call from another: the roles and texts, exactly."""
    return digest([[t.role, *(describe(part) for part in t.parts)] for t in prompt.turns], 24)


@dataclass(frozen=True)
class Verdicts:
    """What the judge said about a run.

    ``replies`` by record key, in the order of the scorer's prompts; ``asked`` calls were made,
    ``found`` were already on disk; ``hashes`` are the prompts' by record key.
    """

    replies: Mapping[str, list[str] | JudgeFailure]
    hashes: Mapping[str, list[str]]
    asked: int = 0
    found: int = 0


def judge_records(
    records: Sequence[Record],
    scorer: JudgedScorer,
    judge: Model,
    cache_folder: Path,
    generation: Generation = GENERATION,
    tell: Tell = lambda line: None,
    *,
    batch: int = 8,
    repeat: int = 0,
) -> Verdicts:
    """Asks the judge about every record that has a response.

    Prompts that begin alike go to the judge together, ``batch`` to a sample, so that it can share
    what they begin with; how many samples are in flight is the model's affair. ``repeat`` 1, 2, …
    asks everything anew and keeps it apart: for self-agreement. Errors of the judge as a whole (its
    checkpoint is missing) are raised; what was replied until then is kept.
    """
    calls = Calls(cache_folder, judge.identity(), generation, repeat)
    texts = _texts(records)
    pending = {r.key: _Pending(_accompanied(r, texts, scorer)) for r in records if r.response}
    asked = found = 0
    failures: dict[str, str] = {}
    while wanted := _next_prompts(pending.values(), scorer):
        unique = {prompt_hash(p): p for prompts in wanted.values() for p in prompts}
        missing = {h: p for h, p in unique.items() if h not in calls.kept and h not in failures}
        found += len(unique) - len(missing)
        asked += len(missing)
        if missing:
            tell(f"judge: {len(missing)} calls, {len(unique) - len(missing)} already kept")
        failures |= _ask(judge, missing, calls, generation, batch)
        for key, prompts in wanted.items():
            pending[key].take([prompt_hash(p) for p in prompts], calls, failures)
    return Verdicts(
        {key: item.outcome() for key, item in pending.items()},
        {key: item.hashes for key, item in pending.items()},
        asked,
        found,
    )


def judged(
    records: Sequence[Record], scorer: JudgedScorer, verdicts: Verdicts
) -> tuple[list[Record], dict[str, ParseStatus]]:
    """The records with their scores, and how each one's replies had to be read.

    A record without a readable verdict is "unscored" with the reason at stage "judge". Records
    that have no response, or were cut off ("truncated"), stay as they are.
    """
    done: list[Record] = []
    texts = _texts(records)
    statuses: dict[str, ParseStatus] = {}
    for record in records:
        outcome = verdicts.replies.get(record.key)
        if outcome is None or record.response is None or record.status in ("failed", "truncated"):
            done.append(record)
            continue
        try:
            if isinstance(outcome, JudgeFailure):
                raise JudgeError(outcome.reason)
            question = _accompanied(record, texts, scorer).question
            score = scorer.score_judged(question, record.response, outcome)
        except JudgeError as error:
            statuses[record.key] = "refused" if isinstance(error, JudgeRefused) else "failed"
            done.append(
                replace(record, score=None, status="unscored", reason=str(error), stage="judge")
            )
            continue
        statuses[record.key] = _status(outcome)
        state = "scored" if score.values else "unparsed"
        done.append(replace(record, score=score, status=state, reason=None, stage=None))  # type: ignore[arg-type]
    return done, statuses


def write_verdicts(file: Path, verdicts: Verdicts, statuses: Mapping[str, ParseStatus]) -> None:
    """A run's own file of its judge's replies: one line a question, written whole or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("w", encoding="utf-8") as out:
        for key, outcome in verdicts.replies.items():
            line = {
                "question": key,
                "prompts": verdicts.hashes.get(key, []),
                "replies": [] if isinstance(outcome, JudgeFailure) else outcome,
                "parse": statuses.get(key, "failed"),
                "reason": outcome.reason if isinstance(outcome, JudgeFailure) else None,
            }
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    partial.replace(file)


@dataclass
class _Pending:
    """One record on its way through the judge's rounds."""

    record: Record
    replies: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    failure: str | None = None
    rounds: int = 0
    done: bool = False

    def take(self, hashes: Sequence[str], calls: Calls, failures: Mapping[str, str]) -> None:
        self.rounds += 1
        self.hashes += hashes
        for key in hashes:
            if key in calls.kept:
                self.replies.append(calls.kept[key].text)
            else:
                self.failure = failures.get(key, "the judge gave no reply")
                self.done = True

    def outcome(self) -> list[str] | JudgeFailure:
        return self.replies if self.failure is None else JudgeFailure(self.failure)


def _next_prompts(pending: Iterable[_Pending], scorer: JudgedScorer) -> dict[str, Sequence[Prompt]]:
    """The prompts of the next round, by record; empty when all is asked."""
    wanted: dict[str, Sequence[Prompt]] = {}
    for item in pending:
        if item.done or item.record.response is None:
            continue
        question, response = item.record.question, item.record.response
        try:
            prompts: Sequence[Prompt] = ()
            if item.rounds == 0:
                prompts = scorer.judge_prompts(question, response)
            elif isinstance(scorer, Continued):
                prompts = scorer.more_prompts(question, response, item.replies)
        except JudgeError as error:
            item.failure, item.done = str(error), True
            continue
        if prompts:
            wanted[item.record.key] = prompts
        else:
            item.done = True
    return wanted


def _ask(
    judge: Model,
    missing: Mapping[str, Prompt],
    calls: Calls,
    generation: Generation,
    batch: int,
) -> dict[str, str]:
    """Makes the calls, keeps the replies, returns the failures' reasons by prompt hash."""
    failures: dict[str, str] = {}
    if not missing:
        return failures
    named = {key: _as_call(key, prompt) for key, prompt in missing.items()}
    for answer in judge.generate(_samples(named, batch), generation):
        if isinstance(answer, Failure):
            failures[answer.question] = f"the judge failed: {answer.reason}"
        else:
            calls.add(missing[answer.question], answer)
    return failures


def _as_call(key: str, prompt: Prompt) -> Prompt:
    """The prompt under its hash: what the model's response will name."""
    return replace(prompt, question=Question(key, prompt.question.text))


def _samples(prompts: Mapping[str, Prompt], batch: int) -> Iterator[Sample]:
    """Samples of text only; prompts with the same first turn stand together."""
    first = {key: prompt.turns[0] for key, prompt in prompts.items()}
    order = sorted(prompts, key=lambda key: (digest(describe(first[key]), 12), key))
    for start in range(0, len(order), batch):
        keys = order[start : start + batch]
        clip = Clip(f"judge/{keys[0]}", None)
        yield Sample(clip, None, None, tuple(prompts[key] for key in keys))


def _texts(records: Sequence[Record]) -> dict[str, str]:
    """The responses by question id."""
    return {record.question.id: record.response.text for record in records if record.response}


def _accompanied(record: Record, texts: Mapping[str, str], scorer: JudgedScorer) -> Record:
    """The record, with the responses to the questions that the scorer wants beside it."""
    if not isinstance(scorer, Accompanied):
        return record
    ids = scorer.companions(record.question)
    if not ids:
        return record
    found = {id: texts[id] for id in ids if id in texts}
    metadata = dict(record.question.metadata) | {COMPANIONS: found}
    return replace(record, question=replace(record.question, metadata=metadata))


def _status(replies: Sequence[str]) -> ParseStatus:
    """Whether every reply was just one dict, number or word, as asked for."""
    return "ok" if all(map(as_asked, replies)) else "repaired"
