"""The judge: a model that is asked, in a stage of its own, about responses already on disk.

Every call is kept in one file per judge and settings, shared by all runs of a results folder
(``harness.run.judge_calls``), so that nothing is asked twice for the same (judge, prompt,
settings). A call that fails is not kept: it costs its own question's score, and is made again on
the next scoring. What each reply was worth to a run, and how it had to be read, is the run's own
file (``write_judgements``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import JudgeError
from harness.identity import describe, digest
from harness.run.judge_calls import Calls, prompt_hash
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
    Sample,
    Score,
)

GENERATION = Generation(max_new_tokens=512)
"""How a judge is asked unless told otherwise: greedy, and long enough for a reason."""

LIMIT = 0.02
"""A run of which a larger share of responses is left without a verdict is incomplete."""

JUDGEMENTS = "judged-"
"""How the files begin in which a run folder keeps its judges' replies."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Judgement:
    """What the judge made of one response: the score, or why there is none.

    ``replies`` are raw, in the order of the prompts, ``prompts`` their hashes; ``parse`` is how the
    replies had to be read.
    """

    outcome: Score | Failure
    prompts: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()
    parse: ParseStatus = "ok"


@dataclass(frozen=True)
class Judgements:
    """A judge's work, by record key: ``asked`` calls were made, ``kept`` were found on disk."""

    by_key: Mapping[str, Judgement]
    asked: int = 0
    kept: int = 0

    @property
    def scores(self) -> dict[str, Score | Failure]:
        """What became of every response that could be judged."""
        return {key: judgement.outcome for key, judgement in self.by_key.items()}

    @property
    def complete(self) -> bool:
        """Whether at most ``LIMIT`` of the responses are without a verdict."""
        lost = sum(isinstance(j.outcome, Failure) for j in self.by_key.values())
        return lost <= LIMIT * len(self.by_key)


def judge_responses(
    judge: Model,
    scorer: JudgedScorer,
    records: Sequence[Record],
    store: Path,
    progress: Tell = lambda line: None,
    *,
    generation: Generation = GENERATION,
    file: Path | None = None,
) -> dict[str, Score | Failure]:
    """Every response's score by record key, or the failure (stage "judge") that leaves it unscored.

    ``store`` is the folder of kept calls, shared by all runs; ``progress`` is told a line before
    calls are made; ``file`` is where the run keeps its judge's replies, a file or the run's folder
    (``judgement_file`` then names it: one a judge).
    Records without a response, and those with status "failed" or "truncated", are left out.
    Errors of the judge as a whole (its checkpoint is missing) are raised.
    """
    found = judgements(judge, scorer, records, store, progress, generation=generation)
    if file is not None:
        place = judgement_file(file, judge, generation) if file.is_dir() else file
        write_judgements(place, found, judge.identity(), generation)
    return found.scores


def judgement_file(run: Path, judge: Model, generation: Generation = GENERATION) -> Path:
    """Where a run folder keeps what one judge said under these settings."""
    head = {"judge": dict(judge.identity()), "settings": describe(generation)}
    return run / f"{JUDGEMENTS}{digest(head, 12)}.jsonl"


def judgements(
    judge: Model,
    scorer: JudgedScorer,
    records: Sequence[Record],
    store: Path,
    progress: Tell = lambda line: None,
    *,
    generation: Generation = GENERATION,
    batch: int = 8,
    repeat: int = 0,
) -> Judgements:
    """Asks the judge about every record that has a response, and scores its replies.

    Prompts that begin alike go to the judge together, ``batch`` to a sample, so that it can share
    what they begin with; how many samples are in flight is the model's affair. ``repeat`` 1, 2, …
    asks everything anew and keeps it apart: for self-agreement.
    """
    calls = Calls(store, judge.identity(), generation, repeat)
    judgeable = [r for r in records if r.response and r.status not in ("failed", "truncated")]
    texts = {_asking(r.question): r.response.text for r in judgeable if r.response}
    pending = {r.key: _Pending(_accompanied(r, texts, scorer)) for r in judgeable}
    asked = kept = 0
    failures: dict[str, str] = {}
    while wanted := _next_prompts(pending.values(), scorer):
        hashes = {key: [prompt_hash(p) for p in prompts] for key, prompts in wanted.items()}
        unique = {
            h: p
            for key, prompts in wanted.items()
            for h, p in zip(hashes[key], prompts, strict=True)
        }
        missing = {h: p for h, p in unique.items() if h not in calls.kept and h not in failures}
        kept += len(unique) - len(missing)
        asked += len(missing)
        if missing:
            progress(f"judge: {len(missing)} calls, {len(unique) - len(missing)} already kept")
        failures |= _ask(judge, missing, calls, generation, batch)
        for key in wanted:
            pending[key].take(hashes[key], calls, failures)
    return Judgements({key: _judged(item, scorer) for key, item in pending.items()}, asked, kept)


