"""Writes the built-in benchmark: ``python -m training.make_clips``.

66 clips of moving shapes with 3 questions each, in Video-MME's own layout::

    data/rows.jsonl                 Video-MME's columns, one question a line
    data/videos/<videoID>.mp4       H.264, 128 × 128, 8 frames a second
    data/subtitles/<videoID>.srt    what the narrator says (in a third of the clips)

22 clips each are short (4 s), medium (10 s) and long (24 s). Every 22 hold the same mix (PLAN):
4 parades of four shapes (in which order?), 8 moving shapes (which way?), 10 still lifes (how many?
where?); and of all kinds what they look like, what flashes for an eighth of the clip, and what only
the narrator says.

Gold letters are dealt evenly within every task type, the wrong options drawn evenly from the same
words, and counts, places, directions and ordinals dealt evenly too: the text alone says nothing.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from training import DEMO
from training.asking import (
    ANIMALS,
    ATTRIBUTE,
    COUNT,
    COUNTS,
    LETTERS,
    MOMENT,
    MOTION,
    OBJECT,
    ORDER,
    SPATIAL,
    SUBTITLE,
    Query,
    about_subtitles,
    queries,
)
from training.narration import lines, srt
from training.scene import COLORS, DIRECTIONS, PLACES, SHAPES, Plot, Scene, imagine, render

SEED = 20240523  # training draws from seeds of its own (train.py)
SIDE, FPS = 128, 8
POOLS = {
    ATTRIBUTE: tuple(COLORS),
    OBJECT: SHAPES,
    COUNT: COUNTS,
    SPATIAL: PLACES,
    MOTION: tuple(DIRECTIONS),
    MOMENT: tuple(COLORS),
    SUBTITLE: ANIMALS,
}
SECONDS = {"short": 4, "medium": 10, "long": 24}

# How many clips of one duration show what, and what is asked of each.
PLAN: list[tuple[int, Plot, tuple[str, str, str]]] = [
    (4, "sequence", (ORDER, ORDER, MOMENT)),
    (2, "moving", (MOTION, ATTRIBUTE, MOMENT)),
    (1, "moving", (MOTION, OBJECT, MOMENT)),
    (4, "moving", (MOTION, ATTRIBUTE, OBJECT)),
    (1, "moving", (MOTION, OBJECT, SUBTITLE)),
    (2, "still", (COUNT, ATTRIBUTE, SUBTITLE)),
    (1, "still", (COUNT, OBJECT, SUBTITLE)),
    (1, "still", (COUNT, ATTRIBUTE, OBJECT)),
    (1, "still", (COUNT, OBJECT, MOMENT)),
    (4, "still", (SPATIAL, ATTRIBUTE, OBJECT)),
    (1, "still", (SPATIAL, ATTRIBUTE, SUBTITLE)),
]
# Video-MME's six domains; what a clip shows decides on the sub-category.
DOMAINS = (
    "Knowledge",
    "Film & Television",
    "Sports Competition",
    "Artistic Performance",
    "Life Record",
    "Multilingual",
)
SUB_CATEGORY = {"still": "Still Life", "moving": "Moving Shapes", "sequence": "Parade of Shapes"}


@dataclass(frozen=True)
class Made:
    """One clip of the benchmark before its options are dealt."""

    number: int
    duration: str
    scene: Scene
    queries: tuple[Query, ...]
    script: tuple[str, ...]

    @property
    def video(self) -> str:
        """The videoID: the file's name."""
        return f"shapes{self.number:03}"


