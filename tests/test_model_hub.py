"""Any checkpoint of the hub: run as its own ``generate`` does, or refused in one line."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.errors import ModelError, RequestError
from harness.models.transformers import Transformers, torchvision
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.plain import generate, placed
from harness.models.transformers.proof import examine
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
from tests import families
from tests.test_model_families import LONG, leak, move, outputs, sample, settings, widen

pytestmark = pytest.mark.skipif(
    not torchvision.available(), reason="needs the extra video-families (make test installs it)"
)

SHORT = Generation(max_new_tokens=2)
STILL = np.random.default_rng(5).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def unnamed(name: str, **given: Any) -> Transformers:
    made = {"frames_as": families.UNNAMED[name].frames_as, "dtype": "float32", "device": "cpu"}
    return Transformers(str(families.build(name)), **(made | given))


def copy(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(families.build(name), tmp_path / name))


def at(folder: Path, **given: Any) -> Transformers:
    made = {"frames_as": "video", "dtype": "float32", "device": "cpu"} | given
    return Transformers(str(folder), **made)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def asking(*turns: tuple[Any, ...], times: Any = None) -> Sample:
    """A clip of four frames, each question of these parts."""
    one = sample(frames=4)
    prompts = tuple(
        Prompt(Question(f"q{i}", "?", ("red", "blue")), (Turn("user", parts),))
        for i, parts in enumerate(turns)
    )
    assert one.frames is not None
    shown = one.frames if times is None else dataclasses.replace(one.frames, times=times)
    return dataclasses.replace(one, frames=shown, prompts=prompts)


# ── families that no YAML names ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", families.UNNAMED)
def test_what_no_yaml_names_is_run_as_generate_does(name: str) -> None:
    engine = unnamed(name, in_flight=2).load()  # past the self-test
    clips = [sample(0), sample(1, 4)]
    found = outputs(engine, *clips)
    assert len(found) == 6
    for clip in clips:
        for branch in engine.write(clip, LONG).branches:
            given = branch.written.inputs
            tokens, logits = generate(engine.model, given, LONG, branch.limit, engine.stops)
            ours, first = found[branch.prompt.key]
            assert ours == tokens
            assert float((first - logits).abs().max()) < 1e-5 * float(logits.std())


@pytest.mark.parametrize("times", [[0.0, 0.25, 0.5, 0.75], [1.0, 4.0, 5.0, 10.0]])
def test_a_rate_that_a_processor_takes_from_its_call_is_the_frames_own(times: list[float]) -> None:
    """Qwen-Omni's processors assume 2 (or 1) frames a second where the call does not say it."""
    one = asking((Video(), Text("What?")), times=np.array(times))
    [branch] = unnamed("qwen2_5_omni").load().write(one, SHORT).branches
    step = 2 * (times[-1] - times[0]) / 3
    assert float(branch.written.inputs["video_second_per_grid"][0]) == pytest.approx(step)
    assert branch.written.told_times == (f"{step:g} s a step of positions",)


def test_two_rates_where_a_processor_knows_one() -> None:
    parts = (Video(0, 2), Text("then"), Video(2, 4), Text("?"))
    one = asking(parts, times=np.array([0.0, 0.5, 10.0, 14.0]))
    [failure] = unnamed("qwen2_5_omni").generate([one], SHORT)
    assert isinstance(failure, Failure)
    assert "show videos of one rate in a prompt" in failure.reason


def test_an_encoder_with_a_decoder_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "florence"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "florence2"}))
    with pytest.raises(ModelError, match="florence2, an encoder with a decoder"):
        at(folder).count([], 4)


def test_a_processor_of_pictures_is_not_asked_for_a_video() -> None:
    with pytest.raises(ModelError, match=r"no video: write model\.frames_as=images"):
        settings("gemma3", frames_as="video").count([], 4)


# ── what is said of time ─────────────────────────────────────────────────────────────────────


