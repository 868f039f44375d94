"""One response before the judge: what is to be asked about it, and what the replies are worth.

A scorer may ask in rounds, later prompts following from earlier replies (``Continued``). When the
replies cannot be read, the case is taken up again with the judge's next replies to its prompts
(``harness.run.judge_calls``): the first that can be read count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.errors import JudgeError
from harness.run.judge_calls import Calls
from harness.run.raised import clause
from harness.run.scoring import sound
from harness.scoring.judge_replies import JudgeRefused, ParseStatus, as_asked
from harness.scoring.judge_rule_ends import Dropped
from harness.scoring.judge_slots import COMPANIONS, Accompanied, Continued
from harness.types import Failure, JudgedScorer, Prompt, Question, Record, Score, Stage

CUT_OFF = "the judge's reply was cut off"


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


@dataclass
class Case:
    """One record on its way through the judge's rounds. ``attempt`` is which of the replies to its
    prompts are read; ``unread``: there is no verdict because a reply cannot be read."""

    record: Record
    attempt: int = 0
    replies: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    failure: Exception | None = None
    unread: bool = False
    rounds: int = 0
    done: bool = False

    def next_prompts(self, scorer: JudgedScorer) -> Sequence[Prompt]:
        """The prompts of the next round; none when all is asked."""
        question, response = self.record.question, self.record.response
        prompts: Sequence[Prompt] = ()
        if self.done or response is None:
            return prompts
        try:
            if self.rounds == 0:
                prompts = scorer.judge_prompts(question, response)
            elif isinstance(scorer, Continued):
                prompts = scorer.more_prompts(question, response, self.replies)
        except JudgeError as error:
            self._fail(error, unread=self.rounds > 0)
        except Exception as error:  # noqa: BLE001  # a bug in a user's scorer costs one score
            self._fail(error, unread=False)
        self.done = self.done or not prompts
        return prompts

    def take(self, hashes: Sequence[str], calls: Calls, failures: Mapping[str, str]) -> None:
        """A round's replies, by the hashes of its prompts."""
        self.rounds += 1
        self.hashes += hashes
        for key in hashes:
            reply = calls.reply(key, self.attempt)
            if reply is None:
                reason = failures.get(key, "the judge gave no reply")
                self._fail(JudgeError(reason), unread=False)
            elif reply.finish in ("length", "thinking"):
                self._fail(JudgeError(CUT_OFF), unread=True)
            else:
                self.replies.append(reply.text)

    def judgement(self, scorer: JudgedScorer) -> Judgement:
        """What the replies are worth."""
        record = self.record
        assert record.response is not None
        prompts, replies = tuple(self.hashes), tuple(self.replies)
        lost = self.failure
        if lost is None:
            try:
                score = sound(scorer.score_judged(record.question, record.response, replies))
                read: ParseStatus = "ok" if all(map(as_asked, replies)) else "repaired"
                return Judgement(score, prompts, replies, read)
            except Exception as error:  # noqa: BLE001  # a bug in a user's scorer costs one score too
                lost = error  # and other replies mend none
                self._fail(error, unread=bool(replies) and isinstance(error, JudgeError))
        stage: Stage = "judge" if isinstance(lost, JudgeError) else "scorer"
        parse: ParseStatus = "refused" if isinstance(lost, JudgeRefused) else "failed"
        return Judgement(Failure(record.key, stage, clause(lost)), prompts, replies, parse)

    def again(self, calls: Calls) -> Case | None:
        """The case at its beginning, with the next replies; None where these could be read, and
        where there are no others to be had."""
        if self.unread and any(calls.another(key, self.attempt) for key in self.hashes):
            return Case(self.record, self.attempt + 1)
        return None

    def _fail(self, error: Exception, unread: bool) -> None:
        self.failure, self.done = error, True
        self.unread = unread and not isinstance(error, Dropped)  # that is its source's last word


def cases(records: Sequence[Record], scorer: JudgedScorer) -> list[Case]:
    """A case for every record that has a response; those with status "failed" or "truncated" are
    left out."""
    judgeable = [r for r in records if r.response and r.status not in ("failed", "truncated")]
    texts = {_asking(r.question): r.response.text for r in judgeable if r.response}
    return [_case(record, texts, scorer) for record in judgeable]


def _case(record: Record, texts: Mapping[tuple[str, int, int], str], scorer: JudgedScorer) -> Case:
    """The record's case, with the responses to the questions that the scorer wants beside it."""
    try:
        return Case(_accompanied(record, texts, scorer))
    except Exception as error:  # noqa: BLE001  # a bug in a user's scorer costs one score
        return Case(record, failure=error, done=True)


def _asking(question: Question, id: str | None = None) -> tuple[str, int, int]:
    """One asking of a question, or of another one asked in the same rotation and repeat."""
    return (question.id if id is None else id, question.rotation, question.repeat)


def _accompanied(
    record: Record, texts: Mapping[tuple[str, int, int], str], scorer: JudgedScorer
) -> Record:
    if not isinstance(scorer, Accompanied):
        return record
    ids = scorer.companions(record.question)
    if not ids:
        return record
    askings = {id: _asking(record.question, id) for id in ids}
    found = {id: texts[asking] for id, asking in askings.items() if asking in texts}
    metadata = dict(record.question.metadata) | {COMPANIONS: found}
    return replace(record, question=replace(record.question, metadata=metadata))
