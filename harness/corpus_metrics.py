"""Metrics that are no mean of one score: over a corpus of captions, or over several scores."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.metrics import Mean, Unit, estimated, refuse_scale
from harness.scoring.captions import cider
from harness.scoring.references import references
from harness.types import Estimate, Record


@dataclass(frozen=True)
class Cider:
    """CIDEr × 100 (0..1000), as caption papers print it.

    ``rarity`` of words is counted over the whole "corpus", or over each "video"'s own segments and
    then averaged over videos, as lmms-eval does for YouCook2 (where a video with one segment is 0
    even for an exact copy). Blank and unparsed responses count 0.
    """

    name: str = "CIDEr"
    rarity: Literal["corpus", "video"] = "corpus"
    unit: str = ""
    higher_is_better: bool = True

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """With its interval clustered by video; the rarity of words is taken as given."""
        kept = [r for r in records if r.status in ("scored", "unparsed") and references(r.question)]
        videos = list(dict.fromkeys(record.video for record in kept))
        corpora = [kept] if self.rarity == "corpus" else [
            [record for record in kept if record.video == video] for video in videos
        ]  # fmt: skip
        units: dict[Hashable, Unit] = {}
        for corpus in corpora:
            texts = [record.response.text if record.response else "" for record in corpus]
            values = cider(texts, [references(record.question) for record in corpus])
            for record, value in zip(corpus, values, strict=True):
                leaf = (record.video,) if self.rarity == "video" else ()
                units[record.key] = Unit(100 * value, record.video, (leaf,))
        if self.rarity == "video":  # one value a video: its mean
            means = {
                video: [unit.value for unit in units.values() if unit.video == video]
                for video in videos
            }
            units = {v: Unit(sum(values) / len(values), v) for v, values in means.items()}
        found = estimated(units, 0.0, 1000.0)
        return Estimate(found.value, found.ci95, len(kept), found.clusters)


@dataclass(frozen=True)
class MeanOf:
    """The unweighted mean of the means of several scores: Video-ChatGPT's five axes.

    ``low`` and ``high`` bound every one of them. An axis without any score leaves it undefined (no
    mean of the others is printed in its place).
    """

    values: tuple[str, ...]
    name: str = "mean"
    unit: str = ""
    low: float = 0.0
    high: float = 5.0
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        refuse_scale(self.low, self.high)

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """Value and 95% interval, clustered by video over all axes together."""
        units: dict[Hashable, Unit] = {}
        seen: set[str] = set()
        for value in self.values:
            found: Mapping[Hashable, Unit] = Mean(
                value, low=self.low, high=self.high, counted="answered"
            ).units(records)
            for key, unit in found.items():
                units[(value, key)] = Unit(unit.value, unit.video, ((value,),))
                seen.add(value)
        if seen != set(self.values):
            return Estimate(float("nan"), (float("nan"), float("nan")), 0, 0)
        return estimated(units, self.low, self.high)
