"""Video-MME-v2: 800 videos, four related questions each, 8 options (3,200).

arXiv 2604.05015, github.com/MME-Benchmarks/Video-MME-v2. Licence: academic research only. Chance
12.5% in accuracy; under the non-linear score guessing earns far less
(``harness.estimates.chance`` computes it).

The official headline is the mean over groups of a score that rewards consistent and coherent
answers (``harness.metrics.GroupScore``). Frames are int(i * len / (n + 1)); subtitles, where shown,
are all words of the video in one line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from harness.prompts import PromptTemplate
from harness.scoring.subtitles import Cue, read_cues
from harness.task import Row, Task, gold_letter, without_prefixes
from harness.types import Clip, Part, Prompt, Question, Text, Video

GROUPS = ("group_type", "group_structure", "level", "second_head", "third_head")


@dataclass(frozen=True)
class VideoMMEv2(Task):
    """Rows in the schema of MME-Benchmarks/Video-MME-v2, the four of a video in order."""

    def clip(self, row: Row) -> Clip:
        """Videos are numbered 001 to 800."""
        name = str(row["video"])
        return Clip(name, self.source.video(name), subtitles=self.source.subtitles(name))

    def question(self, row: Row) -> Question:
        """``position`` (1 to 4) is the question's place in its group."""
        listed = row["options"]
        if isinstance(listed, str):
            listed = re.split(r"\n(?=[A-H][.):])", listed.strip())
        options = without_prefixes(listed)
        place = int(row["place"])
        return Question(
            id=str(row.get("question_id") or row["place"]),
            text=str(row["question"]),
            options=options,
            target=gold_letter(row["answer"], options, "letter"),
            groups={**row.groups(*GROUPS), "position": (str(place % 4 + 1),)},
        )


LONGEST_GAP, GAP_OF_A_SENTENCE = 0.5, 0.1  # seconds


@dataclass(frozen=True)
class InterleavedPrompt(PromptTemplate):
    """Behind each frame the sentences that are said until the next one, with their times.

    MME-Benchmarks/Video-MME-v2@013b6c92, evaluation/test_video_mme_v2.py: a sentence that reaches
    into several such times is shown in each.
    """

    def write(self, clip: Clip, question: Question, times: Sequence[float]) -> Prompt:
        """Frames and sentences in turn, then the template."""
        plain = super().write(replace(clip, subtitles=None), question, times)
        if clip.subtitles is None or not times:
            return plain
        said = sentences(read_cues(clip.subtitles))
        ends = [*times[1:], inf if clip.duration is None else clip.duration]
        parts: list[Part] = []
        for place, (start, end) in enumerate(zip(times, ends, strict=True)):
            parts.append(Video(place, place + 1))
            heard = [cue for cue in said if cue.end >= start and cue.start < end]
            parts += [Text(f"[Subtitle {c.start:.2f}s - {c.end:.2f}s]: {c.text}") for c in heard]
        shown = sum(isinstance(part, Text) for part in parts)
        *before, asked = plain.turns
        rest = tuple(part for part in asked.parts if not isinstance(part, Video))
        turn = replace(asked, parts=(*parts, *rest))
        return Prompt(question, (*before, turn), shown)


def sentences(words: Sequence[Cue]) -> list[Cue]:
    """Words joined until one is followed by a gap of over half a second, or ends a sentence and is
    followed by one of over a tenth."""
    found: list[list[Cue]] = []
    for word in words:
        last = found[-1][-1] if found else None
        gap = inf if last is None else word.start - last.end
        ended = last is not None and last.text.rstrip().endswith((".", "!", "?"))
        if gap > LONGEST_GAP or (ended and gap > GAP_OF_A_SENTENCE):
            found.append([word])
        else:
            found[-1].append(word)
    return [Cue(run[0].start, run[-1].end, " ".join(w.text for w in run)) for run in found]
