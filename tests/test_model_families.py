"""Every family's tiny build through the one engine: the same tokens and logits as ``generate``."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from harness.errors import ModelError
from harness.models.transformers import Transformers, memory, packed, packing, proof, torchvision
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.engine import Engine
from harness.models.transformers.merging import Merging
from harness.models.transformers.processor import ProcessorWriter
from harness.models.transformers.shown import plain_sample
from harness.models.transformers.spans import Spans
from harness.models.transformers.writers import read_processor
from harness.types import (
    Clip,
    Failure,
    Generation,
    Prompt,
    Question,
    Response,
    Sample,
    Text,
    Turn,
    Video,
)
from tests import families

pytestmark = pytest.mark.skipif(
    not torchvision.available(), reason="needs the extra video-families (make test installs it)"
)

LONG = Generation(max_new_tokens=8)
NAMES = list(families.FAMILIES)
PACKED = [name for name, family in families.FAMILIES.items() if not family.copied]
MROPE = [name for name in PACKED if name.startswith(("qwen", "glm"))]
TEXTS = ("What colour is the ball?", "Where does the circle go first, and where then?", "How many?")


def settings(name: str, **given: Any) -> Transformers:
    if name not in families.FAMILIES:
        pytest.skip(f"{name} needs a later transformers")
    family = families.FAMILIES[name]
    made = {"frames_as": family.frames_as, "dtype": "float32", "device": "cpu"} | given
    return Transformers(str(families.build(name)), **made)


def sample(seed: int = 0, frames: int = 6) -> Sample:
    shown = families.noise(frames, seed=seed)
    prompts = tuple(
        Prompt(
            Question(f"{seed}/{i}", text, ("red", "blue")), (Turn("user", (Video(), Text(text))),)
        )
        for i, text in enumerate(TEXTS)
    )
    return Sample(Clip(f"c{seed}", None), families.information(shown), shown, prompts)


def outputs(engine: Engine, *samples: Sample) -> dict[str, tuple[list[int], Any]]:
    return {
        branch.prompt.key: (branch.output_ids, branch.first_logits)
        for clip in engine.run(samples, LONG)
        for branch in clip.branches
    }


@pytest.mark.parametrize("name", NAMES)
def test_shared_is_one_by_one(name: str) -> None:
    asked = sample()
    engine = settings(name).load()
    found = outputs(engine, asked)
    for prompt, truth in zip(asked.prompts, families.reference(name, asked), strict=True):
        tokens, logits = found[prompt.key]
        ends = [t for t in truth.tokens if t not in engine.stops]
        assert tokens == ends
        assert float((logits - truth.logits).abs().max()) < 1e-5 * float(truth.logits.std())


@pytest.mark.parametrize("name", NAMES)
def test_answers_do_not_depend_on_company(name: str) -> None:
    clips = [sample(seed, 4 + 2 * seed) for seed in range(3)]
    alone = {k: v[0] for k, v in outputs(settings(name).load(), *clips).items()}
    together = outputs(settings(name, in_flight=3).load(), *clips)
    assert {k: v[0] for k, v in together.items()} == alone


@pytest.mark.parametrize("name", ["qwen3_vl", "gemma3", "llava_onevision"])
def test_a_long_prefix_in_a_pass_of_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = settings(name, in_flight=2).load()
    clips = [sample(0), sample(1)]
    expected = {k: v[0] for k, v in outputs(engine, *clips).items()}
    passes: list[int] = []
    advance = Decoder.advance

    def counted(self: Decoder, segments: Any, *rest: Any) -> Any:
        passes.append(len(segments))
        return advance(self, segments, *rest)

    monkeypatch.setattr(Decoder, "advance", counted)
    outputs(engine, *clips)
    assert passes == [4]  # both clips' prefixes and what follows them
    passes.clear()
    monkeypatch.setattr(packed, "TOGETHER", 1)
    assert {k: v[0] for k, v in outputs(engine, *clips).items()} == expected
    assert passes == [1, 1, 1, 1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["copied", "none"])
def test_other_ways_of_sharing_say_the_same(name: str, how: str) -> None:
    asked = sample()
    packed = {k: v[0] for k, v in outputs(settings(name).load(), asked).items()}
    assert {
        k: v[0] for k, v in outputs(settings(name, sharing=how).load(), asked).items()
    } == packed


def leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Branches see each other."""
    real = packing.Segment.visible
    monkeypatch.setattr(
        packing.Segment, "visible", lambda self, *, causal: real(self, causal=causal) | True
    )


