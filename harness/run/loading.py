"""From clips to samples: their frames read ahead of the model, their prompts written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from harness.controls import remove_evidence
from harness.errors import DataError, VideoError
from harness.returned import prompt_of
from harness.run.request import Request
from harness.task import Task
from harness.types import Clip, Failure, Planner, Prompt, Resizing, Sample
from harness.video.frame_cache import FrameCache
from harness.video.prefetch import Prefetcher, ReadRequest

Failed = Callable[[Clip, Failure], None]


def load(
    clips: Iterable[Clip], request: Request, reader: Prefetcher, failed: Failed
) -> Iterator[Sample]:
    """Reads the clips ahead and yields them in order with their prompts written. They are taken one
    by one, no more than are read ahead.

    A clip whose video cannot be read is handed to ``failed`` with a Failure (of stage "video", its
    question empty), and skipped; of one whose subtitles or pictures cannot be read, only the
    questions that need them are (stage "data"). A clip without a video is text only.
    """
    for text_only, group in groupby(clips, lambda clip: clip.video is None):
        if text_only:
            yield from _text_only(group, request.benchmark, failed)
        else:
            yield from _with_frames(group, request, reader, failed)


def _with_frames(
    clips: Iterable[Clip], request: Request, reader: Prefetcher, failed: Failed
) -> Iterator[Sample]:
    taken: dict[str, Clip] = {}
    for read, result in reader.read(_reads(clips, request, taken)):
        clip = taken.pop(read.key)
        if isinstance(result, VideoError):
            failed(clip, Failure("", "video", str(result)))
            continue
        info, frames = result
        frames = remove_evidence(frames, request.control, clip.id)
        clip, prompts = _written(request.benchmark, clip, frames.times.tolist(), failed)
        if prompts:
            yield Sample(clip, info, frames, prompts)


def _text_only(clips: Iterable[Clip], task: Task, failed: Failed) -> Iterator[Sample]:
    for clip in clips:
        asked, prompts = _written(task, clip, (), failed)
        if prompts:
            yield Sample(asked, None, None, prompts)


def _reads(
    clips: Iterable[Clip], request: Request, taken: dict[str, Clip]
) -> Iterator[ReadRequest]:
    """What is to be read of each clip, which is put into ``taken`` by its id."""
    video, backend = request.video, request.backend
    shrinks = video.size == "model"
    size = backend.frame_size if shrinks and isinstance(backend, Planner) else None
    resize = backend.frame_resize if shrinks and isinstance(backend, Resizing) else None
    store = FrameCache(Path(video.store), video.store_gb) if video.store else None
    for clip in clips:
        if clip.video is None:
            continue
        taken[clip.id] = clip
        yield ReadRequest(
            clip.id,
            clip.video,
            request.sampling,
            clip.segment,
            clip.fps,
            size,
            resize,
            video.damaged,
            video.decoder,
            store,
        )


def _written(
    task: Task, clip: Clip, times: Sequence[float], failed: Failed
) -> tuple[Clip, tuple[Prompt, ...]]:
    """The clip with the questions that can be asked, and their prompts; each of the others (its
    picture or the subtitles cannot be read) is handed to ``failed`` by itself."""
    prompts: list[Prompt] = []
    for question in clip.questions:
        try:
            prompts.append(prompt_of(task.write(clip, question, times), question, task))
        except DataError as error:
            failed(replace(clip, questions=(question,)), Failure("", "data", str(error)))
    if len(prompts) < len(clip.questions):
        clip = replace(clip, questions=tuple(prompt.question for prompt in prompts))
    return clip, tuple(prompts)
