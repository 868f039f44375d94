"""A checkpoint to a model that is what it claims to be: checked here, not found in the scores."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.models.transformers.checkpoint import read_json
from harness.models.transformers.pixels import Preprocessor, read_preprocessor
from harness.models.transformers.prompts import IMAGE, VIDEO, Writer
from harness.errors import ModelError, RequestError

if TYPE_CHECKING:
    from harness.models.transformers import Transformers

MARGIN = 1000  # tokens that the original code leaves for the text beside the frames


def identify(settings: Transformers, folder: Path, config: Any) -> dict[str, Any]:
    """What decides the answers beside the checkpoint's files."""
    names = ("frames_as", "tokens_per_frame", "pool_stride", "pool_mode", "system", "dtype")
    also = ("attention", "quantization", "allow_overflow")
    template = settings.chat_template
    if template != "checkpoint":
        template = hashlib.sha256(_template(template, folder, None).encode()).hexdigest()
    return {
        **{name: getattr(settings, name) for name in (*names, *also)},
        "rope": dict(config.text_config.rope_parameters),
        "chat_template": template,
    }


def read_config(settings: Transformers, folder: Path) -> Any:
    """The checkpoint's configuration as LlavaNextVideo's, with the requested pooling and RoPE.

    An image-only LLaVA-NeXT becomes the video architecture with the same weights: what its video
    path adds (average pooling by the stride) has none. Raises ModelError and RequestError.
    """
    from transformers import AutoConfig, LlavaNextVideoConfig

    kind = read_json(folder, "config.json").get("model_type")
    if kind not in ("llava_next", "llava_next_video"):
        raise ModelError(f"{folder} is a {kind}; this backend runs llava_next(_video) models")
    config: Any = _read(AutoConfig, folder)
    if kind == "llava_next":
        shared = LlavaNextVideoConfig().to_dict().keys() & config.to_dict().keys()
        kept = {
            key: getattr(config, key)
            for key in shared - {"model_type", "architectures", "transformers_version"}
        }
        config = LlavaNextVideoConfig(**kept, video_token_index=-1)
    config.spatial_pool_stride = settings.pool_stride
    config.spatial_pool_mode = settings.pool_mode
    scale_rope(config.text_config, settings)
    window = getattr(config.text_config, "sliding_window", None)
    if window is not None and window < context_of(config):
        raise ModelError(f"{folder} attends in a sliding window of {window}: not supported")
    return config


def scale_rope(text: Any, settings: Transformers) -> None:
    """Applies ``rope_scaling``: checkpoint | none | linear:F | auto. Raises RequestError.

    ``auto`` is the original code's rule for frames beyond the trained context: a linear factor of
    ceil((frames x tokens + 1000) / context), if that is at least 2.
    """
    if settings.rope_scaling == "checkpoint":
        return
    factor = 1.0
    if settings.rope_scaling == "auto":
        needed = settings.frames * settings.tokens_per_frame + MARGIN
        factor = float(math.ceil(needed / text.max_position_embeddings))
    elif found := re.fullmatch(r"linear:(\d+(\.\d+)?)", settings.rope_scaling):
        factor = float(found[1])
    elif settings.rope_scaling != "none":
        raise RequestError(
            f"model.rope_scaling={settings.rope_scaling}: write checkpoint, none, linear:F or auto"
        )
    rope = {"rope_type": "default", "rope_theta": text.rope_parameters["rope_theta"]}
    if factor > 1:
        rope |= {"rope_type": "linear", "factor": factor}
    text.rope_parameters = rope


def context_of(config: Any) -> int:
    """The model's length in tokens after RoPE scaling."""
    text = config.text_config
    return int(text.max_position_embeddings * (text.rope_parameters.get("factor") or 1.0))


