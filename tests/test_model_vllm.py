"""vLLM in process, with a stand-in for its engine; ``make vllm`` asks a real one."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.errors import ModelError, RequestError
from harness.models.vllm import VLLM, folded, metadata
from harness.types import Failure, Generation, Response, Usage
from tests.served import sample
from tests.test_openai_checks import REFERENCE, VIDEO


@dataclass
class Engine:
    """Unfolds the video as LLaVA-NeXT-Video's processor does and says B, two requests a step."""

    cut: int = 0
    ends: str = "stop"
    asked: list[tuple[str, Any, Any]] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)

    def add_request(self, key: str, data: Any, params: Any) -> None:
        self.waiting.append(len(self.asked))
        self.asked.append((key, data, params))

    def step(self) -> list[Any]:
        done, self.waiting = self.waiting[:2], self.waiting[2:]
        return [self._output(*self.asked[number]) for number in done]

    def _output(self, key: str, data: Any, params: Any) -> Any:
        frames = len(data["multi_modal_data"]["video"][0][0])
        ids = data["prompt_token_ids"]
        place = ids.index(VIDEO)
        ids = [*ids[:place], *[VIDEO] * (4 * frames - self.cut), *ids[place + 1 :]]
        letters = {7: 0.1, 8: 0.6}
        said = SimpleNamespace(
            text=" B",
            token_ids=[8, 2],
            finish_reason=self.ends,
            logprobs=[{t: SimpleNamespace(logprob=float(np.log(p))) for t, p in letters.items()}],
        )
        return SimpleNamespace(
            request_id=key,
            finished=True,
            prompt_token_ids=ids,
            outputs=[said],
            num_cached_tokens=3,
            params=params,
        )


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    module = SimpleNamespace(
        __version__="9.9",
        LLM=lambda **settings: SimpleNamespace(llm_engine=made, settings=settings),
        SamplingParams=lambda **settings: settings,
    )
    monkeypatch.setitem(sys.modules, "vllm", module)  # type: ignore[arg-type]
    return made


def said(model: VLLM, numbers: Sequence[int] = (0, 1), **given: Any) -> list[Response | Failure]:
    return list(model.generate([sample(n) for n in numbers], Generation(**given)))


def test_ids_and_frames_are_handed_over_and_answers_come_back(engine: Engine) -> None:
    results = said(VLLM(REFERENCE))
    assert [r.question for r in results] == [f"c{n}q{i}" for n in (0, 1) for i in range(3)]
    first = results[0]
    assert isinstance(first, Response)
    assert (first.text, first.finish) == ("B", "stop")
    [key, data, params], *_ = engine.asked
    assert key == "c0q0"
    assert first.usage == Usage(len(data["prompt_token_ids"]) + 11, 2, 3)
    assert data["prompt_token_ids"].count(VIDEO) == 1
    [(pixels, times)] = data["multi_modal_data"]["video"]
    frames = sample().frames
    assert frames is not None
    assert np.array_equal(pixels, frames.pixels)
    assert times["frames_indices"] == [0, 500, 1250]
    assert params["temperature"] == 0.0
    assert params["seed"] is None


def test_a_prompt_that_vllm_reads_otherwise_is_no_answer(engine: Engine) -> None:
    engine.cut = 4
    with pytest.raises(ModelError, match="use backend=transformers"):
        said(VLLM(REFERENCE))
    engine.cut = 0
    asked = VLLM(REFERENCE).generate([sample(0), sample(1)], Generation())
    assert isinstance(next(asked), Response)
    engine.cut = 4
    later = list(asked)[-1]
    assert isinstance(later, Failure)
    assert later.stage == "prompt"


def test_what_ends_otherwise_is_a_failure(engine: Engine) -> None:
    engine.ends = "abort"
    assert {type(result) for result in said(VLLM(REFERENCE))} == {Failure}


def test_letters_are_the_tokens_that_say_them(engine: Engine) -> None:
    letters = {"A": [7], "B": [8], "C": [9]}
    with pytest.MonkeyPatch.context() as patch:
        write = type(REFERENCE).write

        def with_letters(self: Any, sample: Any, wanted: bool = False) -> Any:
            assert wanted
            return [
                SimpleNamespace(**(vars(w) | {"letters": letters})) for w in write(self, sample)
            ]

        patch.setattr(type(REFERENCE), "write", with_letters)
        result = said(VLLM(REFERENCE), letters=True)[0]
    assert isinstance(result, Response)
    assert (result.text, result.finish) == ("B", "letters")
    assert result.probabilities == {"A": 0.1, "B": 0.6}
    assert engine.asked[0][2] == {"temperature": 0.0, "max_tokens": 1, "logprobs": 20}


def test_its_identity_is_the_checkpoint_and_vllms_version(engine: Engine) -> None:
    model = VLLM(REFERENCE, gpus=1)
    assert model.identity() == VLLM(REFERENCE, in_flight=3, context=99).identity()
    assert model.identity()["vllm"] == "9.9"
    assert model.identity() != VLLM(REFERENCE, {"quantization": "fp8"}).identity()
    assert pickle.loads(pickle.dumps(model)) == model


def test_what_it_cannot_do_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match=r"generation\.beams"):
        said(VLLM(REFERENCE), beams=2)
    monkeypatch.setitem(sys.modules, "vllm", None)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="install the extra vllm"):
        said(VLLM(REFERENCE))


def test_only_the_video_is_folded() -> None:
    assert folded([1, 5, 5, 5, 7, 7]) == [1, 5, 7, 7]
    assert folded([1, 2, 3]) == [1, 2, 3]
    assert folded([1, 5, 5, 2, 5, 5]) == [1, 5, 5, 2, 5, 5], "two runs: not for vLLM to unfold"
    with pytest.raises(ValueError, match="no times"):
        metadata(sample(frames=False))
