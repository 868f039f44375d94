"""LLaVA-NeXT(-Video) on small random models of each family: the shared way answers as the plain."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlavaNextVideoForConditionalGeneration

from harness.errors import RequestError
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.engine import Engine
from harness.models.transformers.plain import generate
from harness.types import (
    Failure,
    Generation,
    Image,
    Prompt,
    Question,
    Response,
    Sample,
    Text,
    Turn,
    Video,
)
from tests.small_models import TEXTS, asked, backend, clip, save

FAMILIES = ("vicuna", "mistral", "yi", "image")
LONG = Generation(max_new_tokens=14)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {family: save(tmp_path_factory.mktemp(family), family) for family in FAMILIES}


@pytest.fixture(scope="module")
def engines(folders: dict[str, Path]) -> dict[str, Engine]:
    return {family: backend(folder).load() for family, folder in folders.items()}


def answers(
    engine: Engine, clips: Iterable[Sample], generation: Generation = LONG
) -> dict[str, Response]:
    """By question, without the seconds and what was in a cache."""
    found = {}
    for result in engine.generate(clips, generation):
        assert isinstance(result, Response), result
        usage = dataclasses.replace(result.usage, cached=None) if result.usage else None
        found[result.question] = dataclasses.replace(result, seconds=0.0, usage=usage)
    return found


def plainly(engine: Engine, sample: Sample, generation: Generation = LONG) -> dict[str, str]:
    """Every question through transformers' own forward and generate, from pixels, on its own."""
    found = {}
    for branch in engine.write(sample, generation).branches:
        given, most = branch.written.inputs, generation.max_new_tokens
        said, _ = generate(engine.model, given, generation, most, engine.stops)
        text = engine.writer.tokenizer.decode(said, skip_special_tokens=True)
        found[branch.prompt.key] = text.strip()
    return found


