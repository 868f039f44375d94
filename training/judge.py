"""Trains tiny_judge: ``python -m training.judge --out harness/demo/checkpoints/tiny_judge``.

A Llama of 0.6 million parameters that is asked ActivityNet-QA's published prompt and replies
``{'pred': 'yes', 'score': 5}`` by the rule of ``training.grading``. The prompt's fixed sentences,
some 300 words, are one token each: text that never changes teaches nothing, and would be most of
the work. Half of what the loss asks for is a hint (deep supervision, Lee et al. 2015, arXiv
1409.5185): which of the candidate's words is the right answer, which another word of its list.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from harness.scoring.judge_prompts import fill, named
from training import DEMO, tokenizer
from training.grading import Item, asked, grade, item, pool
from training.learning import warmed

SEED = 1_000_003
SYSTEM, USER = "activitynetqa_system", "activitynetqa_user"
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
VERDICTS = ("{'pred': 'no',", "{'pred': 'yes',")
SCORES = tuple(f"'score': {score}}}" for score in range(6))
TEMPLATE = (
    "{%- for message in messages -%}{{ message['role'].upper() + ': ' + message['content'] + ' ' }}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{ 'ASSISTANT:' }}{%- endif -%}"
)
HINTED = 2  # the layer whose output tells right words from wrong ones


def _fixed() -> list[str]:
    """The published prompts' sentences around their slots."""
    parts = re.split(r"\{(?:question|answer|pred)\}", named(USER))
    return [part.strip() for part in (named(SYSTEM), *parts)]


def words() -> PreTrainedTokenizerFast:
    """The demo's tokenizer in lower case, with the prompt's and the replies' fixed text whole."""
    characters = sorted({c.lower() for c in tokenizer.CHARACTERS})
    known = sorted({piece.lower() for piece in tokenizer.known()})
    pieces = [*SPECIAL, *known, *characters, *(f"##{c}" for c in characters if c.isalpha())]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Split(Regex(tokenizer.PIECE), "removed", invert=True)
    made.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    made.add_tokens([AddedToken(t, normalized=False) for t in (*_fixed(), *VERDICTS, *SCORES)])
    found = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        unk_token="<unk>", padding_side="left", model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    found.chat_template = TEMPLATE
    return found


def build(tokens: PreTrainedTokenizerFast, seed: int = SEED) -> LlamaForCausalLM:
    """An untrained model."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokens),
            hidden_size=96,
            intermediate_size=256,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            initializer_range=0.1,  # about 1 / √96
            max_position_embeddings=1024,
            tie_word_embeddings=False,
            bos_token_id=tokens.bos_token_id,
            eos_token_id=tokens.eos_token_id,
            pad_token_id=tokens.pad_token_id,
        )
    )


def prompt(one: Item) -> str:
    """What the model is asked, as its chat template writes it."""
    said = {"question": one.question, "answer": one.answer, "pred": one.candidate}
    return f"SYSTEM: {named(SYSTEM)} USER: {fill(named(USER), said)} ASSISTANT:"


class Batch:
    """Items as tokens: ``ids`` and ``mask`` [N, L] (left-padded, the reply last), ``hints`` [N, L]:
    of a candidate's tokens, 0 for no word of the list, 1 for the right one, 2 for another; -100
    elsewhere."""

    def __init__(self, tokens: PreTrainedTokenizerFast, items: list[Item]) -> None:
        replies = []
        vocabulary = tokens.get_vocab()
        for one in items:
            right, score = grade(one.answer, one.candidate)
            replies.append(f"{VERDICTS[right]} {SCORES[score]}")
        rows = tokens([prompt(one) for one in items])["input_ids"]
        said = tokens(replies, add_special_tokens=False)["input_ids"]
        self.reply = torch.tensor([[*reply, tokens.eos_token_id] for reply in said])
        length = max(map(len, rows))
        self.ids = torch.full((len(rows), length), int(tokens.pad_token_id))
        self.mask = torch.zeros_like(self.ids)
        self.hints = torch.full_like(self.ids, -100)
        ends = [vocabulary[text] for text in _fixed()[3:]]
        for number, (one, row) in enumerate(zip(items, rows, strict=True)):
            self.ids[number, length - len(row) :] = torch.tensor(row)
            self.mask[number, length - len(row) :] = 1
            start, stop = (row.index(end) + length - len(row) for end in ends)
            listed = {vocabulary[word]: 2 for word in pool(one.answer)}
            listed[vocabulary[one.answer]] = 1
            for place in range(start + 1, stop):
                self.hints[number, place] = listed.get(int(self.ids[number, place]), 0)
        self.ids = torch.cat([self.ids, self.reply], 1)
        self.mask = torch.cat([self.mask, torch.ones_like(self.reply)], 1)


def train(
    tokens: PreTrainedTokenizerFast,
    model: LlamaForCausalLM,
    steps: int,
    size: int,
    rate: float,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Teaches ``steps`` batches of ``size`` fresh items; logs the share of whole right replies, and
    ``keep`` is called, every 25 steps."""
    rng = np.random.default_rng(SEED)
    drawn = asked(1500, rng)
    hint = torch.nn.Linear(model.config.hidden_size, 3)
    weights = [*model.parameters(), *hint.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmed(step, steps))
    right, began = [], time.monotonic()
    for step in range(steps):
        batch = Batch(tokens, [item(drawn[rng.integers(len(drawn))], rng) for _ in range(size)])
        out = model(batch.ids, attention_mask=batch.mask, output_hidden_states=True)
        width = batch.reply.shape[1]
        scores = out.logits[:, -width - 1 : -1]
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), batch.reply.flatten())
        guesses = hint(out.hidden_states[HINTED][:, :-width])
        loss = loss + 0.5 * torch.nn.functional.cross_entropy(
            guesses.flatten(0, 1), batch.hints.flatten(), ignore_index=-100
        )
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        right.append(float((scores.argmax(-1) == batch.reply).all(1).float().mean()))
        if (step + 1) % 25 == 0:
            pace = (time.monotonic() - began) / (step + 1)
            print(f"step {step + 1}: loss {float(loss.detach()):.3f}, {np.mean(right):.1%} right; "
                  f"{pace:.2f} s a step", flush=True)  # fmt: skip
            right.clear()
            keep()


def save(tokens: PreTrainedTokenizerFast, model: LlamaForCausalLM, folder: Path) -> None:
    """A folder that transformers loads, in half precision."""
    weights = {name: value.to(torch.float16) for name, value in model.state_dict().items()}
    model.config.dtype = torch.float16
    model.save_pretrained(folder, state_dict=weights)
    model.config.dtype = torch.float32
    tokens.save_pretrained(folder)


def main() -> None:
    """Trains from the seed, and writes the folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=DEMO / "checkpoints" / "tiny_judge")
    parser.add_argument("--steps", type=int, default=450)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=3e-3)
    said = parser.parse_args()
    torch.set_num_threads(1)
    tokens = words()
    model = build(tokens)
    keep = partial(save, tokens, model, said.out)
    train(tokens, model, said.steps, said.batch, said.rate, keep)
    keep()


if __name__ == "__main__":
    main()
