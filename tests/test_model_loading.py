"""What is checked before a model answers: files, pixels, tokens, templates, RoPE, pickles."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ModelError, RequestError
from harness.models.transformers import Transformers
from harness.models.transformers.checkpoint import fingerprint, locate
from harness.models.transformers.configuration import context_of, read_config
from harness.models.transformers.library import transformers
from harness.overrides import choices
from harness.types import Generation, Prompt, Question, Response, Text, Turn, Video
from tests import families
from tests.small_models import asked, backend, clip, save


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("vicuna"), "vicuna")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# ── where it is, and what names it ───────────────────────────────────────────────────────────


def test_a_checkpoint_that_is_not_on_disk_while_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "from harness.models.transformers import Transformers\n"
        "from harness.errors import ModelError\n"
        "try: Transformers('llava-hf/LLaVA-NeXT-Video-7B-hf', revision='abc').identity()\n"
        "except ModelError as error: print(error)\n"
    )
    env = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HF_ENDPOINT": "https://hub.example"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True
    )
    [line] = done.stdout.splitlines()
    assert "model.checkpoint=llava-hf/LLaVA-NeXT-Video-7B-hf (revision abc) is not on this" in line
    assert "https://hub.example/llava-hf/LLaVA-NeXT-Video-7B-hf" in line
    assert "model.checkpoint=FOLDER" in line


@pytest.mark.parametrize("name", ["/nowhere/at/all", "./here", "name", "a/b/c"])
def test_no_such_folder(name: str) -> None:
    with pytest.raises(ModelError, match="no such folder, and not a hub id"):
        locate(name)


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pickled weights only \(pytorch_model.bin\)"):
        backend(copy).load()


def test_no_weights_at_all(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no weights \(\*.safetensors\)"):
        backend(copy).load()
    assert backend(copy).count(asked("What?"), 2)  # the tokenizer is enough to plan


def test_a_weight_that_is_missing_is_not_made_up(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    gone = next(name for name in weights if name.endswith("linear_1.weight"))
    del weights[gone]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 weights, .*linear_1.weight for one"):
        backend(copy).load()


def test_damaged_or_incomplete_files(copy: Path) -> None:
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[:5000])
    with pytest.raises(ModelError, match=r"its weights are damaged .*fetch them again"):
        backend(copy).load()
    shards = {"weight_map": {"a": "model-1.safetensors", "b": "model.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(shards))
    with pytest.raises(ModelError, match=r"lacks 1 of its files of weights \(model-1"):
        backend(copy).load()
    (copy / "model.safetensors.index.json").unlink()
    (copy / "config.json").write_text("{")
    with pytest.raises(ModelError, match="is not JSON"):
        backend(copy).identity()


def test_no_code_of_a_checkpoint_is_run(copy: Path) -> None:
    trap = copy / "trap.py"
    trap.write_text("raise SystemExit('this ran')\nclass Trap: ...\n")
    edit(copy / "config.json", auto_map={"AutoConfig": "trap.Trap", "AutoModel": "trap.Trap"})
    edit(copy / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "trap.Trap"]})
    assert backend(copy).count(asked("What?"), 2)


def test_a_configuration_of_wrong_types(copy: Path) -> None:
    edit(copy / "config.json", text_config={"model_type": "llama", "hidden_size": "many"})
    with pytest.raises(ModelError, match="is not a checkpoint that can be read"):
        backend(copy).identity()


def test_a_folders_name_is_its_content(folder: Path, copy: Path) -> None:
    assert fingerprint(str(copy)) == fingerprint(str(folder))
    edit(copy / "config.json", comment="changed")
    assert fingerprint(str(copy)) != fingerprint(str(folder))
    with pytest.raises(ModelError, match=r"model.revision=main means nothing for the folder"):
        fingerprint(str(folder), "main")


def test_another_architecture(copy: Path) -> None:
    edit(copy / "config.json", model_type="qwen2_vl")
    with pytest.raises(
        ModelError,
        match=r"is a qwen2_vl; .*write model.frames_as=video",
    ):
        backend(copy).load()


# ── pixels and tokens ────────────────────────────────────────────────────────────────────────


def test_another_number_of_tokens_per_frame_is_refused(copy: Path) -> None:
    edit(
        copy / "preprocessor_config.json",
        size={"shortest_edge": 16},
        crop_size={"height": 16, "width": 16},
    )
    with pytest.raises(ModelError, match=r"frames of 16 px .* 1 tokens a frame.*trained with 4 at"):
        backend(copy).load()


def test_another_stride_is_refused_unless_meant(folder: Path) -> None:
    with pytest.raises(ModelError, match="with pooling stride 4 give 1 tokens a frame"):
        backend(folder, pool_stride=4).load()
    engine = backend(folder, pool_stride=4, tokens_per_frame=1).load()
    assert len(list(engine.generate([clip(0)], Generation(2)))) == 3


def test_max_pooling_is_another_answer(folder: Path) -> None:
    generation = Generation(max_new_tokens=8)
    average, most = (
        [r.text for r in backend(folder, pool_mode=mode).generate([clip(0)], generation)]  # type: ignore[union-attr]
        for mode in ("average", "max")
    )
    assert average != most


def test_newer_and_older_preprocessor_files_say_the_same(folder: Path, copy: Path) -> None:
    """Video settings come from their own file, a nested one, or the image's, in this order."""
    pixels = json.loads((copy / "preprocessor_config.json").read_text())
    expected = backend(folder).load().writer.preprocessor
    (copy / "video_preprocessor_config.json").write_text(json.dumps(pixels))
    edit(copy / "preprocessor_config.json", size={"shortest_edge": 20})
    assert backend(copy).load().writer.preprocessor.frame == expected.frame
    assert backend(copy).frame_size == 32
    for name in ("video_preprocessor_config.json", "preprocessor_config.json"):
        (copy / name).unlink()
    nested = {"image_processor": pixels, "video_processor": pixels | {"crop_size": 32}}
    (copy / "processor_config.json").write_text(json.dumps(nested))
    assert backend(copy).load().writer.preprocessor == expected
    (copy / "processor_config.json").unlink()
    with pytest.raises(ModelError, match="does not say how its frames are prepared"):
        backend(copy).load()


