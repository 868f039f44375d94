"""The built-in benchmark and the tiny checkpoints: what they are, not how well they score."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import harness.demo
from training import make_clips
from training.asking import LETTERS, SUBTITLE, TASK_TYPES
from training.scene import render

DEMO = Path(harness.demo.__path__[0])
CHECKPOINTS = sorted(  # those that watch
    path for path in (DEMO / "checkpoints").glob("tiny_*") if path.name != "tiny_judge"
)
COLUMNS = [
    "video_id",
    "duration",
    "domain",
    "sub_category",
    "url",
    "videoID",
    "question_id",
    "task_type",
    "question",
    "options",
    "answer",
]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMO / "data" / "rows.jsonl").read_text().splitlines()]


def gold(row: dict[str, Any]) -> str:
    return str(row["options"][LETTERS.index(row["answer"])][3:])


def test_rows_have_video_mme_columns(rows: list[dict[str, Any]]) -> None:
    assert all(list(row) == COLUMNS for row in rows)
    assert Counter(row["duration"] for row in rows) == {"short": 66, "medium": 66, "long": 66}
    assert set(Counter(row["videoID"] for row in rows).values()) == {3}
    assert {row["task_type"] for row in rows} == set(TASK_TYPES)
    assert len({row["domain"] for row in rows}) == 6
    for row in rows:
        assert [option[:3] for option in row["options"]] == ["A. ", "B. ", "C. ", "D. "]
        assert len({option[3:] for option in row["options"]}) == 4


def test_letters_are_balanced_overall_and_per_type(rows: list[dict[str, Any]]) -> None:
    for kind in (None, *TASK_TYPES):
        letters = Counter(r["answer"] for r in rows if kind in (None, r["task_type"]))
        assert max(letters.values()) - min(letters[x] for x in LETTERS) <= (
            4 if kind is None else 1
        )


def test_the_text_alone_says_nothing(rows: list[dict[str, Any]]) -> None:
    """A predictor that knows how often each word is right elsewhere stays near 25%."""
    right = 0.0
    for row in rows:
        seen: dict[str, list[bool]] = defaultdict(list)
        for other in rows:
            if other["videoID"] != row["videoID"] and other["task_type"] == row["task_type"]:
                for option in other["options"]:
                    seen[option[3:]].append(option[3:] == gold(other))
        odds = [float(np.mean(seen[option[3:]] or [0.25])) for option in row["options"]]
        best = [i for i, share in enumerate(odds) if share == max(odds)]
        right += (LETTERS.index(row["answer"]) in best) / len(best)
    assert right / len(rows) < 0.31  # the upper end of chance's 95% interval (198 questions)


def test_the_script_writes_these_rows(rows: list[dict[str, Any]]) -> None:
    assert make_clips.rows(list(make_clips.clips())) == rows


@pytest.mark.parametrize("seed", range(4))
def test_every_seed_makes_a_benchmark_of_the_same_make(seed: int) -> None:
    """For choosing between checkpoints on other clips than those that are reported."""
    made = list(make_clips.clips(seed))
    assert len(made) == 66
    kinds = [sorted(q.task_type for q in clip.queries) for clip in made]
    assert kinds == [sorted(q.task_type for q in clip.queries) for clip in make_clips.clips()]


def test_videos_are_small_h264_and_show_their_scenes() -> None:
    files = [path for path in (DEMO / "data").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 8_000_000
    made = list(make_clips.clips())
    assert {path.stem for path in files if path.suffix == ".mp4"} == {clip.video for clip in made}
    for clip in random.Random(0).sample(made, 4):
        with av.open(str(DEMO / "data" / "videos" / f"{clip.video}.mp4")) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
            frames = [f.to_ndarray(format="rgb24").astype(int) for f in container.decode(stream)]
        total = make_clips.SECONDS[clip.duration] * make_clips.FPS
        drawn = render(clip.scene, np.arange(total) / (total - 1), make_clips.SIDE)
        assert len(frames) == total
        assert np.abs(np.stack(frames) - drawn).mean() < 6


def test_subtitles_name_the_animal_from_the_first_cue_on(rows: list[dict[str, Any]]) -> None:
    asked = [row for row in rows if row["task_type"] == SUBTITLE]
    assert 0.06 < len(asked) / len(rows) < 0.10
    for row in asked:
        text = (DEMO / "data" / "subtitles" / f"{row['videoID']}.srt").read_text()
        first = text.split("\n\n")[0]
        assert first.startswith("1\n00:00:00,000 --> ")
        assert gold(row) in first
        assert not any(o[3:] in text for o in row["options"] if o[3:] != gold(row))


@pytest.mark.parametrize("folder", CHECKPOINTS, ids=lambda path: path.name)
def test_checkpoints_are_small_and_load(folder: Path) -> None:
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    assert sum(path.stat().st_size for path in folder.iterdir()) <= 5_000_000
    assert [path.name for path in folder.glob("*.safetensors")] == ["model.safetensors"]
    assert not list(folder.glob("*.bin"))
    model = AutoModelForImageTextToText.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.padding_side == "left"
    assert tokenizer.convert_tokens_to_ids("<video>") == model.config.video_token_id
    assert tokenizer.convert_tokens_to_ids("<image>") == model.config.image_token_id
    turn = {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Why?"}]}
    text = tokenizer.apply_chat_template([turn], tokenize=False, add_generation_prompt=True)
    marked = {"llava_next_video": "<video>", "qwen2_5_vl": "<vision_start><video><vision_end>"}
    assert text == f"USER: {marked[model.config.model_type]}\nWhy? ASSISTANT:"


def test_all_checkpoints_are_there() -> None:
    names = ["tiny_image", "tiny_qwen", "tiny_video", "tiny_video_dpo"]
    assert [path.name for path in CHECKPOINTS] == names


def test_the_tokenizer_reads_any_english_and_gives_letters_back() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINTS[0])
    text = "Zebras juggle 42 quixotic top-left widgets (don’t they?)"
    ids = tokenizer(text, add_special_tokens=False).input_ids
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids).replace(" ", "") == text.replace(" ", "")
    assert tokenizer("(B)", add_special_tokens=False).input_ids[1] == tokenizer("B").input_ids[-1]


def test_tiny_video_answers_with_a_bare_letter() -> None:
    import torch

    from training.checkpoint import load
    from training.evaluate import clips, lesson
    from training.packing import Packer

    folder = DEMO / "checkpoints" / "tiny_video"
    model, tokenizer = load(folder)
    asked = lesson(next(clips()), 8, subtitles=False)
    small = np.stack([frame[::4, ::4] for frame in asked.frames])
    batch = Packer(tokenizer, noise=0).pack(
        [type(asked)(asked.prefix, asked.branches[:1], small)], np.random.default_rng(0)
    )
    with torch.inference_mode():
        made = model.eval().generate(
            input_ids=batch.ids[:, :-1], pixel_values_videos=batch.pixels, max_new_tokens=8
        )
    said = made[0, batch.ids.shape[1] - 1 :].tolist()
    assert tokenizer.decode(said[:1]) in LETTERS
    assert said[1] == tokenizer.eos_token_id
