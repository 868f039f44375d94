"""What sharing a clip is worth: its questions as branches of one prefix, beside one by one.

    python -m benchmarks.sharing [--json] [--repeats 3]

One small but honest model (336 px, 32 frames, 4,608 video tokens) with random weights answers 3,
10 and 18 questions about a clip: as the harness does, and as the Hugging Face way does, one
``generate`` a question. Both start from the same pixels. Answers must be equal, token by token;
the floor is the share of the harness's time that goes into what cannot be saved: seeing the
clip and prefilling its prefix, once.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextVideoConfig,
)
from transformers import LlavaNextVideoForConditionalGeneration as Model

from harness.models.transformers.asking import (
    Branch,
    Flight,
    hear,
    prefill_prefix,
    prefill_suffixes,
    step,
)
from harness.models.transformers.plain import generate
from harness.models.transformers.prompts import Gallery
from harness.models.transformers.vision import video_features
from harness.types import Clip, Decoding, Frames, Prompt, Question, WatchedClip

FRAMES, TOKENS, NEW = 32, 144, 8
VOCABULARY, VIDEO, IMAGE, NEVER = 8000, 7999, 7998, 7997  # NEVER ends an answer
COUNTS = (3, 10, 18)
DECODING = Decoding(max_new_tokens=NEW)
NOTHING = WatchedClip(Clip("", Path(), ()), Frames(np.empty(0, np.uint8), np.empty(0)), ())
RAW = argparse.RawDescriptionHelpFormatter


@dataclass(frozen=True)
class Measured:
    """Seconds in all, seconds until the shared prefix was there, and the tokens said."""

    seconds: float
    prefix: float
    said: list[list[int]]


def build() -> Model:
    """CLIP 4 x 96 at 336 px, Llama 8 x 256: small, but with a real clip's number of tokens, and a
    fifth of the time in the vision tower (a sixth in the real 7B)."""
    torch.manual_seed(0)
    config = LlavaNextVideoConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=96,
            intermediate_size=384,
            num_hidden_layers=4,
            num_attention_heads=2,
            image_size=336,
            patch_size=14,
        ),
        text_config=LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=256,
            intermediate_size=688,
            num_hidden_layers=8,
            num_attention_heads=4,
            max_position_embeddings=8192,
            initializer_range=0.1,
        ),
        video_token_index=VIDEO,
        image_token_index=IMAGE,
    )
    model: Any = Model(config)
    return model.eval()  # type: ignore[no-any-return]


def questions() -> list[Branch]:
    """18 prompts: 20 common tokens, the clip, and 30 to 60 tokens that differ."""
    random = np.random.default_rng(0)
    start = random.integers(3, NEVER, 20)
    clip = np.repeat(-1 - np.arange(FRAMES), TOKENS)
    return [
        Branch(
            Prompt(Question(str(i), ""), ()),
            np.concatenate([start, clip, random.integers(3, NEVER, random.integers(30, 61))]),
            NEW,
        )
        for i in range(max(COUNTS))
    ]


@torch.inference_mode()
def shared(model: Model, values: torch.Tensor, count: int) -> Measured:
    """``count`` questions as the harness asks them."""
    branches = questions()[:count]
    began = time.perf_counter()
    features = list(video_features(model, values))
    row = prefill_prefix(model, branches, features)
    prefix = time.perf_counter() - began
    hear(branches, prefill_suffixes(model, row, branches, features), DECODING, ())
    flight = Flight(NOTHING, Gallery(0, (0, 0)), branches, rows=[(row, branches)])
    while step(model, [flight], DECODING, ()):
        pass
    return Measured(time.perf_counter() - began, prefix, [branch.said for branch in branches])


def one_by_one(model: Model, values: torch.Tensor, branch: Branch) -> Measured:
    """One question as everybody else asks it."""
    ids = torch.from_numpy(np.where(branch.tokens < 0, VIDEO, branch.tokens))[None]
    given = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "pixel_values_videos": values[None],
    }
    began = time.perf_counter()
    said, _ = generate(model, given, DECODING, NEW, frozenset([NEVER]))
    return Measured(time.perf_counter() - began, 0.0, [said])


def measure(repeats: int, counts: tuple[int, ...]) -> dict[str, Any]:
    """Both ways, interleaved, so that a busy machine slows both; medians over the repeats."""
    model = build()
    values = torch.randn(FRAMES, 3, 336, 336, generator=torch.Generator().manual_seed(0))
    branches = questions()[: max(counts)]
    one_by_one(model, values, branches[0])  # warm
    ours: dict[int, list[Measured]] = {count: [] for count in counts}
    theirs: list[list[Measured]] = []
    for _ in range(repeats):
        theirs.append([])
        for i, branch in enumerate(branches):
            theirs[-1].append(one_by_one(model, values, branch))
            if i + 1 in counts:
                ours[i + 1].append(shared(model, values, i + 1))
    said = [found.said[0] for found in theirs[0]]
    return {
        str(count): {
            "ratio": median([sum(t.seconds for t in run[:count]) for run in theirs])
            / median([run.seconds for run in runs]),
            "equal": all(run.said == said[:count] for run in runs),
            "floor": median([run.prefix / run.seconds for run in runs]),
            "seconds": median([run.seconds for run in runs]),
            "one_by_one": median([sum(t.seconds for t in run[:count]) for run in theirs]),
        }
        for count, runs in ours.items()
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("--json", action="store_true", help="also print one line of JSON, last")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--questions", type=int, nargs="+", default=COUNTS)
    chosen = parser.parse_args()
    found = measure(chosen.repeats, tuple(chosen.questions))
    print(f"{FRAMES * TOKENS} video tokens, {NEW} new tokens, {torch.get_num_threads()} threads")
    print("| questions | one by one, s | shared, s | times as fast | floor | answers equal |")
    print("|---:|---:|---:|---:|---:|---|")
    for count, row in found.items():
        print(
            f"| {count} | {row['one_by_one']:.1f} | {row['seconds']:.1f} | {row['ratio']:.2f} "
            f"| {row['floor']:.0%} | {'yes' if row['equal'] else 'NO'} |"
        )
    if chosen.json:
        print(json.dumps({"questions": found}))


if __name__ == "__main__":
    main()
