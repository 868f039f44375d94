"""From what a model gives back to records, written at once and not scored yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from harness.errors import ModelError
from harness.run.changes import fingerprints
from harness.run.scoring import NOT_SCORED
from harness.types import Clip, Failure, Frames, Prompt, Record, Response, Sample

LONGEST_RESPONSE = 1_000_000
"""Characters. What a server sends beyond this is a failure, not an answer."""


@dataclass(frozen=True)
class Asked:
    """What a record needs to know of a question that is with the model."""

    clip: str
    prompt: Prompt
    frames: tuple[int, ...] = ()
    times: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    fingerprint: str = ""


class Records(Protocol):
    """Where records are kept."""

    def append(self, record: Record) -> None:
        """Keeps a record, at once."""
        ...


class Recorder:
    """Turns what comes back into records and hands each in at once."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._asked: dict[str, Asked] = {}

    def passing(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Passes samples on to the model, remembering what was asked (not the pixels)."""
        for sample in samples:
            known = fingerprints(sample.clip)
            for prompt in sample.prompts:
                asked = _asked(sample.clip.id, prompt, sample.frames)
                self._asked[prompt.key] = replace(asked, fingerprint=known[prompt.key])
            yield sample

    def answered(self, answer: Response | Failure) -> None:
        """Records a response or a failure. Raises ModelError for one that nobody waits for."""
        if answer.question not in self._asked:
            raise ModelError(not_asked("model", answer.question))
        self._records.append(_record(self._asked.pop(answer.question), answer))

    def unread(self, clip: Clip, failure: Failure) -> None:
        """Records every question of a clip that could not be read as failed."""
        for record in failed_records(clip, failure):
            self._records.append(record)

    def unanswered(self) -> None:
        """Records what a model was given and never answered."""
        for key in list(self._asked):
            self.answered(Failure(key, "model", "the model ended without a response"))


def not_asked(who: str, key: str) -> str:
    """What is said of an answer that nobody waits for."""
    return (
        f"the {who} answered {key!r}, which it was not asked or has answered already: its "
        "responses must carry the keys of their prompts"
    )


def failed_records(clip: Clip, failure: Failure) -> Iterator[Record]:
    """A record of every question of a clip that could not be asked."""
    for question in clip.questions:
        asked = Asked(clip.id, Prompt(question, ()))
        yield _record(asked, replace(failure, question=question.key))


def _record(asked: Asked, answer: Response | Failure) -> Record:
    if isinstance(answer, Response) and len(answer.text) > LONGEST_RESPONSE:
        reason = f"a response of {len(answer.text):,} characters (limit {LONGEST_RESPONSE:,})"
        answer = Failure(answer.question, "model", reason, answer.seconds)
    made = Record(
        question=asked.prompt.question,
        video=asked.clip,
        prompt=asked.prompt.text,
        frames=asked.frames,
        times=asked.times,
        subtitles=asked.prompt.subtitles,
        notes=asked.notes,
        asked=asked.fingerprint,
        reason=NOT_SCORED,
    )
    if isinstance(answer, Failure):
        return replace(made, status="failed", reason=answer.reason, stage=answer.stage)
    response = replace(answer, seconds=round(answer.seconds, 4), notes=())
    return replace(made, response=response, notes=(*asked.notes, *answer.notes))


def _asked(clip: str, prompt: Prompt, frames: Frames | None) -> Asked:
    if frames is None:
        return Asked(clip, prompt)
    notes = (*([frames.damage] if frames.damage else []), *frames.notes)
    return Asked(clip, prompt, frames.indices, tuple(frames.times.tolist()), notes)
