"""Sampling as it is set on the command line, to the frames that a model is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import harness
from harness.config import compose
from harness.models.fake import Fake
from harness.types import JSON, Generation, Sample
from tests.videos import Encoding, encode

MINE = """\
# @package _global_
task:
  _target_: harness.task.Task
  name: mine
  source: {_target_: harness.data.Source, path: rows.jsonl}
  prompt: {_target_: harness.prompts.PromptTemplate, template: "{question}"}
  scorer: {_target_: harness.scoring.choice.ChoiceScorer}
"""
ROW = '{"id": "1", "video": "clip.mp4", "question": "?", "options": ["x", "y"], "answer": "A"}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task of one question about 40 frames at 25 fps (1.6 s), 128 × 96."""
    (tmp_path / "configs" / "task").mkdir(parents=True)
    (tmp_path / "configs" / "task" / "mine.yaml").write_text(MINE)
    (tmp_path / "rows.jsonl").write_text(ROW)
    encode(tmp_path / "clip.mp4", Encoding())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("settings", "indices", "shape"),
    [
        ({"sampling": "fps"}, [0, 25], (96, 128)),
        ({"sampling.rule": "fps"}, [0, 25], (96, 128)),
        ({"sampling": "fps", "sampling.rule": "fps:5"}, list(range(0, 40, 5)), (96, 128)),
        ({"sampling": "fps", "sampling.min_frames": 4}, [0, 13, 26, 39], (96, 128)),
        ({"sampling": "midpoints", "sampling.last": True, "frames": 3}, [6, 19, 39], (96, 128)),
        ({"sampling.by_duration": [[1.0, 2], [2.0, 3]]}, [0, 19, 39], (96, 128)),
        ({"sampling.frames": 2, "sampling.pixels": 64 * 48}, [0, 39], (48, 64)),
        ({"frames": 2, "sampling.total_pixels": 2 * 64 * 48}, [0, 39], (48, 64)),
        ({"frames": 41, "sampling.short": "repeat"}, [0, *range(40)], (96, 128)),
    ],
)
def test_the_model_is_given_the_frames_that_were_asked_for(
    settings: dict[str, JSON],
    indices: list[int],
    shape: tuple[int, int],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Sample] = []
    generate = Fake.generate

    def watched(self: Fake, samples: Iterable[Sample], generation: Generation) -> object:
        def noted() -> Iterator[Sample]:
            for sample in samples:
                seen.append(sample)
                yield sample

        return generate(self, noted(), generation)

    monkeypatch.setattr(Fake, "generate", watched)
    given = {"task": "mine", "backend": "fake", "video": {"workers": 0}}
    run = harness.evaluate(**given, **settings)  # type: ignore[arg-type]
    assert list(run.records["status"]) == ["scored"], list(run.records["reason"])
    (sample,) = seen
    assert sample.frames is not None
    assert list(sample.frames.indices) == indices
    assert sample.frames.pixels.shape == (len(indices), *shape, 3)


@pytest.mark.parametrize(
    ("model", "most"),
    [("qwen2_vl_7b", 768), ("qwen2_5_vl_7b", 768), ("qwen3_vl_8b", 512), ("qwen3_5_9b", 512)],
)
def test_qwen_s_own_evaluation_shows_at_least_four_frames(model: str, most: int) -> None:
    sampling = compose([f"model={model}", "sampling=card"]).sampling
    assert (sampling.rule, sampling.min_frames, sampling.frames) == ("fps:2", 4, most)
