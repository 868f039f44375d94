"""vLLM in this process: token ids and raw frames are handed over, no codec or template between.

Thin: our own writing makes the prompt, vLLM batches and caches. What it made of the prompt is held
against our own writing on every response, as with served models. Runs where vLLM is installed
(extra ``vllm``; tried with vLLM 0.32); for models whose video is one run of tokens in the prompt,
which is checked.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError, RequestError
from harness.identity import ASIDE
from harness.models import thinking
from harness.models.openai.checks import Expected
from harness.models.transformers import Transformers
from harness.models.vllm_requests import folded, metadata, module, sampling
from harness.types import JSON, Failure, Generation, Response, Sample, Usage

if TYPE_CHECKING:
    from harness.models.transformers.written import Written

AHEAD = 2
"""Questions handed to vLLM for each that it decodes at once, so that it never waits for us."""


@dataclass(frozen=True)
class VLLM:
    """One checkpoint in vLLM.

    What decides the answers: ``model``, the checkpoint and how its prompts are written (its
    weights are loaded by vLLM, in its ``dtype``), and ``engine``, further settings of
    ``vllm.LLM`` (quantization, hf_overrides, …). ``weights``: a folder with the same weights under
    the names that vLLM reads, where those in the checkpoint have others.

    What does not: ``gpus`` to spread it over, ``context`` in tokens (null: as the checkpoint
    says), ``in_flight`` questions decoded at once.
    """

    model: Transformers
    engine: Mapping[str, JSON] = field(default_factory=dict)
    weights: str | None = field(default=None, metadata=ASIDE)
    gpus: int = field(default=1, metadata=ASIDE)
    context: int | None = field(default=None, metadata=ASIDE)
    in_flight: int = field(default=64, metadata=ASIDE)

    def __getstate__(self) -> dict[str, Any]:
        """The settings alone: another process loads its own engine."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def identity(self) -> dict[str, JSON]:
        """What decides the responses: vLLM's version, the checkpoint and how it is asked."""
        return {
            "vllm": module("vllm").__version__,
            "model": dict(self.model.identity()),
            "engine": dict(self.engine),
        }

    @property
    def frame_size(self) -> int | None:
        """The shorter edge in pixels that frames may be shrunk to; None: they must be whole."""
        return self.model.frame_size

    @property
    def world_size(self) -> int:
        """Over how many GPUs it is spread: tensor parallel by pipeline parallel."""
        tensor = self.engine.get("tensor_parallel_size", self.gpus)
        pipeline = self.engine.get("pipeline_parallel_size", 1)
        return int(str(tensor)) * int(str(pipeline))

    @property
    def reference(self) -> Transformers:
        """The same checkpoint on our own engine."""
        return self.model

    def generate(
        self, samples: Iterable[Sample], generation: Generation
    ) -> Iterator[Response | Failure]:
        """Responses as they come, clip by clip. Raises ModelError when vLLM reads the first prompt
        otherwise than it was written."""
        if generation.beams > 1:
            raise RequestError("generation.beams: not with backend=vllm; leave it out")
        engine = self._llm.llm_engine
        asked: dict[str, Written] = {}
        ready: deque[Response | Failure] = deque()
        run = _Run(engine, generation, asked)
        for sample in samples:
            for written in self.model.write(sample, generation.letters):
                if isinstance(written, Failure):
                    ready.append(written)
                else:
                    run.add(written, sample)
            while len(asked) >= AHEAD * self.in_flight:
                ready.extend(run.step())
            yield from _drained(ready)
        while asked:
            ready.extend(run.step())
            yield from _drained(ready)

    @cached_property
    def _llm(self) -> Any:
        settings: dict[str, Any] = {
            "model": self.weights or self.model.checkpoint,
            "dtype": self.model.dtype,
            "tensor_parallel_size": self.gpus,
            "max_model_len": self.context,
            "max_num_seqs": self.in_flight,
            "enable_prefix_caching": True,
            "media_io_kwargs": {"video": {"num_frames": -1}},
        }
        if self.weights is None:
            settings["revision"] = self.model.revision
        if self.world_size > 1 and _in_placement_group():
            settings["distributed_executor_backend"] = "ray"
        try:
            return module("vllm").LLM(**(settings | dict(self.engine)))
        except (ValueError, RuntimeError, OSError) as error:
            first = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise ModelError(f"vLLM does not load {settings['model']}: {first[0]}") from error


@dataclass
class _Run:
    """Questions on their way through one engine."""

    engine: Any
    generation: Generation
    asked: dict[str, Written]
    first: bool = True
    at: float = field(default_factory=monotonic)

    def add(self, written: Written, sample: Sample) -> None:
        """Hands one question over."""
        key = written.prompt.key
        data: dict[str, Any] = {"prompt_token_ids": folded(written.tokens.tolist())}
        if sample.frames is not None and len(data["prompt_token_ids"]) < len(written.tokens):
            data["multi_modal_data"] = {"video": [(sample.frames.pixels, metadata(sample))]}
        self.asked[key] = written
        self.engine.add_request(key, data, sampling(self.generation, key))

    def step(self) -> Iterator[Response | Failure]:
        """One step of the engine, and what is finished after it."""
        finished = [output for output in self.engine.step() if output.finished]
        now = monotonic()
        share = (now - self.at) / max(1, len(finished))
        if finished:
            self.at = now
        for output in finished:
            written = self.asked.pop(output.request_id)
            yield replace(self._result(written, output), seconds=share)

    def _result(self, written: Written, output: Any) -> Response | Failure:
        key = written.prompt.key
        ids = list(output.prompt_token_ids or ())
        problem = Expected(tuple(written.tokens.tolist())).problem({"prompt_token_ids": ids})
        if problem:
            reason = f"vLLM does not read the prompt that was written: {problem}"
            if self.first:
                raise ModelError(f"{reason}; use backend=transformers for this model")
            return Failure(key, "prompt", reason)
        self.first = False
        said = output.outputs[0]
        if said.finish_reason not in ("stop", "length"):
            return Failure(key, "model", f"vLLM ended it with {said.finish_reason}")
        usage = Usage(len(ids), len(said.token_ids), output.num_cached_tokens)
        if self.generation.letters:
            return self._letters(written, said, usage)
        thought, text, closed = thinking.split(said.text, written.opened)
        finish = said.finish_reason if closed else "thinking"
        told, notes = written.told_times, written.notes
        return Response(key, text, thought, finish, usage, told_times=told, notes=notes)

    def _letters(self, written: Written, said: Any, usage: Usage) -> Response | Failure:
        listed = said.logprobs[0]
        found = {
            letter: sum(math.exp(listed[t].logprob) for t in tokens if t in listed)
            for letter, tokens in (written.letters or {}).items()
        }
        found = {letter: round(p, 6) for letter, p in found.items() if p > 0}
        key = written.prompt.key
        if not found:
            return Failure(key, "model", "no option letter is among the most likely tokens")
        best = max(found, key=found.__getitem__)
        return Response(key, best, finish="letters", usage=usage, probabilities=found)


def _drained(ready: deque[Response | Failure]) -> Iterator[Response | Failure]:
    while ready:
        yield ready.popleft()


def _in_placement_group() -> bool:
    """Whether this is an actor that Ray gave GPUs in a group, for workers of its own: vLLM takes
    its executor for such only when told to, since the actor itself is shown no GPU."""
    ray = sys.modules.get("ray")
    return (
        ray is not None
        and ray.is_initialized()
        and ray.util.get_current_placement_group() is not None
    )