def read_pixels(settings: Transformers, folder: Path, config: Any) -> Preprocessor:
    """The checkpoint's pixel settings. Raises ModelError when they do not give the tokens per
    frame that the model was trained with: 224 px (a class default) makes 64 of 144."""
    pixels = read_preprocessor(folder, [tuple(p) for p in config.image_grid_pinpoints])
    patches = pixels.side // config.vision_config.patch_size
    tokens = (patches // settings.pool_stride) ** 2
    if tokens != settings.tokens_per_frame or pixels.side != config.vision_config.image_size:
        raise ModelError(
            f"{folder}: frames of {pixels.side} px with pooling stride {settings.pool_stride} give "
            f"{tokens} tokens a frame, the model was trained with {settings.tokens_per_frame} at "
            f"{config.vision_config.image_size} px: correct video_preprocessor_config.json "
            "(or model.tokens_per_frame, for another stride on purpose)"
        )
    return pixels


def read_writer(settings: Transformers, folder: Path, config: Any) -> Writer:
    """The tokenizer and chat template. Sets the video token of an image-only model. Raises
    ModelError when there is no chat template or no video token."""
    from transformers import AutoTokenizer

    from harness.models.transformers.vision import anyres_tokens

    tokenizer: Any = _read(AutoTokenizer, folder)
    if config.video_token_index < 0:
        tokenizer.add_tokens([VIDEO], special_tokens=True)
        config.video_token_index = tokenizer.convert_tokens_to_ids(VIDEO)
    for mark, expected in ((VIDEO, config.video_token_index), (IMAGE, config.image_token_index)):
        found = tokenizer(mark, add_special_tokens=False)["input_ids"]
        if found != [expected]:
            raise ModelError(
                f"{folder}: its tokenizer reads {mark} as {found}, the model expects [{expected}]"
            )
    return Writer(
        tokenizer=tokenizer,
        template=_template(settings.chat_template, folder, tokenizer),
        video_id=config.video_token_index,
        image_id=config.image_token_index,
        tokens_per_frame=settings.tokens_per_frame,
        anyres_tokens=lambda height, width: anyres_tokens(config, height, width),
        frames_as=settings.frames_as,
        system=settings.system,
    )


def stop_tokens(folder: Path, config: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer, by the checkpoint's files taken together."""
    named = [
        read_json(folder, "generation_config.json").get("eos_token_id"),
        config.text_config.eos_token_id,
        tokenizer.eos_token_id,
    ]
    flat = [i for name in named for i in (name if isinstance(name, list) else [name])]
    return frozenset(i for i in flat if i is not None)


def load_model(settings: Transformers, folder: Path, config: Any) -> Any:
    """The weights, on their device. Raises ModelError when an extra is missing, or when the files
    lack a weight (it would be random)."""
    import transformers
    from safetensors import SafetensorError
    from transformers.utils import logging

    untyped: Any = transformers
    quiet: Any = logging
    quiet.disable_progress_bar()  # it would cut through the run's own
    try:
        model, found = untyped.LlavaNextVideoForConditionalGeneration.from_pretrained(
            folder,
            config=config,
            dtype=settings.dtype,
            attn_implementation=settings.attention,
            quantization_config=_quantization(settings),
            device_map=settings.device_map or {"": settings.resolved_device()},
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except ImportError as error:
        raise ModelError(_missing_extra(settings, error)) from error
    except SafetensorError as error:
        raise ModelError(
            f"{folder}: its weights are damaged ({error}): fetch them again"
        ) from error
    _check_complete(folder, found["missing_keys"])
    if config.video_token_index >= model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(config.video_token_index + 1)
    # decoding is the request's: nothing of a checkpoint's own sampling may leak in
    model.generation_config = untyped.GenerationConfig()
    return model.eval()


def _check_complete(folder: Path, missing: Collection[str]) -> None:
    if missing:
        raise ModelError(
            f"{folder} lacks {len(missing)} weights, {min(missing)} for one: they would be random"
        )


def _read(kind: Any, folder: Path) -> Any:
    """What transformers reads from a folder, without running code that lies in it."""
    from huggingface_hub.errors import StrictDataclassError

    try:
        return kind.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (ValueError, KeyError, OSError, StrictDataclassError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{folder} is not a checkpoint that can be read: {reason}") from error


def _template(chosen: str, folder: Path, tokenizer: Any) -> str:
    if chosen != "checkpoint":
        path = Path(chosen).expanduser()
        if not path.is_file():
            raise ModelError(f"model.chat_template={chosen}: no such file (or write checkpoint)")
        return path.read_text(encoding="utf-8")
    jinja = folder / "chat_template.jinja"
    if jinja.is_file():
        return jinja.read_text(encoding="utf-8")
    template = read_json(folder, "chat_template.json").get("chat_template")
    template = template or tokenizer.chat_template
    if not isinstance(template, str):
        raise ModelError(f"{folder} has no chat template: write model.chat_template=FILE")
    return template


def _quantization(settings: Transformers) -> Any:
    if settings.quantization == "none":
        return None
    import torch
    import transformers

    untyped: Any = transformers
    if settings.quantization == "int8":
        return untyped.BitsAndBytesConfig(load_in_8bit=True)
    return untyped.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=getattr(torch, settings.dtype),
        bnb_4bit_use_double_quant=True,
    )


def _missing_extra(settings: Transformers, error: ImportError) -> str:
    if settings.quantization != "none":
        return (
            f"backend.quantization={settings.quantization} needs bitsandbytes: "
            "pip install 'harness[quant]', or write backend.quantization=none"
        )
    if settings.attention == "flash_attention_2":
        return (
            "backend.attention=flash_attention_2 needs flash-attn and an NVIDIA GPU: "
            "pip install 'harness[flash]', or write backend.attention=sdpa"
        )
    return f"the model's library is incomplete: {error}"
