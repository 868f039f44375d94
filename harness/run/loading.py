"""From clips to watched clips: which are asked, what is shown of them, in what words.

Selecting, rotating and removing evidence are pure; reading happens ahead of the model in
worker processes (harness.video.prefetch).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from harness.errors import DataError, VideoError
from harness.run.request import Control, Request
from harness.task import rotate, without_options
from harness.types import Clip, Frames, Prompt, Question, Task, WatchedClip
from harness.video.frame_cache import FrameCache
from harness.video.prefetch import Prefetcher, ReadRequest

Failed = Callable[[Clip, str], None]


def select(clips: Sequence[Clip], limit: int | None) -> list[Clip]:
    """At most ``limit`` whole clips, spread evenly over every breakdown of their questions.

    Greedy and deterministic: each step takes the first clip whose groups are the least covered
    so far. The chosen clips keep the benchmark's order.
    """
    if limit is None or limit >= len(clips):
        return list(clips)
    groups = [
        [item for question in clip.questions for item in question.groups.items()] for clip in clips
    ]
    covered: Counter[tuple[str, str]] = Counter()
    left = dict.fromkeys(range(len(clips)))

    def coverage(index: int) -> float:
        return sum(covered[group] for group in groups[index]) / max(len(groups[index]), 1)

    while len(clips) - len(left) < limit:
        best = min(left, key=coverage)
        covered.update(groups[best])
        del left[best]
    return [clip for index, clip in enumerate(clips) if index not in left]


def arranged(clips: Sequence[Clip], control: Control, rotations: int) -> list[Clip]:
    """The clips with every question asked ``rotations`` times (at most once per option), its
    options moved on by one each time; and without options where the control says so."""

    def asked(question: Question) -> Iterator[Question]:
        for by in range(min(rotations, max(len(question.options), 1))):
            turned = rotate(question, by)
            yield without_options(turned) if control == "no_options" else turned

    return [
        dataclasses.replace(clip, questions=tuple(a for q in clip.questions for a in asked(q)))
        for clip in clips
    ]


def remove_evidence(frames: Frames, control: Control, seed: str) -> Frames:
    """The frames as a control shows them: all black, the middle one only, or out of order."""
    pixels = frames.pixels
    if control == "blank":
        pixels = np.zeros_like(pixels)
    elif control == "single_frame":
        pixels = np.broadcast_to(pixels[len(pixels) // 2], pixels.shape)
    elif control == "shuffled":
        digest = hashlib.sha256(seed.encode()).digest()
        order = np.random.default_rng(list(digest)).permutation(len(pixels))
        pixels = pixels[order]
    return dataclasses.replace(frames, pixels=pixels)


def watch(
    clips: Sequence[Clip], request: Request, reader: Prefetcher, failed: Failed
) -> Iterator[WatchedClip]:
    """Reads the clips ahead and yields them in order with their prompts written.

    A clip whose video or subtitles cannot be read is handed to ``failed`` with the reason, and
    skipped.
    """
    known = {clip.id: clip for clip in clips}
    for read, result in reader.read(_reads(clips, request)):
        clip = known[read.key]
        if isinstance(result, VideoError):
            failed(clip, str(result))
            continue
        frames = remove_evidence(result[1], request.control, clip.id)
        try:
            prompts = _prompts(request.benchmark, clip, frames)
        except DataError as error:
            failed(clip, str(error))
            continue
        yield WatchedClip(clip, frames, prompts)


def _reads(clips: Iterable[Clip], request: Request) -> Iterator[ReadRequest]:
    video = request.video
    size = request.backend.frame_size if video.size == "model" else None
    store = FrameCache(Path(video.store), video.store_gb) if video.store else None
    for clip in clips:
        yield ReadRequest(
            clip.id,
            clip.video,
            request.sampling,
            clip.segment,
            clip.fps,
            size,
            video.damaged,
            video.decoder,
            store,
        )


def _prompts(task: Task, clip: Clip, frames: Frames) -> tuple[Prompt, ...]:
    times = frames.times.tolist()
    return tuple(task.prompt(clip, question, times) for question in clip.questions)
