"""Direct Preference Optimization (Rafailov et al. 2023, arXiv 2305.18290), equation 7.

The policy learns to prefer the right letter to a wrong one, and the bare letter to a wordy answer,
measured against a frozen copy of itself: loss = −log σ(β · (Δ log π − Δ log π_ref)), where Δ is
the chosen answer's log-probability minus the rejected one's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch

from training.asking import LETTERS, Query
from training.learning import Model, Progress, logits, warmed
from training.lessons import CLOSING, Branch, choice
from training.packing import Batch

BETA = 0.1
WORDY = ("{letter}. {word}", f"{CLOSING} {{letter}}", "I think that it must be {word}")


def preferences(query: Query, rng: np.random.Generator) -> list[Branch]:
    """The same question twice: with the chosen answer, and with the rejected one."""
    options, gold = query.options(rng)
    text = f"{choice(query, options)} ASSISTANT:"
    wrong = LETTERS[(gold + int(rng.integers(1, 4))) % 4]
    if rng.random() < 0.2:
        wrong = str(rng.choice(WORDY)).format(letter=LETTERS[gold], word=query.answer)
    return [Branch(text, LETTERS[gold]), Branch(text, wrong)]


def margins(model: Model, batch: Batch) -> torch.Tensor:
    """Δ log π: float32 [pairs]. Branches alternate: chosen, rejected, chosen, …"""
    chosen = logits(model, batch).log_softmax(-1).gather(1, batch.target[:, None])[:, 0]
    total = chosen.new_zeros(int(batch.group.max()) + 1).index_add(0, batch.group, chosen)
    return total[0::2] - total[1::2]


def align(
    model: Model, draw: Callable[[int], Batch], steps: int, rate: float, progress: Progress
) -> None:
    """Aligns ``model`` in place."""
    reference = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmed(step, steps))
    model.train()
    for step in range(steps):
        batch = draw(step)
        with torch.no_grad():
            anchor = margins(reference, batch)
        gain = margins(model, batch) - anchor
        loss = -torch.nn.functional.logsigmoid(BETA * gain).mean()
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        progress.add("preferred", (gain + anchor > 0).detach())
        progress.done(step)
