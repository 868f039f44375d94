"""Ill-formed judge's replies, made from the form of the 45,539 that CVRR-ES published.

Each comes with what a careful human reads in it: (right, score), or None for nothing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

REASONS = (
    "The predicted answer matches the ground truth.",
    "The prediction doesn't mention the man's second action, so it is only partly right.",
    'It says "jumping" where the ground truth says "running".',
    "The answer's colour is wrong: the car is red, not blue; a score of that kind isn't possible",
    "Although the prediction is correct in general, it adds {unneeded} detail.",
    "The model correctly identifies 3 of 5 objects.",
    "He isn't walking, and the video's scene doesn't show it. The prediction is incorrect.",
    "",
)

Form = Callable[[str, int, str], str]


def _python(pred: str, score: int, reason: str) -> str:
    return str({"pred": pred, "score": score, "reason": reason})


def _json(pred: str, score: int, reason: str) -> str:
    return json.dumps({"pred": pred, "score": score, "reason": reason})


def _apostrophes(pred: str, score: int, reason: str) -> str:
    return f"{{'pred': '{pred}', 'score': {score}, 'reason': '{reason}'}}"


FORMS: dict[str, Form] = {
    "python": _python,
    "json": _json,
    "apostrophes": _apostrophes,
    "fenced": lambda p, s, r: f"```python\n{_apostrophes(p, s, r)}\n```",
    "fenced json": lambda p, s, r: f"```json\n{_json(p, s, r)}\n```",
    "prose": lambda p, s, r: (
        f"Here is my evaluation:\n\n{_apostrophes(p, s, r)}\n\nI hope it helps."
    ),
    "full stop": lambda p, s, r: _apostrophes(p, s, r) + ".",
    "lines": lambda p, s, r: _apostrophes(p, s, r).replace(", '", ",\n  '"),
    "capitals": lambda p, s, r: _apostrophes(p.capitalize(), s, r),
    "key capitals": lambda p, s, r: f"{{'Pred': '{p}', 'Score': {s}, 'Reason': '{r}'}}",
    "bare verdict": lambda p, s, r: f"{{'pred': {p}, 'score': {s}, 'reason': '{r}'}}",
    "bare keys": lambda p, s, r: f"{{pred: '{p}', score: {s}, reason: '{r}'}}",
    "score text": lambda p, s, r: f"{{'pred': '{p}', 'score': '{s}', 'reason': '{r}'}}",
    "of five": lambda p, s, r: f"{{'pred': '{p}', 'score': '{s}/5', 'reason': '{r}'}}",
    "of five bare": lambda p, s, r: f"{{'pred': '{p}', 'score': {s}/5, 'reason': '{r}'}}",
    "no brace": lambda p, s, r: _apostrophes(p, s, r)[:-1],
    "cut off": lambda p, s, r: f"{{'pred': '{p}', 'score': {s}, 'reason': 'The predicted answ",
    "no reason": lambda p, s, r: f"{{'pred': '{p}', 'score': {s}}}",
    "comma": lambda p, s, r: f"{{'pred': '{p}', 'score': {s}, 'reason': '{r}',}}",
    "reason bare": lambda p, s, r: f"{{'pred': '{p}', 'score': {s}, 'reason': {r}}}",
    "curly quotes": lambda p, s, r: f"{{‘pred’: ‘{p}’, ‘score’: {s}, ‘reason’: ‘{r}’}}",
    "no braces": lambda p, s, r: f"pred: {p}\nscore: {s}\nreason: {r}",
    "bold": lambda p, s, r: f"**pred**: {p}\n**score**: {s}\n**reason**: {r}",
    "thinking": lambda p, s, r: f"<think>\nscore 2? pred: maybe\n</think>\n{_apostrophes(p, s, r)}",
}

UNREADABLE = (
    "",
    "I'm sorry, I cannot evaluate this.",
    "{'pred': 'cannot say', 'score': 2, 'reason': 'x'}",
    "{'pred': 'partially correct', 'score': 3, 'reason': 'x'}",
    "{'score': 3, 'reason': 'The prediction is fine.'}",
    "{'pred': 'correct', 'reason': 'no score is given'}",
    "{'pred': 'correct', 'score': 9, 'reason': 'x'}",
    "{'pred': 'correct', 'score': None, 'reason': 'x'}",
    "{'pred': '', 'score': '', 'reason': ''}",
    "The prediction could be seen as correct or as incorrect.",
    "{'pred': 'correct', 'score': 4} or {'pred': 'incorrect', 'score': 1}",
)


def replies(count: int, seed: int = 0) -> Iterator[tuple[str, str, tuple[bool, int] | None]]:
    """(form, reply, what it says)."""
    rng = random.Random(seed)
    for _ in range(count):
        if rng.random() < 0.05:
            yield "unreadable", rng.choice(UNREADABLE), None
            continue
        form = rng.choice(sorted(FORMS))
        right, score, reason = rng.random() < 0.5, rng.randint(0, 5), rng.choice(REASONS)
        pred = "correct" if right else "incorrect"
        yield form, FORMS[form](pred, score, reason), (right, score)