def test_frames_are_resized_cropped_and_normalised(folder: Path) -> None:
    engine = backend(folder).load()
    frames = np.zeros((2, 48, 96, 3), np.uint8)
    frames[1, :, 24:72] = 255  # the square that is kept
    values = engine.writer.preprocessor.frames(frames)
    assert values.shape == (2, 3, 32, 32)
    mean, std = np.array([0.48, 0.46, 0.41]), np.array([0.27, 0.26, 0.28])
    assert np.allclose(values[0, :, 5, 5], -mean / std, atol=1e-5)
    assert np.allclose(values[1, :, 16, 16], (1 - mean) / std, atol=1e-5)


def test_frames_already_at_the_shortest_edge_are_left_alone(folder: Path) -> None:
    engine = backend(folder).load()
    frame = np.random.default_rng(0).integers(0, 256, (1, 32, 40, 3), dtype=np.uint8)
    values = engine.writer.preprocessor.frames(frame)[0].permute(1, 2, 0).numpy()
    mean, std = np.array([0.48, 0.46, 0.41]), np.array([0.27, 0.26, 0.28])
    assert np.allclose((values * std + mean) * 255, frame[0, :, 4:36], atol=1e-3)


def test_pixels_are_those_of_the_real_video_processor(folder: Path) -> None:
    pytest.importorskip("torchvision", exc_type=ImportError)
    import torch
    from transformers import LlavaNextVideoVideoProcessor

    pixels = backend(folder).load().writer.preprocessor
    frames = clip(0, size=(72, 128)).frames.pixels
    theirs = LlavaNextVideoVideoProcessor(**pixels.frame)(
        torch.from_numpy(frames).permute(0, 3, 1, 2), return_tensors="pt"
    )["pixel_values_videos"][0]
    ours = pixels.frames(frames)
    assert float((ours - theirs).abs().max()) < 0.05
    assert float((ours - theirs).abs().mean()) < 2e-3


