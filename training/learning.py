"""The forward pass over packed lessons, and the loop that teaches them."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from transformers import LlavaNextVideoForConditionalGeneration, Qwen2_5_VLForConditionalGeneration

from training.packing import Batch

Model = LlavaNextVideoForConditionalGeneration | Qwen2_5_VLForConditionalGeneration
Draw = Callable[[int], tuple[str, Batch]]

HINT = 0.5  # the weight of each layer's hints beside the answers


def logits(model: Model, batch: Batch) -> torch.Tensor:
    """Next-token logits at the taught places: float32 [N, vocabulary]."""
    return _read_out(model, _hidden(model, batch)[-1], batch.at)


def _hidden(model: Model, batch: Batch) -> tuple[torch.Tensor, ...]:
    """What each layer of the language model makes of every token: [B, L, width] each. The first
    are the embeddings; the last is normalised, the others are not."""
    inner = model.model
    embeds = inner.get_input_embeddings()(batch.ids)
    if batch.pixels is not None:
        grid = {} if batch.grid is None else {"video_grid_thw": batch.grid}
        video = inner.get_video_features(batch.pixels, return_dict=True, **grid).pooler_output
        place = (batch.ids == model.config.video_token_id)[..., None].expand_as(embeds)
        embeds = embeds.masked_scatter(place, torch.cat(list(video)).to(embeds.dtype))
    hidden: tuple[torch.Tensor, ...] = inner.language_model(
        inputs_embeds=embeds,
        attention_mask=batch.mask(),
        position_ids=batch.positions,
        output_hidden_states=True,
    ).hidden_states
    return hidden


def _read_out(model: Model, hidden: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    scores: torch.Tensor = model.lm_head(hidden.flatten(0, 1)[at])
    return scores.float()


def _guess(model: Model, hidden: torch.Tensor, at: torch.Tensor, alike: bool) -> torch.Tensor:
    """What an inner layer's tokens would say, were it the last; or (``alike``) how much they are
    like each word as it is read: its embedding, by which it could be found among the options.
    float32 [N, vocabulary]."""
    words = model.get_input_embeddings() if alike else model.lm_head
    known = model.model.language_model.norm(hidden.flatten(0, 1)[at])
    scores: torch.Tensor = known @ words.weight.T
    return scores.float()


@dataclass
class Progress:
    """What is logged: the share of right first tokens, per kind of lesson."""

    log: Callable[[str], None]
    every: int
    began: float = field(default_factory=time.monotonic)
    right: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, hits: torch.Tensor) -> None:
        """Counts hits (bool [N])."""
        self.right[kind].append(float(hits.float().mean()))

    def done(self, step: int) -> None:
        """Logs every so many steps."""
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


def teach(
    model: Model, draw: Draw, steps: int, rate: float, progress: Progress, *, alike: bool = False
) -> None:
    """Teaches ``draw(step)`` for ``steps`` steps; AdamW, warm-up, then a cosine down to 5%.

    Hints are for what an inner layer would say, or (``alike``) for the word that it is like.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmed(step, steps))
    model.train()
    for step in range(steps):
        loss = _loss(model, *draw(step), alike, progress)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        progress.done(step)


def _loss(model: Model, kind: str, batch: Batch, alike: bool, progress: Progress) -> torch.Tensor:
    """Cross-entropy of the answers, and of the hints (deep supervision, Lee et al. 2015,
    arXiv 1409.5185).
    """
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = _hidden(model, batch)
        scores = _read_out(model, hidden[-1], batch.at)
        guesses = {n: _guess(model, hidden[n], at, alike) for n, (at, _) in batch.hints.items()}
    progress.add(kind, hits(batch, scores.detach()))
    loss = torch.nn.functional.cross_entropy(scores, batch.target)
    for layer, (_, word) in batch.hints.items():
        progress.add(f"layer {layer}", guesses[layer].detach().argmax(-1) == word)
        loss = loss + HINT * torch.nn.functional.cross_entropy(guesses[layer], word)
    return loss


def warmed(step: int, steps: int) -> float:
    """The learning rate's factor: 50 steps of warm-up, a cosine down to 5%."""
    return min(1.0, (step + 1) / 50) * (0.525 + 0.475 * math.cos(math.pi * step / steps))
