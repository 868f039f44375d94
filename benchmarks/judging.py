"""How fast a judge's calls are kept, and that a second scoring asks nothing.

    python -m benchmarks.judging [responses]

The judge costs nothing here (``word_overlap``): what is measured is what the harness adds to each
call: the prompt's hash, the line on disk, reading the reply.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from harness.models.word_overlap import WordOverlap
from harness.run.judging import judgements
from harness.scoring.judged import YesNoScorer
from harness.types import Question, Record, Response


def main(count: int) -> None:
    """Prints calls per second when asked and when found, and the number of calls of both."""
    records = [
        Record(
            Question(str(n), f"what is number {n}", target=f"thing {n}"),
            f"video {n // 5}",
            "",
            response=Response(str(n), f"a thing {n % 7}"),
        )
        for n in range(count)
    ]
    scorer = YesNoScorer("activitynetqa_user", "activitynetqa_system")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first scoring", "second scoring"):
            start = time.perf_counter()
            found = judgements(WordOverlap(), scorer, records, Path(folder))
            took = time.perf_counter() - start
            print(
                f"{name}: {found.asked} calls made, {found.kept} found kept, "
                f"{count / took:,.0f} responses a second"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
