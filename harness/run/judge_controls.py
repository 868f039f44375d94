"""What a judge is worth, measured with every run: on answers whose score is known beforehand.

Right answers given as responses must score the maximum, blank ones and those of other questions the
minimum, and the same call made twice must agree. All of it takes at most a share of the calls; in
small runs, one response for each kind.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import JudgeError
from harness.run.judging import GENERATION, Tell, judgements
from harness.scoring.judge_slots import Bounded, target
from harness.types import Failure, Generation, JudgedScorer, Model, Record, Response, Score

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
    judge: Model,
    scorer: JudgedScorer,
    records: Sequence[Record],
    store: Path,
    progress: Tell = lambda line: None,
    *,
    generation: Generation = GENERATION,
    share: float = SHARE,
    seed: int = 0,
) -> list[Control]:
    """The four controls on scored records, drawn from ``seed``; in all at most ``share`` of the
    calls of a whole scoring, but one record of each kind. With fewer records than kinds the last
    kinds are left out (``missing``); so are all for a scorer that
    does not say which scores are the best and the worst (``Bounded``).
    """
    if not isinstance(scorer, Bounded):
        return []
    usable = [r for r in records if r.status == "scored" and r.score and _has_target(r)]
    found: list[Control] = []
    for kind, chosen in _plan(usable, scorer, share, seed).items():
        if not chosen:
            continue
        made = [_as(kind, record, usable) for record in chosen]
        repeat = int(kind == "repeat")
        judged = judgements(
            judge, scorer, made, store, progress, generation=generation, repeat=repeat
        )
        found.append(_counted(kind, chosen, judged.scores, scorer))
    return found


def missing(scorer: object, controls: Sequence[Control], judged: bool = True) -> str:
    """Which controls could not be drawn, and why (``judged``: any response has a verdict); empty
    when all were."""
    if not judged:
        return "no controls: no response was judged"
    if not isinstance(scorer, Bounded):
        return "no controls: this scorer does not say which scores are the best and the worst"
    absent = [kind for kind in KINDS if kind not in {control.kind for control in controls}]
    if not absent:
        return ""
    return f"no {', '.join(absent)} control: fewer than {len(KINDS)} responses can serve as one"


def _counted(
    kind: str,
    chosen: Sequence[Record],
    outcomes: Mapping[str, Score | Failure],
    scorer: Bounded,
) -> Control:
    """How many of the records passed one kind of control."""
    passed = unread = 0
    for record in chosen:
        outcome = outcomes[record.key]
        if isinstance(outcome, Failure):
            unread += 1
        else:
            passed += _passes(kind, record, outcome, scorer)
    return Control(kind, len(chosen), passed, unread)


def _passes(kind: str, record: Record, score: Score, scorer: Bounded) -> bool:
    if kind == "repeat":
        return record.score is not None and score.values == record.score.values
    bounds = scorer.bounds(record.question)
    place = 1 if kind == "gold" else 0
    return all(score.values.get(name) == ends[place] for name, ends in bounds.items())


def _plan(
    usable: Sequence[Record], scorer: JudgedScorer, share: float, seed: int
) -> dict[str, list[Record]]:
    """Which records each kind of control is made of, within the calls there are to spend."""
    costs = {r.key: len(_prompts(r, scorer)) for r in usable}
    order = [record for record in usable if costs[record.key]]
    random.Random(seed).shuffle(order)
    left = int(share * sum(costs.values()))
    plan: dict[str, list[Record]] = {kind: [] for kind in KINDS}
    for place, record in enumerate(order):
        left -= costs[record.key]
        if left < 0 and place >= len(KINDS):
            break
        plan[KINDS[place % len(KINDS)]].append(record)
    return plan


def _prompts(record: Record, scorer: JudgedScorer) -> Sequence[object]:
    if record.response is None:
        return ()
    try:
        return scorer.judge_prompts(record.question, record.response)
    except Exception:  # noqa: BLE001  # a bug in a user's scorer, which its score has told of, or
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
