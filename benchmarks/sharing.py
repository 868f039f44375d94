"""What sharing a clip is worth: its questions as branches of one prefix, beside one by one.

    python -m benchmarks.sharing [--family qwen2_5_vl | --all-families] [--json] [--repeats 3]

One small but honest model (4,608 video tokens) with random weights answers 3, 10 and 18 questions
about a clip: as the harness does, and as the Hugging Face way does, one ``generate`` a question.
Both start from the same pixels. Answers must be equal, token by token; the floor is the share of
the harness's time that cannot be saved: seeing the clip and prefilling one question.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks import families
from harness.models.transformers.branches import ActiveClip, Branch, append
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.features import Placed
from harness.models.transformers.plain import generate
from harness.models.transformers.prefix import Prompts
from harness.models.transformers.sharing import choose, make
from harness.models.transformers.written import Written
from harness.types import Clip, Generation, Sample

NEW = 8
COUNTS = (3, 10, 18)
GENERATION = Generation(max_new_tokens=NEW)
NOTHING = Sample(Clip("", None), None, None, ())
RAW = argparse.RawDescriptionHelpFormatter


@dataclass(frozen=True)
class Measured:
    """Seconds in all, seconds until the first tokens were there, and the tokens said."""

    seconds: float
    first: float
    said: list[list[int]]


@torch.inference_mode()
def shared(decoder: Decoder, written: Sequence[Written]) -> Measured:
    """These questions as the harness asks them."""
    clip = ActiveClip(NOTHING, branches=[Branch(each, NEW) for each in written])
    way = make(choose("auto", decoder.model), decoder)
    began = time.perf_counter()
    place = Placed(decoder.model)
    with place.remembered():
        prompts = Prompts(decoder, place)
        for each in written:
            prompts.add(place(each.inputs))
    [logits] = way.prefill([(clip, prompts)])
    append(clip.branches, logits, GENERATION, ())
    first = time.perf_counter() - began
    while not clip.done:
        asked, following = way.step([clip])
        assert following is not None
        append(asked, following, GENERATION, ())
    seconds = time.perf_counter() - began
    return Measured(seconds, first, [branch.output_ids for branch in clip.branches])


def one_by_one(model: Any, written: Written, never: int) -> Measured:
    """One question as everybody else asks it."""
    began = time.perf_counter()
    said, _ = generate(model, written.inputs, GENERATION, NEW, frozenset([never]))
    return Measured(time.perf_counter() - began, 0.0, [said])


def measure(
    name: str, repeats: int, counts: tuple[int, ...], size: families.Size = "small"
) -> dict[str, Any]:
    """Both ways, interleaved, so that a busy machine slows both; the best of the repeats."""
    family, device = families.FAMILIES[name], torch.device("cpu")
    shape = family.shape(size)
    model = families.build(family, shape, device, torch.float32)
    decoder, never = Decoder(model), families.marks(model.config)["never"]
    written = families.prompts(family, shape, model.config, device, max(counts))
    one_by_one(model, written[0], never)  # warm
    ours: dict[int, list[Measured]] = {count: [] for count in (1, *counts)}
    theirs: list[list[Measured]] = []
    for _ in range(repeats):
        theirs.append([])
        for i, each in enumerate(written):
            theirs[-1].append(one_by_one(model, each, never))
            if i + 1 in ours:
                ours[i + 1].append(shared(decoder, written[: i + 1]))
    said = [found.said[0] for found in theirs[0]]
    floor = min([run.first for run in ours[1]])

    def row(count: int) -> dict[str, Any]:
        seconds = min([run.seconds for run in ours[count]])
        plain = min([sum(t.seconds for t in run[:count]) for run in theirs])
        return {
            "ratio": plain / seconds,
            "equal": all(run.said == said[:count] for run in ours[count]),
            "floor": min(1.0, floor / seconds),
            "seconds": seconds,
            "one_by_one": plain,
        }

    way = choose("auto", model)
    tokens = len(written[0].tokens)
    return {"way": way, "tokens": tokens, "questions": {str(count): row(count) for count in counts}}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("--family", choices=families.FAMILIES, default="llava_next_video")
    parser.add_argument("--all-families", action="store_true", help="one table of all of them")
    parser.add_argument("--size", choices=["toy", "small"], default="small")
    parser.add_argument("--json", action="store_true", help="also print one line of JSON, last")
    parser.add_argument("--repeats", type=int, default=None, help="3; 2 with --all-families")
    parser.add_argument("--questions", type=int, nargs="+", default=COUNTS)
    chosen = parser.parse_args()
    repeats = chosen.repeats or (2 if chosen.all_families else 3)
    print(f"{NEW} new tokens, {torch.get_num_threads()} threads, best of {repeats}")
    print(
        "| family | sharing | tokens | questions | one by one, s | shared, s | times as fast "
        "| floor | answers equal |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---|")
    every = {}
    for name in families.FAMILIES if chosen.all_families else [chosen.family]:
        every[name] = measure(name, repeats, tuple(chosen.questions), chosen.size)
        print("\n".join(_rows(name, every[name])), flush=True)
    if chosen.json:
        print(json.dumps(every if chosen.all_families else every[chosen.family]))


def _rows(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    for count, row in found["questions"].items():
        yield (
            f"| {name} | {found['way']} | {found['tokens']:,} | {count} "
            f"| {row['one_by_one']:.1f} | {row['seconds']:.1f} | {row['ratio']:.2f} "
            f"| {row['floor']:.0%} | {'yes' if row['equal'] else 'NO'} |"
        )


if __name__ == "__main__":
    main()
