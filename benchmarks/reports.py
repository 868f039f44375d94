"""How long reports of a large benchmark take: ``python -m benchmarks.reports``.

Run folders are written by the real journal with made-up responses, three questions a clip; then
each report runs in a process of its own. Printed: seconds of the processor (other work on the
machine does not change them much) and peak memory, for a tenth of the questions too: what is linear
takes ten times as long for ten times as many.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from harness.identity import describe, digest
from harness.metrics import GroupScore, Mean
from harness.report import audit, baseline, compare, compared, gate, gate_rules, leaderboard, runs
from harness.run.journal import Appender, Journal
from harness.scoring.choice import ChoiceScorer
from harness.types import Metric, Question, Record, Response

OPTIONS = ("a red car", "a blue truck", "a green bus", "a yellow van")


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reports", description=__doc__)
    parser.add_argument("--questions", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=200, help="for the leaderboard")
    parser.add_argument("--one", nargs=2, metavar=("REPORT", "FOLDER"), help="only this, timed")
    words = parser.parse_args(argv)
    if words.one:
        print(json.dumps(timed(words.one[0], Path(words.one[1]))))
        return 0
    rows = []
    for questions in (words.questions // 10, words.questions):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / "two", "a", questions, 0.6)
            write(Path(folder) / "two", "b", questions, 0.7)
            write(Path(folder) / "four", "a", questions // 4 * 4, 0.6, four=True)
            rows += [asked(name, questions, Path(folder)) for name in REPORTS]
    with tempfile.TemporaryDirectory() as folder:
        for i in range(words.folders):
            write(Path(folder) / "many", f"m{i}", 3000, 0.5 + i / 1000)
        rows.append(asked("leaderboard", 3000 * words.folders, Path(folder)))
    print(tabulate(rows, "keys", "pipe"))
    return 0


def asked(name: str, questions: int, folder: Path) -> dict[str, Any]:
    """One report, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.reports", "--one", name, str(folder)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {"report": name, "questions": f"{questions:,}", **found}


def timed(name: str, folder: Path) -> dict[str, Any]:
    """Runs a report and says what it took."""
    start = time.process_time()
    REPORTS.get(name, _leaderboard)(folder)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"CPU s": f"{seconds:.1f}", "peak MB": f"{peak:.0f}"}


def _found(folder: Path) -> list[runs.Run]:
    return runs.find(folder)[0]


def _summary(folder: Path) -> None:
    run = _found(folder / "two")[0]
    run.summarised(run.records)


def _groups(folder: Path) -> None:
    run = _found(folder / "four")[0]
    run.summarised(run.records)


def _compare(folder: Path) -> None:
    result = compare.compare(_found(folder / "two"))
    print(len(compared.markdown(result)), file=sys.stderr)


def _gate(folder: Path) -> None:
    before, after = map(baseline.side_of, _found(folder / "two"))
    gate.check(before, after, gate_rules.Rules(exact=True))


def _audit(folder: Path) -> None:
    run = _found(folder / "two")[0]
    audit.markdown(run, audit.audit(run))


def _leaderboard(folder: Path) -> None:
    leaderboard.write(folder / "many", _found(folder / "many"))


REPORTS = {
    "summary": _summary,
    "summary, group scores": _groups,
    "compare": _compare,
    "gate": _gate,
    "audit": _audit,
}


def write(
    results: Path,
    model: str,
    questions: int,
    share: float,
    *,
    four: bool = False,
    frames: int = 8,
) -> None:
    """A finished run: about ``share`` of its responses right, one in fifty unparsed."""
    per_clip = 4 if four else 3
    metric: Metric = GroupScore() if four else Mean("accuracy")
    protocol = {
        "name": "large",
        "scorer": describe(ChoiceScorer()),
        "metrics": [describe(metric)],
        "breakdowns": ["duration", "task_type"],
    }
    request: dict[str, Any] = {"task": "large", "protocol": protocol, "model": model}
    request["frames"] = frames
    request |= {"id": digest(request), "questions": questions}
    folder = results / "large" / model / request["id"]
    made = [_record(i, per_clip, share) for i in range(questions)]
    with Journal(folder, request), Appender(folder) as appender:
        for record in made:
            appender.append(record)
    summary = runs.Run(folder, request).summarised(made)
    (folder / "summary.json").write_text(json.dumps(summary.to_json()))


def _record(i: int, per_clip: int, share: float) -> Record:
    target = "ABCD"[i * 7 % 4]
    wrong = "ABCD"[(i * 7 + 1) % 4]
    said = target if (i * 37) % 100 < 100 * share else wrong
    groups = {
        "duration": (("short", "medium", "long")[i // per_clip % 3],),
        "task_type": (f"type {i % 12}",),
        "position": (str(i % per_clip),),
        "group_type": ("relevance",),
    }
    id = f"{i // per_clip:06d}-{i % per_clip}"
    question = Question(id, f"What is seen in part {i}?", OPTIONS, target, groups)
    response = Response(id, "No idea." if i % 50 == 7 else f"The answer is {said}.", seconds=0.1)
    score = ChoiceScorer().score(question, response)
    prompt = f"user: <video>Select the best answer.\n{question.text}\n" + "\n".join(OPTIONS)
    video = f"video{i // per_clip:06d}"
    frames, times = tuple(range(0, 80, 10)), tuple(float(x) for x in range(8))
    return Record(
        question, video, prompt, frames, times, response, score,
        "scored" if score.values else "unparsed",
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
