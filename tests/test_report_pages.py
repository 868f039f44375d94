"""What reports print and write of known runs, character by character: formats that people's tables
and programs are built on. After a change that is meant: ``python -m tests.test_report_pages``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.report import (
    audit,
    baseline,
    compare,
    compared,
    export,
    figure,
    gate,
    gate_verdict,
    leaderboard,
    need,
    published,
)
from harness.report.runs import Run
from tests.golden_files import keep, kept
from tests.runs import record, records, right, write, wrong

KEPT = "reports.json"


def _odd(i: int) -> str | None:
    """Mostly right; some unreadable, some failed, some verbose."""
    said = [right(i), f"The best answer is {right(i)}.", wrong(i), "I cannot tell.", None]
    return said[(i * i + i // 7) % 5]


def _pair(folder: Path) -> tuple[Run, Run]:
    first = write(folder, records(90, 0.5), model="a_1", frames=16)
    second = write(folder, [record(i, _odd(i)) for i in range(90)], model="b-2")
    return first, second


def _controls(folder: Path) -> list[Run]:
    def known(right_ones: set[int]) -> list[object]:
        return [record(i, right(i) if i in right_ones else wrong(i)) for i in range(60)]

    return [
        write(folder, known({*range(30), *range(30, 60, 2)})),
        write(folder, known(set(range(20))), control="blank"),
        write(folder, known(set(range(24))), control="single_frame"),
    ]


def _paper(folder: Path) -> Run:
    backend = {"checkpoint": "llava-hf/LLaVA-NeXT-Video-7B-hf"}
    return write(
        folder, records(900, 0.42), task="videomme", model="llava_next_video", backend=backend,
        frames=32, metric={"counted": "answered"},
    )  # fmt: skip


def _gate(folder: Path) -> tuple[str, str]:
    before, after = (baseline.side_of(run) for run in _pair(folder))
    checks = gate.check(before, after)
    return gate_verdict.markdown(before, after, checks), gate_verdict.junit(after, checks)


def _json(found: object) -> str:
    """As JSON, fractions in six digits: further ones are the machine's."""
    plain = json.dumps(found, default=str)
    rounded = json.loads(plain, parse_float=lambda text: round(float(text), 6))
    return json.dumps(rounded, indent=1, ensure_ascii=False)


PAGES: dict[str, Callable[[Path], str]] = {
    "compare": lambda f: compared.markdown(compare.compare(_pair(f))),
    "compare rows": lambda f: _json(compared.rows(compare.compare(_pair(f)))),
    "gate": lambda f: _gate(f)[0],
    "gate junit": lambda f: _gate(f)[1],
    "audit": lambda f: audit.markdown(run := _pair(f)[1], audit.audit(run), None),
    "audit rows": lambda f: _json(audit.rows(audit.audit(_pair(f)[1]))),
    "need": lambda f: need.markdown(need.profile((runs := _controls(f))[0], runs)),
    "need rows": lambda f: _json(need.rows(need.profile((runs := _controls(f))[0], runs))),
    "published": lambda f: published.markdown(run := _paper(f), published.against(run)),
    "published rows": lambda f: _json(published.rows(published.against(_paper(f)))[:3]),
    "leaderboard": lambda f: leaderboard.markdown(_pair(f)),
    "leaderboard figures": lambda f: _json(leaderboard.figures(_pair(f))),
    "latex": lambda f: figure.latex(_pair(f)),
    "export": lambda f: _json(export.videomme(_pair(f)[1])[:2]),
}


def page(name: str, folder: Path) -> str:
    """A page, without what is the folder's."""
    return PAGES[name](folder).replace(str(folder), "RESULTS")


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_as_it_was(name: str, tmp_path: Path) -> None:
    assert page(name, tmp_path) == kept(KEPT)[name]


def test_every_page_that_is_kept_is_made() -> None:
    assert kept(KEPT).keys() == PAGES.keys()


if __name__ == "__main__":
    keep(KEPT, PAGES, page)
