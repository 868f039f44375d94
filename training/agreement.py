"""How far a judge agrees with the rule that made the demo's questions:

    python -m training.agreement              # tiny_judge on answers of every grade, and on runs
    python -m training.agreement --judge word_overlap

Answers are drawn with another seed than the judge was trained with; runs are those of
``task=demo/open`` under ``--results`` that this judge scored, with its controls there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.config import compose
from harness.run.journal import read_records
from harness.run.judging import judgements
from harness.scoring.judged import YesNoScorer
from harness.types import Failure, Model, Question, Record, Response
from training.grading import Item, asked, grade, item

SEED = 20_261_125  # not the training's
SCORER = YesNoScorer("activitynetqa_user", "activitynetqa_system")


def drawn(count: int, seed: int = SEED) -> list[Item]:
    """Questions with answers of every grade."""
    rng = np.random.default_rng(seed)
    queries = asked(count, rng)
    return [item(queries[rng.integers(len(queries))], rng) for _ in range(count)]


def agreement(judge: Model, items: Sequence[Item]) -> tuple[float, float, int]:
    """The share of verdicts, and of whole replies (verdict and score), that are the rule's; and how
    many replies could not be read (they agree with nothing)."""
    records = [
        Record(
            Question(str(number), one.question, target=one.answer),
            str(number),
            one.question,
            response=Response(str(number), one.candidate),
        )
        for number, one in enumerate(items)
    ]
    with tempfile.TemporaryDirectory() as store:
        scores = judgements(judge, SCORER, records, Path(store)).scores
    same = whole = unread = 0
    for number, one in enumerate(items):
        found, (right, score) = scores[str(number)], grade(one.answer, one.candidate)
        if isinstance(found, Failure):
            unread += 1
            continue
        same += found.values["accuracy"] == right
        whole += found.values["accuracy"] == right and found.values["score"] == score
    return same / len(items), whole / len(items), unread


def of_run(folder: Path) -> str:
    """A run's line: verdicts that are the rule's, and the judge's controls."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    scored = [r for r in read_records(folder) if r.score is not None and r.response is not None]
    same = sum(
        r.score.values["accuracy"] == grade(str(r.question.target), r.response.text)[0]
        for r in scored
        if r.score is not None and r.response is not None
    )
    controls = ", ".join(
        f"{c['kind']} {c['passed']}/{c['n']}" for c in summary["judge"]["controls"]
    )
    return (
        f"{summary['model']}: {same} of {len(scored)} verdicts are the rule's; controls passed: "
        f"{controls or summary['judge'].get('controls_missing')}"
    )


def main() -> None:
    """Prints both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--judge", default="tiny_judge")
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--results", type=Path, default=Path("results"))
    said = parser.parse_args()
    judge = compose(["task=demo/open", f"judge={said.judge}"]).judge
    assert judge is not None
    same, whole, unread = agreement(judge, drawn(said.items))
    print(
        f"{said.judge} on {said.items} answers of every grade: {same:.1%} of its verdicts and "
        f"{whole:.1%} of its verdicts with scores are the rule's; {unread} cannot be read"
    )
    identity = json.loads(json.dumps(dict(judge.identity())))
    for file in sorted((said.results / "demo" / "open").glob("*/*/summary.json")):
        by = json.loads(file.read_text(encoding="utf-8")).get("judge") or {}
        if by.get("identity") == identity:
            print(of_run(file.parent))


if __name__ == "__main__":
    main()
