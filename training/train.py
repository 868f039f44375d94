"""Trains the three tiny checkpoints: ``python -m training.train --out checkpoints``.

``curriculum`` says what is taught; its stages "still" and "video" give tiny_image and tiny_video,
and direct preference optimization of the latter gives tiny_video_dpo.

Each stage is written to ``--work`` when it is done and is not done again: a stopped training
resumes at its last unfinished stage. With ``--threads 2`` that is some 45 minutes by the pace of
the single stages. From start to end it has not been run at once: the committed checkpoints came
from these stages in several sittings, each begun where the one before had ended. What to teach
next was decided by the training's own log and by a benchmark of another seed (``make_clips
--seed``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from training import DEMO, checkpoint, tokenizer
from training.curriculum import MANY, PREFERENCE, STAGES, Teacher
from training.learning import Progress
from training.packing import Packer
from training.preference import align

SEED = 1_000_003  # the benchmark's is another (make_clips.py)
ALIGNMENT = 100  # steps of preference optimization
NAMES = {"still": "tiny_image", "video": "tiny_video", "dpo": "tiny_video_dpo"}


def train(work: Path, log: Callable[[str], None] = print) -> None:
    """Trains what is not in ``work`` yet, stage by stage, each from the files of another."""
    words = tokenizer.build(checkpoint.CONTEXT)
    model = checkpoint.build(words, SEED)
    for number, stage in enumerate(STAGES, 1):
        if stage.after:
            model, _ = checkpoint.load(work / stage.after)
        if not (work / stage.name).exists():
            log(f"{stage.name}: {stage.steps} steps")
            teacher = Teacher(Packer(words, noted=stage.noted), SEED + number)
            stage.teach(model, teacher, Progress(log, 25))
            checkpoint.save(model, words, work / stage.name)
        model, _ = checkpoint.load(work / stage.name)
    if not (work / "dpo").exists():
        log("dpo")
        model, _ = checkpoint.load(work / "video")
        teacher = Teacher(Packer(words), SEED)
        draw = partial(teacher.clips, PREFERENCE, 24, (1, *MANY))
        align(model, lambda _: draw(), ALIGNMENT, 5e-5, Progress(log, 25))
        checkpoint.save(model, words, work / "dpo")


def main() -> None:
    """Trains, and copies the three models to ``--out``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=DEMO / "checkpoints")
    parser.add_argument("--work", type=Path, default=Path("demo-training"))
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    train(asked.work, lambda line: print(line, flush=True))
    for stage, name in NAMES.items():
        model, words = checkpoint.load(asked.work / stage)
        checkpoint.save(model, words, asked.out / name)


if __name__ == "__main__":
    main()