def test_every_anyres_size_takes_as_many_tokens_as_the_model_makes(folder: Path) -> None:
    engine = backend(folder, frames_as="anyres").load()
    for size in ((32, 32), (20, 70), (70, 20), (33, 61), (200, 190), (9, 100)):
        [answer] = engine.generate([clip(0, asked("What?"), 1, size)], Generation(1))
        assert isinstance(answer, Response)


def test_a_tokenizer_without_the_video_token(copy: Path) -> None:
    edit(copy / "config.json", video_token_index=7)
    with pytest.raises(ModelError, match=r"its tokenizer reads <video> as \[259\].*expects \[7\]"):
        backend(copy).load()


# ── prompts ──────────────────────────────────────────────────────────────────────────────────


def rendered(folder: Path, *turns: Turn, **settings: object) -> str:
    writer = backend(folder, **settings)._writer
    return writer.render(Prompt(Question("q", "?"), turns), 2)


def test_prompts_have_the_checkpoints_form(folder: Path, tmp_path: Path) -> None:
    ask = Turn("user", (Video(), Text("What?")))
    assert rendered(folder, ask) == "USER: <video>\nWhat? ASSISTANT:"
    assert rendered(folder, ask, Turn("assistant", (Text("Best:("),))).endswith(
        "What? ASSISTANT: Best:("
    )
    assert rendered(folder, ask, system="Look.") == "Look. USER: <video>\nWhat? ASSISTANT:"
    own = Turn("system", (Text("Watch."),))
    assert rendered(folder, own, ask, system="Look.").startswith("Watch. USER:")
    assert rendered(folder, ask, frames_as="anyres") == "USER: <image>\n<image>\nWhat? ASSISTANT:"
    mistral = save(tmp_path / "mistral", "mistral")
    assert rendered(mistral, ask, system="Look.") == "[INST] Look.\n<video>\nWhat? [/INST]"
    yi = save(tmp_path / "yi", "yi")
    assert rendered(yi, ask) == (
        "<|im_start|>user\n<video>\nWhat?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_inline_mark_is_where_the_template_itself_puts_the_video(folder: Path) -> None:
    writer = backend(folder)._writer
    typed = [{"role": "user", "content": [{"type": "text", "text": "What?"}, {"type": "video"}]}]
    theirs = writer.tokenizer.apply_chat_template(
        typed, chat_template=writer.template.template, tokenize=False, add_generation_prompt=True
    )
    assert rendered(folder, Turn("user", (Video(), Text("What?")))) == theirs


def test_a_template_is_given_what_it_reads_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    """A setting that it reads nowhere would be ignored; where that cannot be told, none is
    refused."""
    file = tmp_path / "mine.jinja"
    said = "{% for m in messages %}Q {{ m['content'][0]['text'] }}{% endfor %} A"
    file.write_text("{% if enable_thinking is defined %}!{% endif %}" + said)
    ask = Turn("user", (Video(), Text("What?")))
    own = {"chat_template": str(file)}
    assert rendered(folder, ask, **own, template_settings={"enable_thinking": False})[0] == "!"
    for name, hint in (("enable_thinkin", "; nearest: enable_thinking"), ("y", "")):
        with pytest.raises(ModelError) as caught:
            rendered(folder, ask, **own, template_settings={name: True})
        assert str(caught.value) == (
            f"model.template_settings.{name}: this checkpoint's chat template reads nothing of "
            f"this name{hint}"
        )
    file.write_text(f"{{% generation %}}{said}{{% endgeneration %}}")  # transformers' own tag
    assert rendered(folder, ask, **own, template_settings={"y": 1}).startswith("Q <video>")


def test_a_template_from_a_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text("{% for m in messages %}Q {{ m['content'][0]['text'] }}{% endfor %} A")
    ask = Turn("user", (Video(), Text("What?")))
    assert rendered(folder, ask, chat_template=str(file)) == "Q <video>\nWhat? A"
    before = backend(folder, chat_template=str(file)).identity()
    file.write_text("{% for m in messages %}{{ m['role'] }}{% endfor %}")
    assert backend(folder, chat_template=str(file)).identity() != before
    with pytest.raises(
        ModelError, match=r"template does not say each part of question q once \('<video>"
    ):
        rendered(folder, ask, chat_template=str(file))
    with pytest.raises(ModelError, match="no such file"):
        rendered(folder, ask, chat_template=str(tmp_path / "none.jinja"))


def test_one_beginning_of_sequence_not_two(folder: Path) -> None:
    writer = backend(folder)._writer
    assert writer.encode("<s>USER: What?").count(256) <= 1


# ── context and memory ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rope", "frames", "context"),
    [
        ("checkpoint", 8, 2560),
        ("none", 8, 1024),
        ("linear:4", 8, 4096),
        ("auto", 6, 1024),  # 6 x 4 + 1000 = 1024 just fits
        ("auto", 7, 2048),
        ("auto", 300, 3072),
    ],
)
def test_rope_scaling(folder: Path, rope: str, frames: int, context: int) -> None:
    settings = backend(folder, rope_scaling=rope, frames=frames)
    assert settings.memory(frames).context == context
    assert settings.load().context == context


