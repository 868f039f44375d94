"""What a judge is worth, measured with every run: on answers whose score is known beforehand.

Right answers given as responses must score the maximum, blank ones and those of other questions the
minimum, and the same call made twice must agree. All of it takes at most a share of the calls.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import JudgeError
from harness.run.judging import GENERATION, Tell, judge_records, judged
from harness.scoring.judged import target
from harness.types import Generation, JudgedScorer, Model, Record, Response

KINDS = ("gold", "shuffled", "blank", "repeat")
SHARE = 0.05


@dataclass(frozen=True)
class Control:
    """One kind of control: of ``n`` responses, ``passed`` scored as they must.

    gold: every value at its maximum; shuffled and blank: at its minimum; repeat: the same values as
    before. ``unread`` had no readable verdict and count in neither.
    """

    kind: str
    n: int
    passed: int
    unread: int = 0


def judge_controls(
    records: Sequence[Record],
    scorer: JudgedScorer,
    judge: Model,
    cache_folder: Path,
    generation: Generation = GENERATION,
    tell: Tell = lambda line: None,
    *,
    share: float = SHARE,
    maximum: float = 1.0,
    minimum: float = 0.0,
    value: str = "accuracy",
    seed: int = 0,
) -> list[Control]:
    """The four controls on scored records, drawn from ``seed``; in all at most ``share`` of the
    calls of a whole scoring. With too few records for one of a kind, that kind is left out.

    ``value`` is the score that must be ``maximum`` or ``minimum``.
    """
    usable = [r for r in records if r.status == "scored" and r.score and value in r.score.values]
    usable = [r for r in usable if _has_target(r)]
    plan = _plan(usable, scorer, share, seed)
    found: list[Control] = []
    for kind, chosen in plan.items():
        made = [_as(kind, record, usable) for record in chosen]
        verdicts = judge_records(
            made, scorer, judge, cache_folder, generation, tell, repeat=int(kind == "repeat")
        )
        done, _ = judged(made, scorer, verdicts)
        passed = unread = 0
        for before, after in zip(chosen, done, strict=True):
            if after.score is None or value not in after.score.values:
                unread += 1
            elif kind == "repeat":
                passed += before.score is not None and after.score.values == before.score.values
            else:
                passed += after.score.values[value] == (maximum if kind == "gold" else minimum)
        if made:
            found.append(Control(kind, len(made), passed, unread))
    return found


def _plan(
    usable: Sequence[Record], scorer: JudgedScorer, share: float, seed: int
) -> dict[str, list[Record]]:
    """Which records each kind of control is made of, within the calls there are to spend."""
    rng = random.Random(seed)
    order = list(usable)
    rng.shuffle(order)
    costs = {r.key: len(_prompts(r, scorer)) for r in order}
    left = int(share * sum(costs.values()))
    plan: dict[str, list[Record]] = {kind: [] for kind in KINDS}
    place = 0
    while order and place < len(order):
        kind = KINDS[place % len(KINDS)]
        record = order[place]
        if costs[record.key] > left:
            break
        left -= costs[record.key]
        plan[kind].append(record)
        place += 1
    return plan


def _prompts(record: Record, scorer: JudgedScorer) -> Sequence[object]:
    assert record.response is not None
    try:
        return scorer.judge_prompts(record.question, record.response)
    except JudgeError:
        return ()  # a question judged with another's response: not used for controls


def _as(kind: str, record: Record, others: Sequence[Record]) -> Record:
    """The record with a control's text as its response."""
    if kind == "repeat" or record.response is None:
        return record
    if kind == "blank":
        text = ""
    elif kind == "gold":
        text = target(record.question)
    else:
        mine = target(record.question).strip().lower()
        texts = [target(r.question) for r in others if r.video != record.video]
        wrong = [t for t in texts if t.strip().lower() != mine]
        start = sum(map(ord, record.key)) % len(wrong) if wrong else 0
        text = wrong[start] if wrong else ""
    response: Response = replace(record.response, text=text)
    return replace(record, response=response, score=None, status="unscored")


def _has_target(record: Record) -> bool:
    try:
        return bool(target(record.question))
    except JudgeError:
        return False
