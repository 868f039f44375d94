"""Language models on transformers that see nothing: judges. Importing this loads no torch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness.errors import ModelError, RequestError
from harness.models import thinking
from harness.models.transformers.chat import refuse_unread
from harness.models.transformers.checkpoint import fingerprint, locate
from harness.models.transformers.devices import resolved
from harness.types import JSON, Failure, Generation, Prompt, Response, Sample, Text, Usage


@dataclass(frozen=True)
class TextModel:
    """One checkpoint of a language model, asked a sample's prompts at a time, greedily.

    ``checkpoint`` is a hub id or a folder, ``revision`` pins the former; prompts are written by its
    chat template, handed ``template_settings`` (enable_thinking: false). ``device`` auto is a GPU
    where there is one. A prompt with frames, or longer than the model's context, is a failure.
    """

    checkpoint: str
    revision: str | None = None
    dtype: Literal["float16", "bfloat16", "float32"] = "bfloat16"
    device: str = "auto"
    template_settings: Mapping[str, JSON] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """The settings alone: another process loads its own model."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def identity(self) -> dict[str, Any]:
        """The checkpoint's files, and what is done with them. Raises ModelError."""
        found: dict[str, Any] = fingerprint(self.checkpoint, self.revision)
        settings = {"template_settings": dict(self.template_settings)}
        return found | {"dtype": self.dtype} | (settings if self.template_settings else {})

    def generate(
        self, samples: Iterable[Sample], generation: Generation
    ) -> Iterator[Response | Failure]:
        """A sample's responses once all of them are there. Raises ModelError and RequestError."""
        if generation.temperature > 0 or generation.beams > 1 or generation.letters:
            raise RequestError(f"{self.checkpoint}: a model of text alone is asked greedily")
        for sample in samples:
            yield from self._sample(sample, generation.max_new_tokens)

    def _sample(self, sample: Sample, new: int) -> Iterator[Response | Failure]:
        room = int(self._model.config.max_position_embeddings) - new
        asked: list[tuple[Prompt, str]] = []
        for prompt in sample.prompts:
            if not all(isinstance(part, Text) for turn in prompt.turns for part in turn.parts):
                yield Failure(prompt.key, "prompt", "a model of text alone is shown no frames")
                continue
            text = self._written(prompt)
            length = len(self._tokenizer(text, add_special_tokens=False)["input_ids"])
            if length > max(room, 1):
                reason = f"{length} tokens and {new} new ones exceed the model's context"
                yield Failure(prompt.key, "prompt", reason)
            else:
                asked.append((prompt, text))
        if asked:
            yield from self._answers(asked, new)

    def _answers(self, asked: Sequence[tuple[Prompt, str]], new: int) -> Iterator[Response]:
        import torch

        began = time.monotonic()
        tokenizer, model = self._tokenizer, self._model
        given = tokenizer(
            [text for _, text in asked], return_tensors="pt", padding=True, add_special_tokens=False
        ).to(model.device)
        given.pop("token_type_ids", None)
        with torch.inference_mode():
            out = model.generate(
                **given, max_new_tokens=new, do_sample=False, pad_token_id=tokenizer.pad_token_id
            )
        seconds = (time.monotonic() - began) / len(asked)
        start = given["input_ids"].shape[1]
        stops = model.generation_config.eos_token_id
        ends = set(stops if isinstance(stops, list) else [stops]) - {None}
        for place, (prompt, text) in enumerate(asked):
            said = out[place, start:].tolist()
            stop = next((n for n, token in enumerate(said) if token in ends), None)
            words = tokenizer.decode(said[:stop], skip_special_tokens=True)
            thought, answer, closed = thinking.split(words, thinking.opens(text))
            finish = "length" if stop is None else "stop"
            usage = Usage(int(given["attention_mask"][place].sum()), len(said[:stop]))
            yield Response(
                prompt.key, answer, thought, finish if closed else "thinking", usage, seconds
            )

    def _written(self, prompt: Prompt) -> str:
        """The prompt by the chat template; a system turn goes in front of the first user turn where
        the template knows none. Raises ModelError."""
        turns = [
            {"role": t.role, "content": "".join(p.text for p in t.parts if isinstance(p, Text))}
            for t in prompt.turns
        ]
        try:
            return self._render(turns)
        except Exception as error:  # a template raises whatever it likes
            if turns[0]["role"] != "system" or len(turns) < 2:
                raise ModelError(f"{self.checkpoint}: its chat template fails: {error}") from error
        first, second, *rest = turns
        joined = {"role": "user", "content": f"{first['content']}\n\n{second['content']}"}
        try:
            return self._render([joined, *rest])
        except Exception as error:
            raise ModelError(f"{self.checkpoint}: its chat template fails: {error}") from error

    def _render(self, turns: Sequence[Mapping[str, str]]) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                list(turns), tokenize=False, add_generation_prompt=True, **self.template_settings
            )
        )

    @cached_property
    def _folder(self) -> Path:
        return locate(self.checkpoint, self.revision)

    @cached_property
    def _tokenizer(self) -> Any:
        from harness.models.transformers.library import transformers

        tokenizer = transformers.AutoTokenizer.from_pretrained(self._folder, padding_side="left")
        if tokenizer.chat_template is None:
            raise ModelError(f"{self.checkpoint}: has no chat template, so it takes no requests")
        refuse_unread(tokenizer.chat_template, tokenizer, self.template_settings)
        if tokenizer.pad_token_id is None:  # masked, so that any does
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
        return tokenizer

    @cached_property
    def _model(self) -> Any:
        from harness.models.transformers.library import transformers

        transformers.logging.disable_progress_bar()
        device = resolved(self.device)
        try:
            model, found = transformers.AutoModelForCausalLM.from_pretrained(
                self._folder, dtype=self.dtype, output_loading_info=True
            )
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).splitlines()[0][:160]
            raise ModelError(f"{self.checkpoint}: is no language model ({reason})") from error
        if missing := sorted(found["missing_keys"]):
            raise ModelError(
                f"{self.checkpoint}: lacks {len(missing)} weights, e.g. {missing[0]}: they would "
                "be random"
            )
        return model.eval().to(device)