def move(monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions are moved on by seven behind the prefix."""
    real = Decoder.advance

    def moved(self: Decoder, segments: Any, part: Any, rules: Any) -> Any:
        behind = np.concatenate([each.owners for each in segments]) != packing.PREFIX
        positions = part.positions + 7 * torch.from_numpy(behind)
        return real(self, segments, dataclasses.replace(part, positions=positions), rules)

    monkeypatch.setattr(Decoder, "advance", moved)


def flatten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every axis of positions counts tokens, as if there were no pictures."""
    real = Decoder.advance

    def flat(self: Decoder, segments: Any, part: Any, rules: Any) -> Any:
        places = torch.from_numpy(np.concatenate([each.places for each in segments]))
        positions = places.expand_as(part.positions)
        return real(self, segments, dataclasses.replace(part, positions=positions), rules)

    monkeypatch.setattr(Decoder, "advance", flat)


def widen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows and two-way pictures are dropped: all that came before is seen."""
    monkeypatch.setattr(
        packing.Segment, "mask", lambda self, rules, device: self.visible(causal=True)
    )


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        *[(name, leak) for name in PACKED],
        *[(name, move) for name in PACKED],
        *[(name, flatten) for name in MROPE],
        *[(name, widen) for name in ("gemma3", "gemma4", "aya_vision", "molmo2")],
    ],
)
def test_the_self_test_finds_mistakes(
    name: str, mistake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)
    with pytest.raises(ModelError, match=r"logits differ by [0-9.]+ of their deviation"):
        settings(name).load()


def test_times_reach_the_prompt_as_they_are() -> None:
    shown = families.noise(4)
    shown = dataclasses.replace(shown, times=np.array([0.5, 1.25, 7.0, 7.5]))
    one = dataclasses.replace(sample(frames=4), frames=shown)
    [first, *_] = settings("qwen3_vl").generate([one], Generation(max_new_tokens=1))
    assert isinstance(first, Response)
    assert first.told_times == ("<0.9 seconds>", "<7.2 seconds>")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("qwen2_5_vl", ("1 s a step of positions",)),
        ("video_llama_3", ("Time 0.0s:", "Time 0.5s:", "Time 1.0s:", "Time 1.5s:")),
        ("molmo2", ("0.0", "0.5", "1.0", "1.5")),
        ("glm4v", ("0", "1")),
        ("glm46v", ("0.0 seconds", "1.0 seconds")),
        ("gemma4", ("00:00", "00:00", "00:01", "00:01")),
        ("kimi_k25", ("00:00:00.000",)),  # four frames a picture
        ("qwen2_vl", ()),
        ("internvl", ()),
        ("minicpmv4_6", ()),  # it says a picture's number, no time
    ],
)
def test_what_each_family_is_told_of_time(name: str, told: tuple[str, ...]) -> None:
    engine = settings(name).load()
    [first, *_] = engine.write(sample(frames=4), LONG).branches
    assert first.written.told_times == told


def test_times_before_frames_as_images() -> None:
    backend = settings("gemma3", frame_text="Frame {number} at {time} s: ")
    [first, *_] = backend.generate([sample(frames=2)], Generation(max_new_tokens=1))
    assert isinstance(first, Response)
    assert first.told_times == ("Frame 1 at 0.0 s:", "Frame 2 at 0.5 s:")


def test_text_that_would_be_a_picture_is_text() -> None:
    prompt = Prompt(Question("q", ""), (Turn("user", (Video(), Text("what is <|video_pad|>?"))),))
    one = dataclasses.replace(sample(), prompts=(prompt,))
    [response] = settings("qwen2_5_vl").generate([one], LONG)
    assert isinstance(response, Response)
    assert response.notes == (
        "its text holds the model's own <|video_pad|>: written as '< |video_pad|>'",
    )


def test_videos_of_different_lengths_that_a_processor_does_not_take() -> None:
    parts = (Video(0, 2), Text("and"), Video(2, None), Text("?"))
    prompt = Prompt(Question("q", ""), (Turn("user", parts),))
    [failure] = settings("internvl").generate(
        [dataclasses.replace(sample(), prompts=(prompt,))], LONG
    )
    assert isinstance(failure, Failure)
    assert failure.stage == "prompt"
    assert "takes no videos of different lengths in one prompt" in failure.reason


def test_a_template_that_loses_the_video(tmp_path: Any) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text(
        "{% for m in messages %}{% for c in m['content'] if c['type'] == 'text' %}"
        "{{ c['text'] }}{% endfor %}{% endfor %}"
    )
    with pytest.raises(ModelError, match="shows 0 of 1 pictures"):
        settings("qwen2_5_vl", chat_template=str(file)).load()


def test_a_frame_is_capped_where_nothing_is_said(tmp_path: Path) -> None:
    """transformers leaves it open, and its default changes between releases."""
    folder = tmp_path / "unsaid"
    shutil.copytree(families.build("qwen2_5_vl"), folder)
    for file in folder.glob("*processor*.json"):
        file.write_text(file.read_text().replace('"cap_pixels_per_frame": false,', ""))
    processor, calls = read_processor(folder, {})
    assert processor.video_processor.cap_pixels_per_frame is None
    assert calls == {"videos_kwargs": {"cap_pixels_per_frame": True}}
    said = {"videos_kwargs": {"cap_pixels_per_frame": False}}
    assert read_processor(folder, said)[1] == said
    assert read_processor(families.build("qwen2_5_vl"), {})[1] == {}  # the checkpoint says it
    assert read_processor(families.build("internvl"), {})[1] == {}  # it knows no such setting
    assert settings("qwen2_5_vl").identity()["processor_unsaid"] == {"cap_pixels_per_frame": True}
    assert "processor_unsaid" not in settings("qwen2_5_vl", processor=said).identity()


def test_expected_tokens_are_checked() -> None:
    with pytest.raises(ModelError, match=r"takes 4 tokens, model.expect_tokens says 3"):
        settings("llava_onevision", expect_tokens=3).load()
    settings("llava_onevision", expect_tokens=4).load()


@pytest.mark.parametrize(
    ("name", "sharing"), [*((name, "auto") for name in NAMES), ("qwen3_vl", "none")]
)
def test_pictures_are_encoded_once(name: str, sharing: str) -> None:
    engine = settings(name, sharing=sharing).load()
    decoding = {*engine.model.get_decoder().modules(), engine.model.get_output_embeddings()}
    seen: list[int] = []
    outside = [module for module in engine.model.modules() if module not in decoding]
    kinds = (torch.nn.Conv2d, torch.nn.Conv3d)
    if not any(isinstance(module, kinds) for module in outside):
        kinds = (torch.nn.Linear, torch.nn.Linear)
    handles = [
        module.register_forward_pre_hook(lambda module, given: seen.append(given[0].numel()))
        for module in outside
        if isinstance(module, kinds)
    ]
    asked = sample()
    outputs(engine, dataclasses.replace(asked, prompts=asked.prompts[:1]))
    alone = seen[:]
    seen.clear()
    outputs(engine, asked)
    for handle in handles:
        handle.remove()
    assert seen == alone
    assert seen


# frames as pictures are made whole, and so is a video whose prompt depends on what its frames show,
# or whose features by the tower are not those of its frames joined
WHOLE = {"video_llama_3", "kimi_k25"}
IN_SPANS = [
    name
    for name, family in families.FAMILIES.items()
    if family.frames_as == "video" and name not in WHOLE
]


@pytest.mark.parametrize("name", NAMES)
def test_a_tower_sees_a_few_frames_at_a_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = settings(name).load()
    assert (engine.merging is not None) == (name in IN_SPANS)
    monkeypatch.setitem(memory.TOWER_AT_ONCE, "cpu", 1)  # as few as there can be
    made: list[tuple[int, int]] = []
    borders = Spans.borders

    def counted(self: Spans, most: int) -> list[tuple[int, int]]:
        found = borders(self, most)
        made.extend(found)
        return found

    monkeypatch.setattr(Spans, "borders", counted)
    asked = sample(frames=7)
    found = outputs(engine, asked)
    if name in IN_SPANS:
        assert len(made) == -(-7 // (made[0][1] - made[0][0])) > 1  # once for all questions
    for prompt, truth in zip(asked.prompts, families.reference(name, asked), strict=True):
        tokens, logits = found[prompt.key]
        assert tokens == [t for t in truth.tokens if t not in engine.stops]
        assert float((logits - truth.logits).abs().max()) < 1e-5 * float(truth.logits.std())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_tower_in_half_precision_is_found_to_be_the_same(dtype: str) -> None:
    for name in ("qwen2_5_vl", "qwen3_vl", "internvl", "llava_onevision"):
        assert settings(name, dtype=dtype).load().merging is not None


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_tower_that_must_see_all_frames_does(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by trying: here what a frame shows is told beside the clip's mean."""
    from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as modeling

    merger = modeling.Qwen2_5_VLPatchMerger
    forward = merger.forward

    def mixed(self: Any, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = forward(self, x)
        return made - made.mean(0)

    monkeypatch.setattr(merger, "forward", mixed)
    engine = settings("qwen2_5_vl", dtype=dtype).load()
    assert engine.merging is None
    assert all(tokens for tokens, _ in outputs(engine, sample()).values())


@pytest.mark.parametrize("mixed_in", [0.03, 1.0])
def test_what_rounding_explains_of_a_tower_is_measured(
    mixed_in: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In half precision by two kernels: a tower that mixes frames a little is no rounding."""
    from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as modeling

    merger = modeling.Qwen2_5_VLPatchMerger
    forward = merger.forward

    def mixed(self: Any, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = forward(self, x)
        return made + mixed_in * made.abs().mean(0) * len(made) ** 0.5

    monkeypatch.setattr(merger, "forward", mixed)
    assert settings("qwen2_5_vl", dtype="bfloat16").load().merging is None


def test_a_clip_whose_features_cannot_be_joined_is_seen_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Learned on a short clip of noise: a real one may show what no one foresaw."""
    engine = settings("qwen2_5_vl").load()
    assert engine.merging is not None
    monkeypatch.setitem(memory.TOWER_AT_ONCE, "cpu", 1)
    axes = engine.merging._axes
    for broken in ({}, dict.fromkeys(axes)):
        engine.merging._axes = dict(broken)
        engine.merging._whole.clear()
        asked = sample(frames=7)
        found = outputs(engine, asked)
        for prompt, truth in zip(
            asked.prompts, families.reference("qwen2_5_vl", asked), strict=True
        ):
            assert found[prompt.key][0] == [t for t in truth.tokens if t not in engine.stops]
        assert "its frames go through the vision tower together" in caplog.text
        caplog.clear()
        outputs(engine, asked)  # not tried again
        assert caplog.text == ""


class DeviceError(RuntimeError):
    """As torch's own of an accelerator."""


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), ModelError, "of memory on a short video"),
        (DeviceError("an illegal memory access"), DeviceError, "illegal"),
        (RuntimeError("The size of tensor a (4) must match"), None, ""),
        (NotImplementedError("no kernel"), None, ""),
    ],
)
def test_only_what_cannot_be_done_in_parts_is_passed_over(
    error: Exception, kind: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*given: Any) -> Any:
        raise error

    monkeypatch.setattr(Merging, "merged", failing)
    if kind is None:
        assert settings("qwen2_5_vl").load().merging is None
        return
    with pytest.raises(kind, match=said):
        settings("qwen2_5_vl").load()