def test_an_unknown_rope_scaling(folder: Path) -> None:
    with pytest.raises(RequestError, match="write checkpoint, none, linear:F or auto"):
        backend(folder, rope_scaling="double").identity()


@pytest.mark.parametrize("frames", [1, 2, 21, 22, 32, 49, 50, 56, 78, 100])
def test_auto_is_the_original_codes_rule(folder: Path, frames: int) -> None:
    """Worked examples of the source: up to 21 frames 1, to 49: 2, to 78: 3, 100: 4."""
    settings = Transformers(str(folder), rope_scaling="auto", frames=frames)
    config = read_config(settings, folder)
    config.text_config.max_position_embeddings = 4096
    from harness.models.transformers.configuration import scale_rope

    scale_rope(config.text_config, settings)
    expected = 1 if frames <= 21 else 2 if frames <= 49 else 3 if frames <= 78 else 4
    assert context_of(config) == 4096 * expected


def test_memory_is_counted_without_weights(folder: Path) -> None:
    settings = backend(folder)
    needed = settings.memory(8)
    model = settings.load().model
    assert needed.weights == sum(p.numel() * 4 for p in model.parameters())
    assert needed.kv_per_token == 2 * 3 * 4 * 16 * 4
    clips = 1000 * needed.in_flight * needed.kv_per_token
    assert needed.total(1000) == needed.weights + needed.activations + clips
    assert backend(folder, quantization="nf4").memory(8).weights < needed.weights / 2


def test_counted_tokens_are_those_asked(folder: Path) -> None:
    watched = clip(0)
    engine = backend(folder).load()
    lengths = [len(b.written.tokens) for b in engine.write(watched, Generation()).branches]
    assert backend(folder).count(watched.prompts, 6) == lengths
    small, large = (backend(folder, frames_as="anyres").count(asked("?"), n)[0] for n in (1, 2))
    assert large - small > 4


# ── extras, processes, configuration ─────────────────────────────────────────────────────────


def test_a_missing_extra_is_named(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"needs flash-attn .*harness\[flash\]"):
        backend(folder, attention="flash_attention_2").load()
    with pytest.raises(ModelError, match=r"quantization=nf4 needs bitsandbytes.*harness\[quant\]"):
        backend(folder, quantization="nf4").load()


