"""The built-in demo's 198 questions as samples, read once, so that models alone are compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import harness.demo
from harness.prompts import PromptTemplate
from harness.types import Clip, Failure, Generation, Model, Question, Response, Sample
from harness.video import probe, read
from harness.video.sampling import linspace

DATA = Path(harness.demo.__path__[0]) / "data"
CHECKPOINTS = DATA.parent / "checkpoints"
TEMPLATE = (
    "Select the best answer to the following multiple-choice question based on the video. "
    "Respond with only the letter (A, B, C, or D) of the correct option.\n"
    "{question}\n{options}\nThe best answer is:"
)
"""Video-MME's official prompt without subtitles: configs/task/videomme.yaml."""


def demo_samples(frames: int, clips: int | None = None) -> list[Sample]:
    """The demo's clips (all, or the first few) at so many frames, with their prompts."""
    questions: dict[str, list[Question]] = {}
    for line in (DATA / "rows.jsonl").read_text().splitlines():
        row = json.loads(line)
        options = tuple(option.partition(". ")[2] for option in row["options"])
        question = Question(row["question_id"], row["question"], options, row["answer"])
        questions.setdefault(row["videoID"], []).append(question)
    return [_sample(name, asked, frames) for name, asked in list(questions.items())[:clips]]


def _sample(name: str, questions: Iterable[Question], frames: int) -> Sample:
    path = DATA / "videos" / f"{name}.mp4"
    clip = Clip(name, path, tuple(questions))
    info = probe(path)
    shown = read(path, linspace(info, frames))
    writer = PromptTemplate(TEMPLATE)
    prompts = tuple(writer.write(clip, q, shown.times.tolist()) for q in clip.questions)
    return Sample(clip, info, shown, prompts)


def responses(
    model: Model, samples: Iterable[Sample], generation: Generation
) -> dict[str, Response | Failure]:
    """What a model says to every prompt, by key."""
    return {found.question: found for found in model.generate(samples, generation)}


def flips(
    ours: Mapping[str, Response | Failure], theirs: Mapping[str, Response | Failure]
) -> list[str]:
    """The questions that two models answer otherwise, or that one of them fails."""
    return sorted(
        key for key in ours.keys() | theirs.keys() if _text(ours, key) != _text(theirs, key)
    )


def accuracy(samples: Iterable[Sample], said: Mapping[str, Response | Failure]) -> float:
    """Per cent of questions whose response begins with the right letter."""
    prompts = [prompt for sample in samples for prompt in sample.prompts]
    right = sum((_text(said, p.key) or " ")[0] == p.question.target for p in prompts)
    return 100 * right / len(prompts)


def _text(said: Mapping[str, Response | Failure], key: str) -> str | None:
    found = said.get(key)
    return found.text if isinstance(found, Response) else None