def test_the_length_that_is_told_is_the_whole_videos() -> None:
    """Four frames from the first to the last second of eleven minutes are not from fifteen."""
    one = asking((Video(), Text("What?")), times=np.array([0.0, 220.0, 440.0, 660.0]))
    assert one.info is not None
    one = dataclasses.replace(one, info=dataclasses.replace(one.info, duration=661.0))
    [branch] = settings("smolvlm").load().write(one, SHORT).branches
    assert "four frames from a 0:11:01 [H:MM:SS] video" in branch.written.told_times[0]


# ── prompts of other kinds ───────────────────────────────────────────────────────────────────


AXES = [("qwen2_5_vl", "packed"), ("qwen2_5_vl", "copied")]
COPIED = [(name, "auto") for name in ("qwen3_5", "minicpmv4_6")]
PICTURES = [(name, "auto") for name in ("gemma3", "gemma3n", "idefics3", "mistral3", "ovis2")]


@pytest.mark.parametrize(("name", "how"), [*AXES, *COPIED, *PICTURES])
def test_text_alone_beside_videos(name: str, how: str) -> None:
    turns = ((Video(), Text("What?")), (Text("Two and two?"),), (Video(), Text("How many?")))
    engine = settings(name, sharing=how, in_flight=2).load()
    clips = [asking(*turns), sample(1)]
    found = outputs(engine, *clips)
    for branch in engine.write(clips[0], LONG).branches:
        given = branch.written.inputs
        tokens, _ = generate(engine.model, given, LONG, branch.limit, engine.stops)
        assert found[branch.prompt.key][0] == tokens


@pytest.mark.parametrize(("name", "beams"), [("glm4v", 1), ("smolvlm", 2)])
def test_a_prompt_that_the_models_own_forward_refuses_fails_alone(name: str, beams: int) -> None:
    """These take no still picture beside a video."""
    turns = ((Video(), Text("What?")), (Video(), Image(STILL), Text("Which?")))
    generation = Generation(max_new_tokens=2, beams=beams)
    failure, response = settings(name).generate([asking(*turns)], generation)
    assert isinstance(response, Response)
    assert response.question == "q0"
    assert isinstance(failure, Failure)
    assert (failure.question, failure.stage) == ("q1", "model")
    assert failure.reason.startswith("the model's own forward refuses the prompt: ")


def test_what_the_processor_refuses_is_that_prompts_failure() -> None:
    one = sample(frames=1)  # Qwen3-VL's takes two frames at least
    backend = settings("qwen3_vl")
    found = list(backend.generate([one], SHORT))
    assert len(found) == 3
    for failure in found:
        assert isinstance(failure, Failure)
        assert "processor refuses what is shown: t:1 must be larger" in failure.reason
    with pytest.raises(ModelError, match="t:1 must be larger"):  # and the plan says so
        backend.count(one.prompts, 1)
    assert len(backend.count(one.prompts, 2)) == 3


@pytest.mark.parametrize(("name", "mark"), [("molmo2", "<im_patch>"), ("gemma3", "<|im_end|>")])
def test_a_token_that_only_its_file_marks_as_special_is_text(name: str, mark: str) -> None:
    engine = settings(name).load()
    ids = engine.writer.tokenizer.convert_tokens_to_ids(mark)
    asked = asking((Video(), Text(f"what is {mark}?")), (Video(), Text("what is it?")))
    hostile, plain = engine.write(asked, SHORT).branches
    assert (hostile.written.tokens == ids).sum() == (plain.written.tokens == ids).sum()
    assert hostile.written.notes


# ── chat templates ───────────────────────────────────────────────────────────────────────────

TEMPLATE = "{% for m in messages %}{% for c in m['content'] %}%s{% endfor %}{% endfor %}"


def test_a_template_that_shows_a_picture_for_the_video(tmp_path: Path) -> None:
    folder = copy("qwen3_vl", tmp_path)
    shows = "{% if c['type'] == 'video' %}<|image_pad|>{% else %}{{ c['text'] }}{% endif %}"
    (folder / "chat_template.jinja").write_text(TEMPLATE.replace("%s", shows))
    with pytest.raises(ModelError, match=r"<\|image_pad\|> tokens in the text but no images"):
        at(folder).count(sample().prompts, 4)


