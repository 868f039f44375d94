"""How much of what the device can compute a run made use of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from harness.types import Costing, Record, Usage


def share_of_peak(model: object, records: Sequence[Record]) -> float | None:
    """The floating-point operations that the answered clips needed, by the tokens that were read
    and written, over those that the device could have done in the model's seconds (``rate``).

    None where the model or the device's rate is not known, or nothing was answered.
    """
    answered = [r for r in records if r.response is not None and r.response.usage is not None]
    if not answered or not isinstance(model, Costing) or model.rate is None:
        return None
    seconds = sum(record.response.seconds for record in answered if record.response)
    if seconds <= 0 or model.rate <= 0:
        return None
    ordered = sorted(answered, key=lambda record: (record.video, record.frames))
    clips = [list(each) for _, each in groupby(ordered, key=lambda r: (r.video, r.frames))]
    return sum(_operations(model, clip) for clip in clips) / seconds / model.rate


def _operations(model: Costing, clip: Sequence[Record]) -> float:
    usages = [r.response.usage or Usage() for r in clip if r.response]
    written = sum(usage.output or 0 for usage in usages) / len(usages)
    tokens = [usage.input or 0 for usage in usages]
    return model.operations(len(clip[0].frames), tokens, round(written))