def scored(record: Record, outcome: Score | Failure | None) -> Record:
    """The record with its score; "unscored" with the reason where the judge failed."""
    if outcome is None:
        return record
    if isinstance(outcome, Failure):
        return replace(
            record, score=None, status="unscored", reason=outcome.reason, stage=outcome.stage
        )
    if outcome.values:
        return replace(record, score=outcome, status="scored", reason=None, stage=None)
    return replace(record, score=outcome, status="unparsed", reason=None, stage=None)


def write_judgements(
    file: Path,
    found: Judgements,
    judge: Mapping[str, JSON],
    generation: Generation = GENERATION,
) -> None:
    """A run's own file of its judge's replies, written whole or not at all: first the judge and its
    settings, then a line a question with its values, replies and how they had to be read."""
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("w", encoding="utf-8") as out:
        head = {"judge": dict(judge), "settings": describe(generation)}
        out.write(json.dumps(head, ensure_ascii=False) + "\n")
        for key, judgement in found.by_key.items():
            line: dict[str, JSON] = {
                "question": key,
                "prompts": judgement.prompts,
                "replies": judgement.replies,
                "parse": judgement.parse,
            }
            if isinstance(judgement.outcome, Failure):
                line["reason"] = judgement.outcome.reason
            else:
                line["values"] = dict(judgement.outcome.values)
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    partial.replace(file)


def _judged(item: _Pending, scorer: JudgedScorer) -> Judgement:
    """What the replies are worth."""
    record = item.record
    assert record.response is not None
    prompts, replies = tuple(item.hashes), tuple(item.replies)
    try:
        if item.failure is not None:
            raise JudgeError(item.failure)
        score = scorer.score_judged(record.question, record.response, replies)
    except JudgeError as error:
        parse: ParseStatus = "refused" if isinstance(error, JudgeRefused) else "failed"
        return Judgement(Failure(record.key, "judge", str(error)), prompts, replies, parse)
    return Judgement(score, prompts, replies, "ok" if all(map(as_asked, replies)) else "repaired")


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
            reply = calls.kept.get(key)
            if reply is not None and reply.finish in ("length", "thinking"):
                self.failure, self.done = "the judge's reply was cut off", True
            elif reply is not None:
                self.replies.append(reply.text)
            else:
                self.failure = failures.get(key, "the judge gave no reply")
                self.done = True


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


def _asking(question: Question, id: str | None = None) -> tuple[str, int, int]:
    """One asking of a question, or of another one asked in the same rotation and repeat."""
    return (question.id if id is None else id, question.rotation, question.repeat)


def _accompanied(
    record: Record, texts: Mapping[tuple[str, int, int], str], scorer: JudgedScorer
) -> Record:
    """The record, with the responses to the questions that the scorer wants beside it."""
    if not isinstance(scorer, Accompanied):
        return record
    ids = scorer.companions(record.question)
    if not ids:
        return record
    askings = {id: _asking(record.question, id) for id in ids}
    found = {id: texts[asking] for id, asking in askings.items() if asking in texts}
    metadata = dict(record.question.metadata) | {COMPANIONS: found}
    return replace(record, question=replace(record.question, metadata=metadata))