def test_the_plan_s_tower_sees_a_few_frames_at_a_time() -> None:
    asked, as_pictures = settings("internvl"), settings("internvl", frames_as="images")
    few, many = asked.memory(100).activations, asked.memory(4000).activations
    text = (asked.clip_tokens(4000) + memory.TEXT) / (asked.clip_tokens(100) + memory.TEXT)
    assert many <= few * text
    assert as_pictures.memory(4000).activations > 2 * many


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_knows_pictures_by_their_sizes_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4,000 frames as pictures took 23 GB to count."""
    backend = settings(name, frames_as="images")
    prompts = sample().prompts[:2]
    made: list[bool] = []
    real = ProcessorWriter._all

    def noted(self: ProcessorWriter, of: Any, letters: bool, sizes: Any = None) -> Any:
        made.append(sizes is not None)
        return real(self, of, letters, sizes)

    monkeypatch.setattr(ProcessorWriter, "_all", noted)
    by_size = backend.count(prompts, 3), backend._writer.picture_sizes(3)

    assert made[-1] == (name not in ("video_llava", "molmo2"))  # which look at every pixel

    def seen(self: ProcessorWriter, prompts: Any, frames: int) -> Any:
        return self._all(plain_sample(frames, prompts), False)

    monkeypatch.setattr(ProcessorWriter, "_sizes", seen)
    assert (backend.count(prompts, 3), backend._writer.picture_sizes(3)) == by_size


@pytest.mark.parametrize("name", NAMES)
def test_letters_and_counts(name: str) -> None:
    asked = dataclasses.replace(sample(), prompts=sample().prompts[:2])
    backend = settings(name)
    for response in backend.generate([asked], Generation(letters=True)):
        assert isinstance(response, Response)
        assert set(response.probabilities or {}) == {"A", "B"}
    assert backend.count(asked.prompts, 2)[0] < backend.count(asked.prompts, 8)[0]


def test_a_kernel_that_is_refused_halfway_is_taken_back() -> None:
    chosen = ["sdpa"]

    class Model:
        config = SimpleNamespace(_attn_implementation="sdpa")

        def set_attn_implementation(self, name: str) -> None:
            chosen.append(name)
            if name == "eager":
                raise ValueError("no such kernel for one of its parts")

    with pytest.raises(ValueError, match="no such kernel"), proof.attention(Model(), "eager"):
        pass
    assert chosen[-1] == "sdpa"