def test_a_template_that_fails_as_python_does(tmp_path: Path) -> None:
    folder = copy("qwen3_vl", tmp_path)
    (folder / "chat_template.jinja").write_text(TEMPLATE.replace("%s", "{{ m['content'] + 'x' }}"))
    with pytest.raises(ModelError, match="can only concatenate list"):
        at(folder).count(sample().prompts, 4)


def test_a_template_that_says_a_question_twice(tmp_path: Path) -> None:
    folder = copy("qwen3_vl", tmp_path)
    shows = "{% if c['type'] == 'video' %}<|video_pad|>{% else %}{{ c['text'] * 2 }}{% endif %}"
    (folder / "chat_template.jinja").write_text(TEMPLATE.replace("%s", shows))
    with pytest.raises(ModelError, match="does not say each part of question 0/0 once"):
        at(folder).count(sample().prompts, 4)


@pytest.mark.parametrize("several", [False, True])
def test_the_tokenizers_own_template(tmp_path: Path, several: bool) -> None:
    folder = copy("qwen3_vl", tmp_path)
    text = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    default, other = {"name": "default", "template": text}, {"name": "tool_use", "template": "-"}
    edit(folder / "tokenizer_config.json", chat_template=[other, default] if several else text)
    asked = sample().prompts
    assert at(folder).count(asked, 4) == settings("qwen3_vl").count(asked, 4)


# ── files that do not belong together ────────────────────────────────────────────────────────


def test_an_adapter_is_not_left_out(tmp_path: Path) -> None:
    """Beside a whole model too: its base would be scored under its name."""
    folder = copy("internvl", tmp_path)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "ORG/BASE"}')
    with pytest.raises(ModelError, match=r"holds an adapter .* base \(ORG/BASE\)"):
        at(folder).identity()


def test_a_tokenizer_of_another_model(tmp_path: Path) -> None:
    folder = copy("internvl", tmp_path)
    tokens = json.loads((folder / "tokenizer.json").read_text())
    tokens["model"]["vocab"] = {k: v + 400 for k, v in tokens["model"]["vocab"].items()}
    (folder / "tokenizer.json").write_text(json.dumps(tokens))
    with pytest.raises(ModelError, match="weights do not belong together"):
        at(folder).load()


@pytest.mark.parametrize("beams", [1, 2])
def test_tokens_that_a_checkpoint_must_never_say(
    tmp_path: Path, beams: int, caplog: pytest.LogCaptureFixture
) -> None:
    plain = [
        r.text for r in settings("qwen2_5_vl").generate([sample()], LONG) if hasattr(r, "text")
    ]
    tokens = settings("qwen2_5_vl").load().writer.tokenizer
    said = sorted(
        {i for text in plain for i in tokens(text, add_special_tokens=False)["input_ids"]}
    )
    folder = copy("qwen2_5_vl", tmp_path)
    edit(
        folder / "generation_config.json",
        suppress_tokens=[*said[:4], 10**6],
        no_repeat_ngram_size=3,
    )
    engine = at(folder).load()
    assert "no_repeat_ngram_size of its generation_config.json is not applied" in caplog.text
    generation = Generation(max_new_tokens=8, beams=beams)
    for clip in engine.run([sample()], generation):
        for branch in clip.branches:
            given = placed(engine.model, branch.written.inputs)
            whole = engine.model.generate(
                **given,
                do_sample=False,
                num_beams=beams,
                max_new_tokens=8,
                suppress_tokens=said[:4],
                eos_token_id=sorted(engine.stops),
            )
            length = len(branch.written.tokens)
            theirs = [t for t in whole[0, length:].tolist() if t not in engine.stops]
            assert branch.output_ids == theirs
            assert not set(theirs) & set(said[:4])
    assert examine(engine, [sample()], LONG, "small").sound