class Deal:
    """Deals values evenly: every value once, in random order, before any comes again."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._left: dict[str, list[int]] = defaultdict(list)

    def __call__(self, kind: str, size: int = 4) -> int:
        """The next of 0..size − 1 for this kind."""
        if not self._left[kind]:
            self._left[kind] = self._rng.permutation(size).tolist()
        return self._left[kind].pop()


def _wanted(kinds: tuple[str, ...], deal: Deal) -> dict[str, str]:
    """The answer dealt to every question whose answers are a fixed list of words."""
    wanted = {kind: POOLS[kind][deal(kind, len(POOLS[kind]))] for kind in kinds if kind in POOLS}
    while wanted.get(MOMENT) == wanted.get(ATTRIBUTE, ""):  # nothing has the flash's colour
        wanted[MOMENT] = POOLS[MOMENT][deal(MOMENT, len(POOLS[MOMENT]))]
    return wanted


def _asked(
    plot: Plot, kinds: tuple[str, ...], deal: Deal, rng: np.random.Generator
) -> tuple[Scene, tuple[Query, ...]]:
    """A scene and the plan's questions about it, whose answers are the dealt ones.

    Scenes are imagined until one fits (some hundred tries, a millisecond each at most).
    """
    wanted = _wanted(kinds, deal)
    start, ordinals = 0.0, (deal(ORDER), deal(ORDER)) if ORDER in kinds else None
    if MOMENT in kinds:  # every eighth of the clip is as likely as any other
        start = float(np.clip((deal("flash", 8) + rng.uniform(-0.5, 0.5)) / 8, -0.03, 0.9))
    while True:
        scene = imagine(
            rng,
            plot,
            count=int(wanted.get(COUNT, 1)),
            direction=wanted.get(MOTION),
            flash=start if MOMENT in kinds else None,
        )
        offered = queries(scene, rng, ordinals)
        if SUBTITLE in kinds:
            offered.append(about_subtitles(wanted[SUBTITLE]))
        picked = tuple(
            query
            for kind in dict.fromkeys(kinds)
            for query in offered
            if query.task_type == kind and wanted.get(kind, query.answer) == query.answer
        )
        if len(picked) == len(kinds):
            return scene, picked


def clips(seed: int = SEED) -> Iterator[Made]:
    """The benchmark's clips in order."""
    rng = np.random.default_rng(seed)
    deal = Deal(rng)
    plan = [
        (duration, plot, kinds)
        for duration in SECONDS
        for clips, plot, kinds in PLAN
        for _ in range(clips)
    ]
    for number, (duration, plot, kinds) in enumerate(plan, 1):
        scene, asked = _asked(plot, kinds, deal, rng)
        animal = next((q.answer for q in asked if q.task_type == SUBTITLE), None)
        told = COUNT in kinds or SUBTITLE in kinds  # the others have no subtitles
        script = lines(animal, 2 + SECONDS[duration] // 4, rng) if told else []
        yield Made(number, duration, scene, asked, tuple(script))


def rows(made: list[Made], seed: int = SEED) -> list[dict[str, object]]:
    """The questions as rows with Video-MME's columns."""
    rng = np.random.default_rng(seed + 1)
    deal = Deal(rng)
    return [
        {
            "video_id": f"{clip.number:03}",
            "duration": clip.duration,
            "domain": DOMAINS[clip.number % len(DOMAINS)],
            "sub_category": SUB_CATEGORY[clip.scene.plot],
            "url": f"https://example.org/{clip.video}",
            "videoID": clip.video,
            "question_id": f"{clip.number:03}-{place + 1}",
            "task_type": query.task_type,
            "question": query.text,
            "options": [f"{LETTERS[i]}. {word}" for i, word in enumerate(options)],
            "answer": LETTERS[gold],
        }
        for clip in made
        for place, query in enumerate(clip.queries)
        for options, gold in [query.options(rng, deal(query.task_type))]
    ]


def write_video(path: Path, scene: Scene, seconds: int) -> None:
    """Draws the scene and encodes it. One thread, so that the bytes are the same each time."""
    total = seconds * FPS
    frames = render(scene, np.arange(total) / (total - 1), SIDE)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18", "preset": "slow", "g": str(2 * FPS), "threads": "1"}
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def write(folder: Path, seed: int = SEED) -> None:
    """Writes the whole benchmark into ``folder``; another seed gives another benchmark of the
    same make, for choosing between checkpoints without looking at this one."""
    for name in ("videos", "subtitles"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    made = list(clips(seed))
    for clip in made:
        seconds = SECONDS[clip.duration]
        write_video(folder / "videos" / f"{clip.video}.mp4", clip.scene, seconds)
        if clip.script:
            text = srt(list(clip.script), seconds)
            (folder / "subtitles" / f"{clip.video}.srt").write_text(text)
    text = "".join(json.dumps(row) + "\n" for row in rows(made, seed))
    (folder / "rows.jsonl").write_text(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=DEMO / "data")
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    write(asked.out, asked.seed)
