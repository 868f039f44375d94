"""The judge: a model that is asked, in a stage of its own, about responses already on disk.

Every call is kept in one file per judge and settings, shared by all runs of a results folder
(``harness.run.judge_calls``): what can be read is never asked twice for the same (judge, prompt,
settings). A call that fails, and a reply that cannot be read, cost their own question's score and
are made again on the next scoring. What each reply was worth to a run, and how it had to be read,
is the run's own file (``harness.run.judge_files``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from harness.errors import HarnessError, JudgeError, ModelError
from harness.identity import describe, digest
from harness.names import several
from harness.run.judge_calls import Calls, prompt_hash
from harness.run.judge_case import Case, Judgement, cases
from harness.run.judge_options import judge_named, of_judge
from harness.run.recorder import not_asked
from harness.types import (
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
    Text,
    Turn,
)

GENERATION = Generation(max_new_tokens=512)
"""How a judge is asked unless told otherwise: greedy, and long enough for a reason."""

LIMIT = 0.02
"""A run of which a larger share of responses is left without a verdict is incomplete; so is any
that lost a score to its scorer."""

PAUSE = 60.0
"""Seconds between two lines about how many calls are made."""

BATCH = 8
"""Prompts that go to the judge in one sample."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Judgements:
    """A judge's work, by record key. Of the prompts that it rests on ``asked`` were asked by this
    scoring (``again`` of them because an earlier reply could not be read), the others ``kept``."""

    by_key: Mapping[str, Judgement]
    asked: int = 0
    kept: int = 0
    again: int = 0

    @property
    def scores(self) -> dict[str, Score | Failure]:
        """What became of every response that could be judged."""
        return {key: judgement.outcome for key, judgement in self.by_key.items()}


def judgements(
    judge: Model,
    scorer: JudgedScorer,
    records: Sequence[Record],
    store: Path,
    progress: Tell = lambda line: None,
    *,
    generation: Generation = GENERATION,
    repeat: int = 0,
) -> Judgements:
    """Asks the judge about every record that has a response, and scores its replies: a score by
    record key, or the failure that leaves it unscored: of stage "judge", or "scorer" for its bug.

    ``store`` is the folder of kept calls, shared by all runs; ``progress`` is told a line before
    calls are made. Prompts that begin alike go to the judge together, so that it can share what
    they begin with; how many samples are in flight is the model's affair. ``repeat`` 1, 2, … asks
    everything anew and keeps it apart: for self-agreement. Records without a response, and those
    with status "failed" or "truncated", are left out. A judge that cannot be had costs the scores
    for which it would have to be asked; one that cannot say who it is raises its ModelError.
    """
    calls = Calls(store, judge.identity(), generation, repeat)
    had = set(calls.kept)
    inquiry = _Inquiry(judge, generation, calls, progress)
    found: dict[str, Judgement] = {}
    asking = cases(records, scorer)
    while asking:
        while wanted := [(case, p) for case in asking if (p := case.next_prompts(scorer))]:
            inquiry.round(wanted)
        found |= {case.record.key: case.judgement(scorer) for case in asking}
        asking = [again for case in asking if (again := case.again(calls)) is not None]
    asked = calls.asked
    return Judgements(found, len(asked), len(inquiry.used - asked), len(asked & had))


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


