"""A served model against the same checkpoint on our own engine: both are asked the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.types import Failure, Generation, Model, Response, Sample

TOLERANCE = 0.05
"""The largest difference of a letter's probability that is taken for rounding. Exact frames differ
by 5e-6 in float32; JPEG 75 by 0.022; a missing beginning-of-sequence token by more."""

Said = Mapping[str, Response | Failure]


@dataclass(frozen=True)
class Served:
    """What came of it: how many ``questions``, the keys of the ``flips`` (answers that differ) and
    of the ``failed``, and the ``largest`` difference of a letter's probability (None: there were no
    letters to compare)."""

    name: str
    questions: int
    flips: tuple[str, ...]
    failed: tuple[str, ...]
    largest: float | None

    @property
    def sound(self) -> bool:
        """Whether the served model may be taken for the checkpoint."""
        rounding = self.largest is None or self.largest <= TOLERANCE
        return not self.flips and not self.failed and rounding

    def __str__(self) -> str:
        lines = [f"{self.name} as served and on transformers, {self.questions} questions:"]
        lines += [f"  {len(self.flips)} answers differ{_some(self.flips)}"]
        if self.failed:
            lines += [f"  {len(self.failed)} failed{_some(self.failed)}"]
        if self.largest is not None:
            lines += [f"  largest difference of a letter's probability: {self.largest:.2g}"]
        verdict = "the same model" if self.sound else "not the same: its numbers are its own"
        return "\n".join([*lines, f"  {verdict}"])


def compare(
    served: Model, ours: Model, samples: Sequence[Sample], generation: Generation, name: str
) -> Served:
    """Asks both models everything, and the letters' probabilities where all questions have options.

    Raises what either raises: a server that cannot be reached, a checkpoint that is missing.
    """
    theirs, own = _said(served, samples, generation), _said(ours, samples, generation)
    failed = [key for key in own if _text(theirs, key) is None or _text(own, key) is None]
    flips = [key for key in own if key not in failed and _text(theirs, key) != _text(own, key)]
    largest = None
    if all(prompt.question.options for sample in samples for prompt in sample.prompts):
        letters = replace(generation, letters=True, temperature=0.0)
        largest = difference(_said(served, samples, letters), _said(ours, samples, letters))
    return Served(name, len(own), tuple(flips), tuple(failed), largest)


def difference(theirs: Said, own: Said) -> float:
    """The largest difference of a letter's probability, over the letters that both tell; 1 where a
    question has none from one of them."""
    found = [0.0]
    for key, ours in own.items():
        other = theirs.get(key)
        mine = ours.probabilities if isinstance(ours, Response) else None
        its = other.probabilities if isinstance(other, Response) else None
        if not mine or not its:
            found.append(1.0)
        else:
            found += [abs(mine[letter] - p) for letter, p in its.items() if letter in mine]
    return max(found)


def _said(model: Model, samples: Sequence[Sample], generation: Generation) -> Said:
    return {found.question: found for found in model.generate(samples, generation)}


def _text(said: Said, key: str) -> str | None:
    found = said.get(key)
    return found.text if isinstance(found, Response) else None


def _some(keys: Sequence[str]) -> str:
    return f" ({', '.join(keys[:5])}{', …' if len(keys) > 5 else ''})" if keys else ""