def test_another_process_gets_the_settings_not_the_model(folder: Path) -> None:
    settings = backend(folder)
    settings.load()
    again = pickle.loads(pickle.dumps(settings))
    assert again == settings
    assert "_engine" not in vars(again)


def test_importing_and_composing_load_no_torch() -> None:
    script = (
        "import sys; from harness.config import compose; compose(['model=tiny_video'])\n"
        "import harness.doctor, harness.models.transformers.memory\n"
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_every_model_is_data_that_composes() -> None:
    from harness.config import compose

    names = choices("model")
    assert {"tiny_video", "llava_next_image", "llava_next_video_34b_dpo"} <= set(names)
    for name in set(names) - {"hosted"}:  # a server's, which has no checkpoint here
        named = ["model.checkpoint=owner/name"] if name == "hub" else []
        backend = compose([f"model={name}", "frames=32", *named]).backend
        assert isinstance(backend, Transformers)
        tiny = name.startswith("tiny") and not backend.by_processor
        assert backend.tokens_per_frame == (4 if tiny else 144)
        assert backend.frames == 32


@pytest.mark.parametrize("name", ["greedy", "letters", "sample", "beam"])
def test_every_decoding_composes(name: str) -> None:
    from harness.config import compose

    generation = compose([f"generation={name}"]).generation
    assert generation.letters == (name == "letters")
    assert generation.temperature == (0.2 if name == "sample" else 0)


def test_rope_scaling_as_older_files_spell_it(copy: Path) -> None:
    """As in LLaVA-NeXT-Video-7B-hf: {"factor": 2.5, "type": "linear"}; an earlier commit of it had
    the two keys beside, not in, ``rope_scaling``, where they do nothing."""
    text = json.loads((copy / "config.json").read_text())["text_config"]
    del text["rope_parameters"]
    inside = text | {"rope_theta": 1e4, "rope_scaling": {"factor": 2.5, "type": "linear"}}
    edit(copy / "config.json", text_config=inside)
    assert backend(copy).memory(8).context == 2560
    edit(copy / "config.json", text_config=text | {"factor": 2.0, "type": "linear"})
    assert backend(copy).memory(8).context == 1024


def test_a_hub_checkpoint_is_named_by_its_commit(folder: Path, tmp_path: Path) -> None:
    """A copy in the hub's cache is found while offline; the tag in the request is resolved."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "models--owner--name"
    shutil.copytree(folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "v1").write_text(commit)
    script = (
        "from harness.models.transformers import Transformers\n"
        "settings = Transformers('owner/name', 'v1', tokens_per_frame=4)\n"
        "print(settings.identity()['commit'], settings.identity()['checkpoint'])\n"
        "print(len(settings.load().stops))"
    )
    env = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path), "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env)
    assert done.stdout.split() == [commit, "owner/name", "1"], done.stderr


@pytest.mark.parametrize("kind", ["llama", "whisper"])
def test_a_model_that_sees_nothing_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    blind = Transformers(str(tmp_path), frames_as="video", dtype="float32", device="cpu")
    with pytest.raises(ModelError, match=f"is a {kind}: transformers knows no model of it that s"):
        blind.memory(8)


def test_weights_of_other_shapes_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(families.build("qwen2_5_vl"), folder)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["intermediate_size"] += 8
    (folder / "config.json").write_text(json.dumps(config))
    other = Transformers(str(folder), frames_as="video", dtype="float32", device="cpu")
    with pytest.raises(ModelError, match="weights have other shapes than"):
        other.load()


def test_weights_that_do_not_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(
        transformers.LlavaNextVideoForConditionalGeneration, "from_pretrained", full
    )
    with pytest.raises(ModelError, match="do not fit the device's memory"):
        backend(folder).load()