@pytest.mark.parametrize("beams", [1, 2])
def test_a_checkpoint_that_names_no_end_of_an_answer(
    tmp_path: Path, beams: int, caplog: pytest.LogCaptureFixture
) -> None:
    folder = copy("internvl", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    edit(folder / "config.json", text_config={**config["text_config"], "eos_token_id": None})
    edit(folder / "config.json", eos_token_id=None)
    edit(folder / "generation_config.json", eos_token_id=None)
    edit(folder / "tokenizer_config.json", eos_token=None)
    backend = at(folder)
    answers = list(backend.generate([sample()], Generation(max_new_tokens=8, beams=beams)))
    assert [answer.finish for answer in answers if isinstance(answer, Response)] == ["length"] * 3
    assert "no file names a token that ends an answer" in caplog.text
    assert examine(backend.load(), [sample()], LONG, "small").sound


def test_weights_that_are_no_numbers(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = copy("internvl", tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["language_model.lm_head.weight"][:] = torch.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="its logits are not numbers"):
        at(folder).load()


def test_an_attention_that_its_class_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        at(families.build("internvl"), attention="nonsense").load()


# ── RoPE ─────────────────────────────────────────────────────────────────────────────────────


def test_scaling_keeps_a_ropes_axes() -> None:
    backend = settings("qwen3_vl", rope_scaling="linear:2")
    rope = backend.load().model.config.get_text_config().rope_parameters
    assert (rope["rope_type"], rope["factor"]) == ("linear", 2.0)
    assert (rope["mrope_section"], rope["mrope_interleaved"]) == ([2, 3, 3], True)


@pytest.mark.parametrize(
    ("name", "rope", "said"),
    [("qwen3_vl", "auto", "counts LLaVA-NeXT's"), ("gemma3", "linear:2", "no one RoPE")],
)
def test_a_scaling_that_means_nothing(name: str, rope: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        settings(name, rope_scaling=rope).count([], 4)


# ── the self-test ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["qwen3_vl", "gemma3", "internvl"])
@pytest.mark.parametrize("mistake", [leak, move])
def test_the_self_test_finds_mistakes_in_half_precision(
    name: str, mistake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(name, dtype="bfloat16").load()
    mistake(monkeypatch)
    with pytest.raises(ModelError, match=r"logits differ by [0-9.]+ of their deviation"):
        settings(name, dtype="bfloat16").load()


def test_the_self_test_finds_a_window_longer_than_its_prompts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy("gemma3", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["sliding_window"] = 2048
    (folder / "config.json").write_text(json.dumps(config))
    engine = at(folder, frames_as="images").load()
    assert engine.model.config.get_text_config().sliding_window == 2048
    widen(monkeypatch)
    with pytest.raises(ModelError, match=r"logits differ by [0-9.]+ of their deviation"):
        at(folder, frames_as="images").load()


@pytest.mark.parametrize("name", ["qwen2_5_vl", "internvl"])
def test_the_self_test_finds_what_is_wrong_behind_the_prompt_only(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Decoder.step

    def moved(self: Decoder, segments: Any, tokens: Any, positions: Any) -> Any:
        return real(self, segments, tokens, positions + 7)

    monkeypatch.setattr(Decoder, "step", moved)
    with pytest.raises(ModelError, match=r"logits differ by [0-9.]+ of their deviation"):
        settings(name).load()


def test_the_self_test_finds_numbers_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Decoder.head
    monkeypatch.setattr(Decoder, "head", lambda self, hidden: real(self, hidden) * torch.nan)
    with pytest.raises(ModelError, match="logits differ by nan"):
        settings("internvl").load()


# ── the processor's settings ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("processor", "said"),
    [
        (
            {"videos_kwargs": {"sizee": 1}},
            r"videos_kwargs\.sizee: .* no such setting; nearest: size",
        ),
        ({"vidoes_kwargs": {"size": 1}}, r"vidoes_kwargs: no such part; nearest: videos_kwargs"),
    ],
)
def test_a_setting_that_the_processor_does_not_know(processor: Any, said: str) -> None:
    with pytest.raises(ModelError, match=rf"^model\.processor\.{said}"):
        settings("qwen2_5_vl", processor=processor).write(sample())


def test_a_setting_of_a_processor_that_is_not_used(tmp_path: Path) -> None:
    model = Transformers("harness/demo/checkpoints/tiny_video", processor={"do_resize": False})
    with pytest.raises(ModelError, match=r"^model\.processor: frames shown as pooled_video go"):
        model.write(sample())