@dataclass
class _Inquiry:
    """The calls of one scoring: ``used`` are the prompts that it rests on, ``failures`` the reasons
    why calls failed, by prompt hash."""

    judge: Model
    generation: Generation
    calls: Calls
    progress: Tell
    used: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)

    def round(self, wanted: Sequence[tuple[Case, Sequence[Prompt]]]) -> None:
        """Gives every case the replies to its prompts; asks for those that are not there."""
        hashes = [[prompt_hash(prompt) for prompt in prompts] for _, prompts in wanted]
        shown: set[str] = set()
        missing: dict[str, Prompt] = {}
        for (case, prompts), keys in zip(wanted, hashes, strict=True):
            shown.update(keys)
            for key, prompt in zip(keys, prompts, strict=True):
                if key not in self.calls.asked and self.calls.reply(key, case.attempt) is None:
                    missing[key] = prompt
        self.used |= shown
        self._say(missing, len(shown))
        self._ask(missing)
        for (case, _), keys in zip(wanted, hashes, strict=True):
            case.take(keys, self.calls, self.failures)

    def _say(self, missing: Mapping[str, Prompt], shown: int) -> None:
        again = sum(key in self.calls.kept for key in missing)
        if new := len(missing) - again:
            self.progress(f"judge: {several(new, 'call')}, {shown - len(missing)} already kept")
        if again:
            self.progress(f"judge: {several(again, 'call')} again: replies could not be read")

    def _ask(self, missing: Mapping[str, Prompt]) -> None:
        """Makes the calls and keeps the replies."""
        if not missing:
            return
        self.calls.asked |= set(missing)
        named = {key: _as_call(key, prompt) for key, prompt in missing.items()}
        said = time.monotonic()
        try:
            answers = self.judge.generate(_samples(named), self.generation)
            waiting = set(missing)
            for number, answer in enumerate(answers, start=1):
                if answer.question not in waiting:
                    raise ModelError(not_asked("judge", answer.question))
                waiting.remove(answer.question)
                if isinstance(answer, Failure):
                    self.failures[answer.question] = f"the judge failed: {answer.reason}"
                else:
                    self.calls.add(missing[answer.question], answer)
                if time.monotonic() - said > PAUSE:
                    said = time.monotonic()
                    self.progress(f"judge: {number:,} of {len(missing):,} calls made")
        except HarnessError as error:  # a judge that is not there: what it has said counts still
            reason = f"no judge: {of_judge(error)}"
            self.failures = {**dict.fromkeys(missing, reason), **self.failures}
            self.progress(reason)


@runtime_checkable
class _Served(Protocol):
    """A model behind an address: whether it may be used shows only when it is asked."""

    @property
    def url(self) -> str: ...


def refuse_missing(judge: Model | None) -> None:
    """Raises ModelError for a judge whose checkpoint is not here; nothing is known of a served one
    until it is asked."""
    if judge is not None and not isinstance(judge, _Served):
        with judge_named():
            judge.identity()


def refuse_unwilling(judge: Model, generation: Generation = GENERATION) -> None:
    """Asks a served judge one tiny thing, as it will be asked, before any model's hours are spent
    on responses for it: it may refuse a key, or a setting, only then. Raises JudgeError."""
    if not isinstance(judge, _Served):
        return
    question = Question("judge/ready", "Reply with the word yes.")
    prompt = Prompt(question, (Turn("user", (Text(question.text),)),))
    sample = Sample(Clip(question.id, None), None, None, (prompt,))
    try:
        answers = list(judge.generate([sample], generation))
    except HarnessError as error:
        raise JudgeError(f"judge: {of_judge(error)}") from error
    failed = [answer.reason for answer in answers if isinstance(answer, Failure)]
    if failed or [answer.question for answer in answers] != [question.id]:
        found = failed[0] if failed else f"{several(len(answers), 'answer')}, not one to it"
        raise JudgeError(
            f"judge: does not answer a first, tiny question ({found}), so the model is not "
            "asked anything; without judge= its responses are kept, to be judged later"
        )


def _as_call(key: str, prompt: Prompt) -> Prompt:
    """The prompt under its hash: what the model's response will name."""
    return replace(prompt, question=Question(key, prompt.question.text))


def _samples(prompts: Mapping[str, Prompt]) -> Iterator[Sample]:
    """Samples of text only; prompts with the same first turn stand together."""
    first = {key: prompt.turns[0] for key, prompt in prompts.items()}
    order = sorted(prompts, key=lambda key: (digest(describe(first[key]), 12), key))
    for start in range(0, len(order), BATCH):
        keys = order[start : start + BATCH]
        clip = Clip(f"judge/{keys[0]}", None)
        yield Sample(clip, None, None, tuple(prompts[key] for key in keys))
