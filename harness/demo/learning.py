"""The forward pass over packed lessons, and the loop that teaches them."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from transformers import LlavaNextVideoForConditionalGeneration

from harness.demo.packing import Batch

Model = LlavaNextVideoForConditionalGeneration
Draw = Callable[[int], tuple[str, Batch]]


def logits(model: Model, batch: Batch) -> torch.Tensor:
    """Next-token logits at the taught places: float32 [N, vocabulary]."""
    inner = model.model
    embeds = inner.get_input_embeddings()(batch.ids)
    if batch.pixels is not None:
        video = inner.get_video_features(batch.pixels, return_dict=True).pooler_output
        place = (batch.ids == model.config.video_token_index)[..., None].expand_as(embeds)
        embeds = embeds.masked_scatter(place, torch.cat(list(video)).to(embeds.dtype))
    hidden = inner.language_model(
        inputs_embeds=embeds, attention_mask=batch.mask(), position_ids=batch.positions
    ).last_hidden_state
    taught = hidden.flatten(0, 1)[batch.at]
    scores: torch.Tensor = model.lm_head(taught)
    return scores.float()


@dataclass
class Progress:
    """What is logged: the share of right first tokens, per kind of lesson."""

    log: Callable[[str], None]
    every: int
    began: float = field(default_factory=time.monotonic)
    right: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, step: int, kind: str, hits: torch.Tensor) -> None:
        """Counts one step's hits (bool [N]), and logs every so many steps."""
        self.right[kind].append(float(hits.float().mean()))
        if (step + 1) % self.every == 0:
            pace = (time.monotonic() - self.began) / (step + 1)
            shares = ", ".join(f"{k} {sum(v) / len(v):.1%}" for k, v in sorted(self.right.items()))
            self.log(f"step {step + 1}: {shares} right; {pace:.2f} s a step")
            self.right.clear()


def hits(batch: Batch, scores: torch.Tensor) -> torch.Tensor:
    """Whether each answer's last word is right: bool [answers]."""
    last = torch.ones_like(batch.group, dtype=torch.bool)
    last[:-1] = batch.group[:-1] != batch.group[1:]
    word = last.roll(-1)  # the last token is </s>
    return (scores.argmax(-1) == batch.target)[word]


def teach(model: Model, draw: Draw, steps: int, rate: float, progress: Progress) -> None:
    """Teaches ``draw(step)`` for ``steps`` steps; AdamW, warm-up, then a cosine down to 5%."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmed(step, steps))
    model.train()
    for step in range(steps):
        kind, batch = draw(step)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = logits(model, batch)
        loss = torch.nn.functional.cross_entropy(scores, batch.target)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        progress.add(step, kind, hits(batch, scores.detach()))


def warmed(step: int, steps: int) -> float:
    """The learning rate's factor: 50 steps of warm-up, a cosine down to 5%."""
    return min(1.0, (step + 1) / 50) * (0.525 + 0.475 * math.cos(math.pi * step / steps))
