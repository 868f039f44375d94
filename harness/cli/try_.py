"""Ask the fake model five questions of a task: prompts, frames, what was read, what is odd."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.cli.completion import add_settings

if TYPE_CHECKING:
    from harness.run.request import Request
    from harness.task import BadRow
    from harness.types import Clip, Failure, Frames, Prompt, Record

QUESTIONS = 5
_SAME = 0.6
"""Share of one right letter among a benchmark's answers above which guessing it pays."""

_BY_LENGTH = ("fps", "longvideobench")
"""Sampling rules that give a short clip fewer frames on purpose."""


def parser() -> argparse.ArgumentParser:
    """The words of ``harness try``."""
    made = argparse.ArgumentParser(prog="harness try", description=__doc__)
    add_settings(made)
    return made


def main(argv: Sequence[str]) -> int:
    """Prints five questions as a model would be asked them. 0, or 1 when something is odd."""
    words = parser().parse_args(argv).settings

    from harness.config import compose
    from harness.subset import select

    request = compose([*words, "backend=fake"])
    bad: list[BadRow] = []
    every = list(request.benchmark.clips(bad))
    odd = [row.reason for row in bad] + list(_odd_labels(request, every))
    chosen = _spread(select(every, QUESTIONS))
    said, records = _shown(request, chosen)
    odd += [*said, *_odd_metrics(request, records)]
    shown = sum(len(clip.questions) for clip in chosen)
    count = sum(len(clip.questions) for clip in every)
    print(f"\n{count} questions about {len(every)} videos; {shown} shown")
    for line in dict.fromkeys(odd):
        print(f"odd: {line}")
    if not odd:
        print("nothing odd")
    return int(bool(odd))


def _spread(clips: Sequence[Clip]) -> list[Clip]:
    """The clips with so many of their questions that there are five of them, or few more."""
    left, made = QUESTIONS, []
    for place, clip in enumerate(clips):
        some = clip.questions[: -(-left // (len(clips) - place))]
        made.append(replace(clip, questions=some))
        left -= len(some)
    return made


def _shown(request: Request, clips: Sequence[Clip]) -> tuple[list[str], list[Record]]:
    """Prints the clips' questions, their frames read as a run would read them; returns what is odd
    about them, and the right answers' scores."""
    from harness.controls import asked
    from harness.run.loading import load
    from harness.video.prefetch import Prefetcher

    odd: list[str] = []
    records: list[Record] = []

    def skip(clip: Clip, failure: Failure) -> None:
        print(f"\n── {clip.id}\n{failure.stage}: {failure.reason}")
        odd.append(f"{clip.id}: {failure.reason}")

    options = request.video
    with Prefetcher(options.workers, options.timeout, options.in_flight) as reader:
        for sample in load(asked(clips, request.control), request, reader, skip):
            print(f"\n── {sample.clip.id}")
            if sample.frames is not None:
                odd += _frames(request, sample.clip, sample.frames)
            for prompt in sample.prompts:
                odd += _ask(request, sample.clip, prompt, records)
    return odd, records


def _frames(request: Request, clip: Clip, frames: Frames) -> Iterator[str]:
    """Prints which frames are shown."""
    count, height, width = frames.pixels.shape[:3]
    when = ", ".join(f"{time:.1f}" for time in frames.times)
    print(f"frames: {count} of {width} × {height} pixels, at {when} s")
    by_length = request.sampling.rule.startswith(_BY_LENGTH)
    if count < request.sampling.frames and not by_length:
        yield f"{clip.id}: only {count} of {request.sampling.frames} frames"
    for note in (frames.damage, *frames.notes):
        if note:
            yield f"{clip.id}: {note}"


def _ask(request: Request, clip: Clip, prompt: Prompt, records: list[Record]) -> Iterator[str]:
    """Prints one question, and what the scorer makes of the right answer, which is put to
    ``records``."""
    from harness.models.fake import Fake
    from harness.types import Record, Response, Sample, Scorer

    question, scorer = prompt.question, request.benchmark.scorer
    print(f"\n{prompt.text}\n")
    if question.target is None:
        print("no right answer is known: it will be asked and not scored")
        return
    (reply,) = Fake(rule="target", answers=_in_words(prompt)).generate(
        [Sample(clip, None, None, (prompt,))], request.generation
    )
    if not isinstance(reply, Response) or not isinstance(scorer, Scorer):
        print("scored by a judge")
        return
    score = scorer.score(question, reply)
    records.append(
        Record(question, clip.id, prompt.text, response=reply, score=score, status="scored")
    )
    values = ", ".join(f"{name} {value:g}" for name, value in score.values.items())
    print(
        f"answered {reply.text!r}, the right answer; read {score.answer!r}: {values or 'unparsed'}"
    )
    if not score.values or min(score.values.values()) <= 0:
        yield f"question {question.id}: the right answer {question.target!r} is not scored as right"


def _in_words(prompt: Prompt) -> dict[str, str]:
    """The right option's text as the answer to a prompt that names no letters ("Answer yes or
    no."); nothing for any other: the letter, number or text is what it asks for."""
    from harness.scoring.options import LETTERS

    question = prompt.question
    letters = LETTERS[: len(question.options)]
    place = letters.find(question.target) if isinstance(question.target, str) else -1
    lettered = all(re.search(rf"(?<!\w){letter}(?!\w)", prompt.text) for letter in letters)
    if place < 0 or not question.target or (lettered and not question.options_hidden):
        return {}
    return {prompt.key: question.options[place]}


def _odd_metrics(request: Request, records: Sequence[Record]) -> Iterator[str]:
    """Metrics that read what the scorer never gives, as it says or as the records show."""
    from harness.errors import RequestError
    from harness.returned import value_names_of
    from harness.run.checks import never_given, refuse_metrics

    try:
        refuse_metrics(request.benchmark)
    except RequestError as error:
        yield str(error)
        return
    if value_names_of(request.benchmark.scorer) is None:
        for place, metric in enumerate(request.benchmark.metrics):
            yield from never_given(place, metric, records)


def _odd_labels(request: Request, clips: Sequence[Clip]) -> Iterator[str]:
    """What is odd about the labels of all questions."""
    questions = [question for clip in clips for question in clip.questions]
    targets = Counter(str(question.target) for question in questions if question.options)
    common, count = targets.most_common(1)[0] if targets else ("", 0)
    if len(questions) >= 10 and count > _SAME * sum(targets.values()):
        yield f"{common} is right for {count} of {sum(targets.values())} questions"
    hidden = sum(question.target is None for question in questions)
    if hidden:
        yield f"{hidden} of {len(questions)} questions have no answer"
    for question in questions:
        if len(set(question.options)) < len(question.options):
            yield f"question {question.id}: two options are equal"
    missing = sum(clip.video is not None and not clip.video.exists() for clip in clips)
    if missing:
        yield f"{missing} of {len(clips)} videos are not there"
    texts = Counter((clip.id, question.text) for clip in clips for question in clip.questions)
    if twice := sum(count > 1 for count in texts.values()):
        what = "question is" if twice == 1 else "questions are"
        yield f"{twice} {what} asked twice of the same video"
