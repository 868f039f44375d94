"""What the second toy is taught on is what its own processor makes of the same clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training import DEMO, qwen
from training.curriculum import CHOICE
from training.learning import logits
from training.lessons import Lesson

TEACHER = DEMO / "checkpoints" / "tiny_video"


@pytest.mark.parametrize(("count", "seconds"), [(1, 4.0), (2, 24.0), (5, 10.0), (16, 24.0)])
def test_lessons_are_packed_as_the_processor_writes_them(
    tmp_path: Path, count: int, seconds: float
) -> None:
    """Tokens, positions, patches and so logits of a clip's two questions."""
    from transformers import AutoProcessor

    words = qwen.words()
    model = qwen.build(words, TEACHER, 3).eval()
    qwen.save(model, words, tmp_path)
    processor = AutoProcessor.from_pretrained(tmp_path)
    rng = np.random.default_rng(0)
    lesson = CHOICE.lesson(count, rng)
    lesson = Lesson(lesson.prefix, lesson.branches[:2], lesson.frames, lesson.notes, seconds)
    batch = qwen.QwenPacker(words, noise=0).pack([lesson], rng)
    told = {
        "total_num_frames": int(seconds * 8),
        "fps": 8.0,
        "frames_indices": np.linspace(0, seconds * 8 - 1, count, dtype=int).tolist(),
    }
    for number, branch in enumerate(lesson.branches):
        content = [{"type": "video"}, {"type": "text", "text": "…"}]
        start = processor.apply_chat_template([{"role": "user", "content": content}])
        assert start == "USER: <vision_start><video><vision_end>\n… "
        text = lesson.prefix.replace("<video>", "<vision_start><video><vision_end>") + branch.text
        given = processor(
            text=["<s>" + text],
            videos=[lesson.frames],
            videos_kwargs={"do_sample_frames": False, "video_metadata": [told]},
            add_special_tokens=False,
            return_tensors="pt",
        )
        own = (batch.branch[0] == 0) | (batch.branch[0] == number + 1)
        size = given["input_ids"].shape[1]
        assert batch.ids[0, own].tolist()[:size] == given["input_ids"][0].tolist()
        names = ("mm_token_type_ids", "video_grid_thw", "second_per_grid_ts")
        positions, _ = model.model.get_rope_index(
            given["input_ids"], **{name: given[name] for name in names}
        )
        assert torch.equal(batch.positions[:, 0, own][:, :size], positions[:, 0])
        torch.testing.assert_close(batch.pixels, given["pixel_values_videos"], rtol=0, atol=2e-6)
        with torch.inference_mode():
            alone = model(**given).logits[0, -1]
            packed = logits(model, batch)[int((batch.group < number).sum())]
        torch.testing.assert_close(packed, alone, rtol=1e-3, atol=1e-3)


def test_the_script_goes_through_its_stages_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(qwen, "TAUGHT", dict.fromkeys(qwen.TAUGHT, 1))
    out = tmp_path / "out"
    words = ["qwen", "--work", str(tmp_path / "work"), "--out", str(out), "--imitate", "25"]
    monkeypatch.setattr("sys.argv", words)
    qwen.main()
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("imitate 25: 0.")
    assert said[1:] == [f"{name}: 1 steps" for name in qwen.TAUGHT]
    assert (out / "model.safetensors").stat().st_size < 4_000_000
    qwen.main()
    assert not capsys.readouterr().out
