"""What asking with rotated options costs: four rotations beside one, shared and not.

    OMP_NUM_THREADS=1 python -m benchmarks.rotations [--frames 16] [--questions 3] [--json]

The model of benchmarks.side_by_side (medium, random weights, 144 tokens a frame of 336 pixels) is
asked questions of four options about one clip, as ``permute_options=1`` and ``permute_options=4``
ask them: as the harness does, the clip's frames encoded and prefilled once, and one ``generate``
for each prompt, as others do. Both start from frames that were read. Processor seconds of this
process, medians; answers are compared token by token, and those of the first rotation with those
asked alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from tabulate import tabulate

from benchmarks.side_by_side_task import NEW, OPTIONS, save_model
from harness.controls import asked
from harness.models.transformers import Transformers
from harness.models.transformers.engine import Engine
from harness.models.transformers.plain import generate
from harness.prompts import PromptTemplate
from harness.types import Clip, Frames, Generation, Question, Sample, VideoInfo

ROTATIONS = (1, 4)
GENERATION = Generation(max_new_tokens=NEW)
TEMPLATE = "{question}\n{options}\nAnswer with the letter."

Answers = dict[str, tuple[int, ...]]


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--questions", type=int, default=3)
    parser.add_argument("--side", type=int, default=336, help="of the model's pictures")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="also print one line of JSON, last")
    words = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), words)
    print(tabulate(rows, "keys", "pipe", floatfmt=".2f"))
    if words.json:
        print(json.dumps(rows))
    return 0


def measure(folder: Path, words: argparse.Namespace) -> list[dict[str, Any]]:
    """Every way and number of rotations in turn, so that a busy machine slows all."""
    save_model(folder, words.side, words.frames)
    engine = Transformers(
        checkpoint=str(folder), tokens_per_frame=(words.side // 28) ** 2,
        dtype="float32", device="cpu", self_test=False, frames=words.frames,
    ).load()  # fmt: skip
    samples = {turns: sample(words, turns) for turns in ROTATIONS}
    ways: dict[str, Callable[[Engine, Sample], Answers]] = {
        "one prefix": shared,
        "each alone": alone,
    }
    seconds: dict[tuple[str, int], list[float]] = {}
    answers: dict[tuple[str, int], Answers] = {}
    for _ in range(words.repeats):
        for turns in ROTATIONS:
            for name, way in ways.items():
                began = time.process_time()
                answers[name, turns] = way(engine, samples[turns])
                seconds.setdefault((name, turns), []).append(time.process_time() - began)
    cost = {key: median(times) for key, times in seconds.items()}
    truth = answers["each alone", ROTATIONS[-1]]
    return [
        {
            "asked": name,
            "rotations": turns,
            "prompts": len(answers[name, turns]),
            "CPU s": cost[name, turns],
            "beside one rotation": cost[name, turns] / cost[name, 1],
            "answers equal": f"{agreeing(answers[name, turns], truth)}/{len(answers[name, turns])}",
        }
        for name in ways
        for turns in ROTATIONS
    ]


def sample(words: argparse.Namespace, rotations: int) -> Sample:
    """One clip of random frames, its questions asked in so many rotations."""
    shape = (words.frames, words.side, words.side, 3)
    pixels = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    questions = tuple(
        Question(str(i), f"Which color appears in part {i + 1} of the video?", OPTIONS, "A")
        for i in range(words.questions)
    )
    [clip] = asked([Clip("clip", None, questions)], rotations=rotations)
    writer = PromptTemplate(TEMPLATE)
    times = np.arange(words.frames, dtype=np.float64)
    return Sample(
        clip,
        VideoInfo(words.frames, 1.0, float(words.frames), words.side, words.side),
        Frames(pixels, times),
        tuple(writer.write(clip, question, times.tolist()) for question in clip.questions),
    )


def shared(engine: Engine, sample: Sample) -> Answers:
    """As the harness asks."""
    [clip] = engine.run([sample], GENERATION)
    return {branch.written.prompt.key: tuple(branch.output_ids) for branch in clip.branches}


@torch.inference_mode()
def alone(engine: Engine, sample: Sample) -> Answers:
    """As everybody else asks: every prompt anew, its pixels prepared once."""
    said = {}
    for branch in engine.write(sample, GENERATION).branches:
        given = branch.written.inputs
        tokens, _ = generate(engine.model, given, GENERATION, branch.limit, engine.stops)
        said[branch.written.prompt.key] = tuple(tokens)
    return said


def agreeing(answers: Answers, truth: Answers) -> int:
    """How many answers are those of the prompts asked alone."""
    return sum(said == truth[key] for key, said in answers.items())


if __name__ == "__main__":
    raise SystemExit(main())
