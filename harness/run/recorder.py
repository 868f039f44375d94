"""From what a backend gives back to records: scored, unread or failed, written at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.run.journal import Appender
from harness.types import Answer, Clip, Failure, Prompt, Record, Score, Status, Task, WatchedClip

LONGEST_RESPONSE = 1_000_000
"""Characters. What a server sends beyond this is a failure, not an answer."""


@dataclass(frozen=True)
class Asked:
    """What a record needs to know of a question that is with the backend."""

    video: str
    prompt: Prompt
    frames: tuple[int, ...]
    times: tuple[float, ...]


class Recorder:
    """Turns what comes back into records and writes each at once."""

    def __init__(self, task: Task, records: Appender, told: Callable[[Record], None]) -> None:
        self._task = task
        self._records = records
        self._told = told
        self._asked: dict[str, Asked] = {}

    def watching(self, clips: Iterator[WatchedClip]) -> Iterator[WatchedClip]:
        """Passes clips on to the backend, remembering what was asked of them (not the pixels)."""
        for watched in clips:
            frames, times = watched.frames.indices, tuple(watched.frames.times.tolist())
            for prompt in watched.prompts:
                self._asked[prompt.question.id] = Asked(watched.clip.id, prompt, frames, times)
            yield watched

    def answered(self, answer: Answer | Failure) -> None:
        """Scores and records one answer, or records the failure."""
        self._keep(self._record(self._asked.pop(answer.question), answer))

    def unwatched(self, clip: Clip, reason: str) -> None:
        """Records every question of a clip that could not be read as failed."""
        for question in clip.questions:
            asked = Asked(clip.id, Prompt(question, ()), (), ())
            self._keep(self._record(asked, Failure(question.id, reason)))

    def unanswered(self) -> None:
        """Records what a backend was given and never answered."""
        for question in list(self._asked):
            self.answered(Failure(question, "the backend ended without an answer"))

    def _keep(self, record: Record) -> None:
        self._records.append(record)
        self._told(record)

    def _record(self, asked: Asked, answer: Answer | Failure) -> Record:
        question = asked.prompt.question
        if isinstance(answer, Answer) and len(answer.text) > LONGEST_RESPONSE:
            reason = f"a response of {len(answer.text):,} characters (limit {LONGEST_RESPONSE:,})"
            answer = Failure(answer.question, reason, answer.seconds)
        said = answer if isinstance(answer, Answer) else None
        score = self._task.score(question, said.text) if said else Score(None, None)
        status: Status = "failed" if said is None else "unread" if score.value is None else "scored"
        return Record(
            question=question.id,
            video=asked.video,
            prompt=asked.prompt.text,
            frames=asked.frames,
            times=asked.times,
            response=said.text if said else None,
            finish=said.finish if said else None,
            answer=score.answer,
            score=score.value,
            status=status,
            reason=answer.reason if isinstance(answer, Failure) else None,
            seconds=round(answer.seconds, 4),
            options=question.options,
            gold=question.gold,
            groups=dict(question.groups),
            subtitles=asked.prompt.subtitles,
            probabilities=said.probabilities if said else None,
        )
