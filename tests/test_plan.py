"""What cannot fit is refused before anything loads, with what to change."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import harness.demo
from harness.cli import main
from harness.config import compose
from harness.errors import ModelError, PlanError
from harness.run.loop import plan
from harness.run.plan import Plan


@dataclass(frozen=True)
class Device:
    context: int = 4096
    weights: int = 14_000_000_000
    device: str = "cuda"
    memory: int = 80_000_000_000

    def total(self, tokens: int) -> int:
        return self.weights + tokens * 500_000


FITS = Plan(
    clips=2, questions=6, frames=8, missing=(), tokens=(1200, 1300, 1250), longest="q2",
    new=16, tokens_per_frame=144, per_clip=3, memory=Device(),
)  # fmt: skip


def test_a_run_that_fits_is_described_and_let_through() -> None:
    FITS.refuse()
    said = str(FITS)
    assert "2 clips, 6 questions, 8 frames each" in said
    assert "up to 1,300 tokens (median 1,250) + 16 new, in a context of 4,096" in said
    assert "weights 14.0 GB, in all about 14.8 GB of 80.0 GB (cuda)" in said


def test_32_frames_in_a_context_of_4096_are_refused_with_what_to_change() -> None:
    plan = replace(FITS, frames=32, tokens=(4608 + 90,))
    with pytest.raises(PlanError, match=r"exceed the context of 4,096 by 618: frames=27 fits; "):
        plan.refuse()
    plan.refuse(allow_overflow=True)


def test_too_little_memory_is_refused_with_what_to_change() -> None:
    plan = replace(FITS, memory=Device(memory=10_000_000_000))
    with pytest.raises(PlanError, match=r"14.8 GB of memory .* cuda has 10.0 GB: try .*nf4"):
        plan.refuse()


def test_missing_videos_are_named_and_counted() -> None:
    plan = replace(FITS, missing=("a", "b", "c", "d"))
    assert str(plan).splitlines()[-1] == "4 videos are missing: a, b, c, …"


def test_a_backend_without_a_context_has_nothing_to_refuse() -> None:
    replace(FITS, tokens=(), memory=None).refuse()


def test_the_prompts_that_are_counted_have_the_subtitles_that_will_be_asked_with() -> None:
    """Subtitles can be most of a prompt: a plan without them lets through what overflows."""
    words = ("model=tiny_video", "limit=20", "frames=8")
    with_subtitles = plan(compose(["task=demo/subtitles", *words]))
    assert sum(with_subtitles.tokens) > sum(plan(compose(["task=demo", *words])).tokens)


def test_a_plan_names_all_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows, checkpoint and judge in one go, a line each; videos where the rows are there."""
    words = ["task=demo/open", "model.checkpoint=/no/model", "judge=tiny_judge", "plan=true"]
    rows = tmp_path / "rows.jsonl"
    shutil.copy(Path(harness.demo.__path__[0]) / "data" / "rows.jsonl", rows)
    for data, first, last in (
        ("/no/data", "data=/no/data does not exist", "judge.checkpoint=/no/judge: no such folder"),
        (rows, "model.checkpoint=/no/model: no such folder", "2 videos are missing: "),
    ):
        given = [*words, f"data={data}", "judge.checkpoint=/no/judge", "limit=2"]
        assert main([*given, f"results={tmp_path / 'results'}"]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith(f"harness: {first}")
        assert lines[-1].startswith(f"harness: {last}")
        assert len(lines) == 3
        assert any(line.startswith("harness: model.checkpoint=/no/model") for line in lines)


def test_a_plan_of_a_judge_that_is_missing_is_refused_as_the_run_would_be() -> None:
    request = compose(["task=demo/open", "backend=fake", "judge=tiny_judge", "limit=1"])
    assert plan(request).clips == 1
    judge = replace(request.judge, checkpoint="/no/judge")  # type: ignore[type-var]
    with pytest.raises(ModelError, match=r"^judge\.checkpoint=/no/judge: no such folder"):
        plan(replace(request, judge=judge))
