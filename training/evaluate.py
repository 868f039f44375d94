"""Checks the checkpoints against the benchmark without the rest of the harness::

    python -m training.evaluate harness/demo/checkpoints/tiny_video --frames 1 2 4 8 16
    python -m training.evaluate … --frames 8 --blank        # black frames
    python -m training.evaluate … --frames 8 --subtitles
    python -m training.evaluate … --data held-out           # made by make_clips --seed

Prints the share of right answers per task type. Reads the committed MP4s, samples frames evenly,
preprocesses them with transformers' CLIP image processor and asks a clip's questions at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from training import DEMO
from training.asking import LETTERS, TASK_TYPES
from training.checkpoint import load
from training.learning import Model, logits
from training.lessons import CLOSING, INSTRUCTION, SUBTITLES, Branch, Lesson
from training.packing import Packer

DATA = DEMO / "data"
Row = dict[str, Any]


def frames(path: Path, count: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """``count`` evenly spread frames [T, H, W, 3] and their times in seconds."""
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
    picked = [decoded[i] for i in np.linspace(0, len(decoded) - 1, count, dtype=int)]
    pixels = np.stack([frame.to_ndarray(format="rgb24") for frame in picked])
    return pixels, np.array([float(frame.time or 0) for frame in picked])


def heard(path: Path, times: NDArray[np.float64]) -> str:
    """The subtitle lines that fall on ``times``, as the prompt shows them."""
    if not path.exists():
        return ""
    said = []
    for block in path.read_text().strip().split("\n\n"):
        _, clock, text = block.split("\n", 2)
        numbers = [float(n.replace(",", ".")) for n in re.findall(r"\d+(?:,\d+)?", clock)]
        start, stop = (numbers[i] * 3600 + numbers[i + 1] * 60 + numbers[i + 2] for i in (0, 3))
        if np.any((times >= start) & (times < stop)):
            said.append(text.strip() + "\n")
    return SUBTITLES + "".join(said)


def lesson(rows: list[Row], count: int, subtitles: bool, data: Path = DATA) -> Lesson:
    """A clip's questions, asked as the harness asks them."""
    pixels, times = frames(data / "videos" / f"{rows[0]['videoID']}.mp4", count)
    said = heard(data / "subtitles" / f"{rows[0]['videoID']}.srt", times) if subtitles else ""
    branches = [
        Branch(f"{r['question']}\n" + "\n".join(r["options"]) + f"\n{CLOSING} ASSISTANT:", "")
        for r in rows
    ]
    return Lesson(f"USER: <video>\n{said}{INSTRUCTION}", tuple(branches), pixels)


def clips(data: Path = DATA) -> Iterator[list[Row]]:
    """The benchmark's rows, clip by clip."""
    rows = [json.loads(line) for line in (data / "rows.jsonl").read_text().splitlines()]
    for _, group in groupby(rows, key=lambda row: row["videoID"]):
        yield list(group)


@torch.inference_mode()
def answers(
    model: Model, packer: Packer, eyes: CLIPImageProcessorPil, asked: Lesson, blank: bool
) -> list[str]:
    """The most probable first token of each answer."""
    assert asked.frames is not None
    shown = np.zeros_like(asked.frames) if blank else asked.frames
    pixels = torch.as_tensor(np.stack(eyes(list(shown))["pixel_values"]))[None]
    batch = packer.pack([asked], np.random.default_rng(0))
    found = logits(model, dataclasses.replace(batch, pixels=pixels)).argmax(-1)
    return [str(packer.tokenizer.decode([token])) for token in found.tolist()]


def evaluate(
    folder: Path,
    count: int,
    *,
    blank: bool = False,
    subtitles: bool = False,
    data: Path = DATA,
) -> dict[str, list[bool]]:
    """Right or wrong for every question, by task type."""
    model, tokenizer = load(folder)
    model.train(False)
    packer, eyes = Packer(tokenizer, noise=0), CLIPImageProcessorPil.from_pretrained(folder)
    right: dict[str, list[bool]] = defaultdict(list)
    for rows in clips(data):
        said = answers(model, packer, eyes, lesson(rows, count, subtitles, data), blank)
        for row, answer in zip(rows, said, strict=True):
            right[row["task_type"]].append(answer == row["answer"])
            right["bare letters"].append(answer in LETTERS)
    return right


def main() -> None:
    """Prints one line per number of frames."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, nargs="+", default=[8])
    parser.add_argument("--blank", action="store_true")
    parser.add_argument("--subtitles", action="store_true")
    parser.add_argument("--data", type=Path, default=DATA)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for count in asked.frames:
        right = evaluate(
            asked.folder, count, blank=asked.blank, subtitles=asked.subtitles, data=asked.data
        )
        everything = [hit for kind in TASK_TYPES for hit in right[kind]]
        shares = ", ".join(f"{k} {np.mean(right[k]):.0%}" for k in (*TASK_TYPES, "bare letters"))
        print(f"{count} frames: {np.mean(everything):.1%} ({shares})", flush=True)


if __name__ == "__main__":
    main()