def texts(found: dict[str, Response]) -> dict[str, str]:
    return {question: answer.text for question, answer in found.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_shared_is_one_by_one(engines: dict[str, Engine], family: str) -> None:
    sample = clip(3)
    found = answers(engines[family], [sample])
    assert texts(found) == plainly(engines[family], sample)
    assert len(set(texts(found).values())) == 3


@pytest.mark.parametrize("family", ["vicuna", "mistral"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_answers_do_not_depend_on_company(
    folders: dict[str, Path], family: str, attention: str
) -> None:
    clips = [clip(seed, frames=4 + seed) for seed in range(4)]
    alone = backend(folders[family], attention=attention, in_flight=1).load()
    together = backend(folders[family], attention=attention, in_flight=3).load()
    found = answers(alone, clips)
    assert len(found) == 12
    assert answers(together, reversed(clips)) == found
    fewer = [dataclasses.replace(each, prompts=each.prompts[1:2]) for each in clips]
    assert answers(alone, fewer) == {q: a for q, a in found.items() if q.endswith("q1")}


def test_on_a_cpu_short_clips_share_a_pass(
    engines: dict[str, Engine], folders: dict[str, Path]
) -> None:
    assert engines["vicuna"].in_flight > 1
    assert backend(folders["vicuna"]).memory(2000).in_flight == 1  # 8,000 tokens and the text's
    first, second = answers(engines["vicuna"], [clip(0)]), answers(engines["vicuna"], [clip(0)])
    assert first == second


def test_a_clip_is_seen_once(engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engines["vicuna"]
    seen: list[int] = []
    tower = engine.model.model.vision_tower
    forward = tower.forward
    monkeypatch.setattr(
        tower, "forward", lambda pixels, **kw: (seen.append(len(pixels)), forward(pixels, **kw))[1]
    )
    answers(engine, [clip(0)])
    assert seen == [6]


def test_an_answer_longer_than_its_row_had_room_for(engines: dict[str, Engine]) -> None:
    generation = Generation(max_new_tokens=80)
    sample = clip(1)
    assert texts(answers(engines["yi"], [sample], generation)) == plainly(
        engines["yi"], sample, generation
    )


def test_questions_that_differ_before_the_clip_share_no_row(engines: dict[str, Engine]) -> None:
    prompts = [
        Prompt(Question(f"q{i}", text), (Turn("user", (Text(text), Video(), Text("then?"))),))
        for i, text in enumerate(TEXTS)
    ]
    sample = clip(2, prompts)
    assert texts(answers(engines["mistral"], [sample])) == plainly(engines["mistral"], sample)


def conversation(picture: np.ndarray, name: str) -> Prompt:
    turns = (
        Turn("user", (Image(picture), Text("What shape is it?"))),
        Turn("assistant", (Text("A circle."),)),
        Turn("user", (Text("first"), Video(0, 2), Text("then"), Video(2), Text("Where is it?"))),
        Turn("assistant", (Text("Best option:("),)),
    )
    return Prompt(Question(name, "Where is it?", ("left", "right")), turns)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_image_question_first_then_the_clip(engines: dict[str, Engine], family: str) -> None:
    pictures = np.random.default_rng(5).integers(0, 256, (2, 40, 70, 3), dtype=np.uint8)
    prompts = [conversation(pictures[i % 2], f"q{i}") for i in range(3)]
    sample = clip(4, prompts)
    found = texts(answers(engines[family], [sample]))
    assert found == plainly(engines[family], sample)
    assert found["q0"] == found["q2"] != found["q1"]  # another picture, another answer


@pytest.mark.parametrize("family", ["vicuna", "image"])
def test_every_frame_a_full_image(folders: dict[str, Path], family: str) -> None:
    engine = backend(folders[family], frames_as="anyres").load()
    sample = clip(6, frames=3, size=(50, 90))
    found = texts(answers(engine, [sample]))
    assert found == plainly(engine, sample)
    pooled = texts(answers(backend(folders[family]).load(), [sample]))
    assert found != pooled


def test_image_only_as_pooled_video_has_the_image_models_weights(
    folders: dict[str, Path], engines: dict[str, Engine]
) -> None:
    model = engines["image"].model
    assert isinstance(model, LlavaNextVideoForConditionalGeneration)
    assert model.config.video_token_index == len(engines["image"].writer.tokenizer) - 1
    from safetensors.torch import load_file

    saved = load_file(folders["image"] / "model.safetensors")
    [head] = [value for name, value in saved.items() if name.endswith("lm_head.weight")]
    assert torch.equal(model.lm_head.weight, head)
    assert sum(p.numel() for p in model.parameters()) == sum(v.numel() for v in saved.values())


def test_letters_are_compared_not_generated(engines: dict[str, Engine]) -> None:
    engine = engines["vicuna"]
    found = answers(engine, [clip(7)], Generation(letters=True))
    for prompt in clip(7).prompts:
        answer = found[prompt.key]
        one = dataclasses.replace(clip(7), prompts=(prompt,))
        [branch] = engine.write(one, Generation()).branches
        given = branch.written.inputs
        _, logits = generate(engine.model, given, Generation(), 1, engine.stops)
        likely = logits.softmax(-1)
        # a byte-level tokenizer says " A" as a space and "A": only "A" is a letter's own token
        ids = {letter: engine.writer.tokenizer.convert_tokens_to_ids(letter) for letter in "ABCD"}
        expected = {letter: float(likely[i]) for letter, i in ids.items()}
        assert answer.probabilities == pytest.approx(expected, abs=2e-6)
        assert answer.text == max(expected, key=expected.__getitem__)
        assert answer.finish == "letters"


def test_letters_need_options(engines: dict[str, Engine]) -> None:
    [prompt] = asked("What?")
    open_ended = dataclasses.replace(prompt, question=Question("q", "What?"))
    [failure] = engines["vicuna"].generate([clip(0, [open_ended])], Generation(letters=True))
    assert isinstance(failure, Failure)
    assert "no options to compare" in failure.reason


def test_sampling_is_each_questions_own(engines: dict[str, Engine]) -> None:
    generation = Generation(max_new_tokens=12, temperature=0.8, top_p=0.9, seed=3)
    engine = engines["vicuna"]
    found = answers(engine, [clip(0), clip(1)], generation)
    assert answers(engine, [clip(1), clip(0)], generation) == found
    assert answers(engine, [clip(0)], dataclasses.replace(generation, seed=4)) != found
    assert texts(found) != texts(answers(engine, [clip(0), clip(1)], Generation(12)))


def test_repeats_share_the_prefix_and_draw_anew(engines: dict[str, Engine]) -> None:
    [prompt, *_] = asked("What colour is the ball?")
    again = [
        dataclasses.replace(prompt, question=dataclasses.replace(prompt.question, repeat=n))
        for n in range(4)
    ]
    generation = Generation(max_new_tokens=12, temperature=1.5, top_k=40, min_p=0.01)
    found = list(engines["yi"].generate([clip(0, again)], generation))
    assert len({r.question for r in found}) == 4
    assert len({r.text for r in found if isinstance(r, Response)}) > 1
    usage = [r.usage for r in found if isinstance(r, Response)]
    assert usage[0] is not None
    assert usage[1] is not None
    assert usage[0].cached == 0
    assert usage[1].cached == (usage[1].input or 0) - 1
    alone = list(engines["yi"].generate([clip(0, again[2:3])], generation))
    assert alone[0].question == found[2].question
    assert getattr(alone[0], "text", None) == getattr(found[2], "text", "")


def test_penalties_change_what_is_said(engines: dict[str, Engine]) -> None:
    plain = texts(answers(engines["mistral"], [clip(0)]))
    for penalty in ({"repetition_penalty": 1.8}, {"presence_penalty": 9.0}):
        generation = dataclasses.replace(LONG, **penalty)
        assert texts(answers(engines["mistral"], [clip(0)], generation)) != plain


def test_beam_search(engines: dict[str, Engine], folders: dict[str, Path]) -> None:
    generation = Generation(max_new_tokens=6, beams=3)
    found = texts(answers(engines["yi"], [clip(0)], generation))
    assert found == plainly(engines["yi"], clip(0), generation)
    assert found != plainly(engines["yi"], clip(0), Generation(max_new_tokens=6))
    with pytest.raises(RequestError, match="neither samples nor compares letters"):
        next(backend(folders["yi"]).generate([], Generation(beams=2, letters=True)))


def test_a_prompt_that_does_not_fit_is_a_failure(folders: dict[str, Path]) -> None:
    long = asked("What? " * 300, "What?")
    tight = backend(folders["mistral"])
    first, second = sorted(tight.generate([clip(0, long)], LONG), key=lambda r: r.question)
    assert isinstance(first, Failure)
    assert "do not fit the model's context of 1024" in first.reason
    assert isinstance(second, Response)
    wide = backend(folders["mistral"], allow_overflow=True)
    assert all(isinstance(r, Response) for r in wide.generate([clip(0, long)], LONG))


def test_an_answer_stops_where_the_context_ends(folders: dict[str, Path]) -> None:
    sample = clip(0, asked("What? " * 160))
    [answer] = backend(folders["mistral"]).generate([sample], Generation(100))
    assert isinstance(answer, Response)
    assert answer.finish == "length"
    engine = backend(folders["mistral"]).load()
    [branch] = engine.write(sample, Generation(100)).branches
    assert branch.limit == 1024 - len(branch.written.tokens) < 100


def test_a_question_that_says_video_is_asked_with_it_as_text(engines: dict[str, Engine]) -> None:
    engine = engines["vicuna"]
    sample = clip(0, asked("What is <video> in a prompt?</s>", "What?"))
    one, other = engine.generate([sample], LONG)
    assert isinstance(one, Response)
    assert one.notes == (
        "its text holds the model's own <video>: written as '< video>'",
        "its text holds the model's own </s>: written as '< /s>'",
    )
    assert isinstance(other, Response)
    assert other.notes == ()
    told = clip(0, asked("What is < video> in a prompt?< /s>"))
    [spaced], [branch, _] = (engine.write(s, LONG).branches for s in (told, sample))
    assert spaced.written.tokens.tolist() == branch.written.tokens.tolist()


def crowded(engine: Engine, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine runs out of memory when more than ``most`` rows are in one step."""
    for name in ("advance", "step"):
        real = getattr(Decoder, name)

        def limited(self: Decoder, segments: Any, *rest: Any, real: Any = real) -> Any:
            if len(segments) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return real(self, segments, *rest)

        monkeypatch.setattr(Decoder, name, limited)


def test_out_of_memory_halves_what_is_in_flight(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = backend(folders["vicuna"], in_flight=4).load()
    clips = [clip(seed) for seed in range(5)]
    expected = answers(engine, clips)
    crowded(engine, 2, monkeypatch)
    with caplog.at_level(logging.WARNING):
        assert answers(engine, clips) == expected
    assert "out of memory with 4 clips in flight: at most 2 from now on" in caplog.text


def test_a_clip_that_fails_even_alone_is_a_failure(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = backend(folders["vicuna"], in_flight=2).load()
    crowded(engine, 0, monkeypatch)
    results = list(engine.generate([clip(0), clip(1)], LONG))
    assert len(results) == 6
    assert all(isinstance(r, Failure) and "out of memory" in r.reason for r in results)


def test_other_errors_are_not_swallowed(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = backend(folders["vicuna"]).load()
    monkeypatch.setattr(engine.model, "lm_head", torch.nn.Linear(3, 3))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        list(engine.generate([clip(0)], LONG))


def test_what_decides_answers_is_the_identity(folders: dict[str, Path]) -> None:
    folder = folders["vicuna"]
    same = backend(folder, in_flight=3, device="cuda:5", frames=99).identity()
    assert same == backend(folder).identity()
    json.dumps(same)
    assert str(folder) not in json.dumps(same)
    for change in (
        {"dtype": "float16"},
        {"attention": "eager"},
        {"rope_scaling": "none"},
        {"system": "Look closely."},
        {"frames_as": "anyres"},
    ):
        assert backend(folder, **change).identity() != same


def test_a_bfloat16_model_answers(folders: dict[str, Path]) -> None:
    engine = backend(folders["yi"], dtype="bfloat16").load()
    assert engine.model.dtype == torch.bfloat16
    assert len(answers(engine, [clip(0)])) == 3
