"""A checkpoint to a model that is what it claims to be: checked here, not found in the scores.

Importing this loads neither torch nor transformers; planning a run with a checkpoint whose files
spell all that it needs loads no torch either (0.8 s).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError, RequestError
from harness.models.transformers import config_file
from harness.models.transformers.chat import ChatTemplate
from harness.models.transformers.checkpoint import read_json
from harness.models.transformers.pixels import Preprocessor, read_preprocessor
from harness.models.transformers.pooled import IMAGE, VIDEO, PooledWriter, anyres_tokens
from harness.models.transformers.written import Writer

if TYPE_CHECKING:
    from harness.models.transformers import Transformers

UNSAID = {"cap_pixels_per_frame": True}
"""What a video processor is told where neither its checkpoint nor the model's settings say it: as
qwen-vl-utils does. transformers' own default is announced to change."""
MARGIN = 1000  # tokens that the original code leaves for the text beside the frames


def identify(settings: Transformers, folder: Path) -> dict[str, Any]:
    """What decides the answers beside the checkpoint's files."""
    names = ["frames_as", "system", "dtype", "attention", "quantization", "allow_overflow"]
    own = ("tokens_per_frame", "pool_stride", "pool_mode")
    also = ("frame_text", "processor") if settings.by_processor else own
    template = settings.chat_template
    if template != "checkpoint":
        template = hashlib.sha256(_template(template, folder, None).encode()).hexdigest()
    if settings.template_settings:
        names.append("template_settings")
    said = settings.processor.get("videos_kwargs")
    unsaid = {k: v for k, v in UNSAID.items() if not (isinstance(said, Mapping) and k in said)}
    pinned = settings.frames_as == "video" and unsaid
    return {
        **({"processor_unsaid": unsaid} if pinned else {}),
        **{name: getattr(settings, name) for name in (*names, *also)},
        "rope": _rope(settings, folder),
        "chat_template": template,
    }


def _rope(settings: Transformers, folder: Path) -> Any:
    """The RoPE that positions follow, with the requested scaling."""
    text = read_json(folder, "config.json").get("text_config")
    found = config_file.rope_parameters(folder)
    if found is None or not isinstance(text, Mapping) or "max_position_embeddings" not in text:
        whole = read_config(settings, folder)
        return getattr(whole.get_text_config(), "rope_parameters", None)
    known = SimpleNamespace(
        rope_parameters=found, max_position_embeddings=text["max_position_embeddings"]
    )
    scale_rope(known, settings)
    return known.rope_parameters


def planning_config(settings: Transformers, folder: Path) -> Any:
    """What planning reads of the configuration: from its file where that spells all of it, else
    ``read_config``."""
    if settings.by_processor or (found := config_file.spelled(folder)) is None:
        return read_config(settings, folder)
    scale_rope(found.text_config, settings)
    return found


def read_config(settings: Transformers, folder: Path) -> Any:
    """The checkpoint's configuration, with the requested RoPE; for LLaVA-NeXT's own ways of showing
    frames as LlavaNextVideo's, with the requested pooling.

    An image-only LLaVA-NeXT becomes the video architecture with the same weights: what its video
    path adds (average pooling by the stride) has none. Raises ModelError and RequestError.
    """
    from harness.models.transformers.library import transformers

    kind = read_json(folder, "config.json").get("model_type")
    if settings.by_processor:
        found: Any = _read(transformers.AutoConfig, folder)
        if type(found) not in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
            raise ModelError(f"{folder} is a {kind}: transformers knows no model of it that sees")
        scale_rope(found.get_text_config(), settings)
        return found
    if kind not in ("llava_next", "llava_next_video"):
        raise ModelError(
            f"{folder} is a {kind}; model.frames_as={settings.frames_as} shows frames as "
            "llava_next(_video) models were trained: write model.frames_as=video or images"
        )
    config: Any = _read(transformers.AutoConfig, folder)
    if kind == "llava_next":
        shared = transformers.LlavaNextVideoConfig().to_dict().keys() & config.to_dict().keys()
        kept = {
            key: getattr(config, key)
            for key in shared - {"model_type", "architectures", "transformers_version"}
        }
        config = transformers.LlavaNextVideoConfig(**kept, video_token_index=-1)
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
    text = config.get_text_config()
    rope = getattr(text, "rope_parameters", None) or {}
    # only a linear factor stretches what the configuration says; other rules' are in it already
    factor = rope.get("factor") if rope.get("rope_type") == "linear" else None
    return int(text.max_position_embeddings * (factor or 1.0))


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
    """How prompts are written: by the checkpoint's processor, or LLaVA-NeXT's own ways. Raises
    ModelError."""
    if not settings.by_processor:
        return _pooled_writer(settings, folder, config)
    return _processor_writer(settings, folder)


def read_processor(folder: Path, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A checkpoint's processor with these settings, and those of them that go to its calls. Raises
    ModelError."""
    from harness.models.transformers import torchvision

    torchvision.load()
    from harness.models.transformers.library import transformers

    parts = {name: dict(v) for name, v in settings.items() if isinstance(v, Mapping)}
    calls = {name: parts[name] for name in parts if name.endswith("_kwargs")}
    own = {name: value for name, value in settings.items() if name not in calls}
    processor = _read(transformers.AutoProcessor, folder, **own)
    video = getattr(processor, "video_processor", None)
    known = getattr(getattr(video, "valid_kwargs", None), "__annotations__", {})
    for name, value in UNSAID.items():
        if name in known and getattr(video, name, None) is None:
            calls["videos_kwargs"] = {name: value, **calls.get("videos_kwargs", {})}
    return processor, calls


def _processor_writer(settings: Transformers, folder: Path) -> Writer:
    processor, calls = read_processor(folder, settings.processor)
    from harness.models.transformers.processor import ProcessorWriter

    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None:
        raise ModelError(f"{folder} has no processor of pictures and text: it is no model of video")
    bos = tokenizer.bos_token or ""
    template = _template(settings.chat_template, folder, processor)
    return ProcessorWriter(
        processor,
        ChatTemplate(template, processor, bos, settings.template_settings),
        frames_as="images" if settings.frames_as == "images" else "video",
        frame_text=settings.frame_text,
        settings=calls,
        system=settings.system,
    )


def _pooled_writer(settings: Transformers, folder: Path, config: Any) -> PooledWriter:
    """The tokenizer and chat template; an image-only model gets a video token. Raises ModelError
    when there is no chat template or no video token."""
    tokenizer = _tokenizer(folder)
    video_id = config.video_token_index
    if video_id < 0:
        tokenizer.add_tokens([VIDEO], special_tokens=True)
        video_id = tokenizer.convert_tokens_to_ids(VIDEO)
    for mark, expected in ((VIDEO, video_id), (IMAGE, config.image_token_index)):
        found = tokenizer(mark, add_special_tokens=False)["input_ids"]
        if found != [expected]:
            raise ModelError(
                f"{folder}: its tokenizer reads {mark} as {found}, the model expects [{expected}]"
            )
    template = _template(settings.chat_template, folder, tokenizer)
    return PooledWriter(
        tokenizer=tokenizer,
        template=ChatTemplate(
            template, tokenizer, tokenizer.bos_token or "", settings.template_settings
        ),
        preprocessor=read_pixels(settings, folder, config),
        video_id=video_id,
        image_id=config.image_token_index,
        tokens_per_frame=settings.tokens_per_frame,
        anyres_tokens=lambda height, width: anyres_tokens(config, height, width),
        frames_as="anyres" if settings.frames_as == "anyres" else "pooled_video",
        system=settings.system,
    )


def _tokenizer(folder: Path) -> Any:
    """The checkpoint's tokenizer; one that its files describe in full needs no class of a family's,
    whose look-up loads torch."""
    import transformers

    kind: Any = transformers.PreTrainedTokenizerFast
    name = read_json(folder, "tokenizer_config.json").get("tokenizer_class")
    if name not in ("PreTrainedTokenizerFast", "TokenizersBackend"):
        from harness.models.transformers import library

        kind = library.transformers.AutoTokenizer
    return _read(kind, folder)


def stop_tokens(folder: Path, config: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer, by the checkpoint's files taken together."""
    named = [
        read_json(folder, "generation_config.json").get("eos_token_id"),
        config.get_text_config().eos_token_id,
        tokenizer.eos_token_id,
    ]
    flat = [i for name in named for i in (name if isinstance(name, list) else [name])]
    return frozenset(i for i in flat if i is not None)


def load_model(settings: Transformers, folder: Path, config: Any) -> Any:
    """The weights, on their device. Raises ModelError when an extra is missing, or when the files
    lack a weight (it would be random)."""
    from safetensors import SafetensorError

    from harness.models.transformers.library import transformers

    kind = transformers.LlavaNextVideoForConditionalGeneration
    if settings.by_processor:
        kind = transformers.AutoModelForImageTextToText
    transformers.logging.disable_progress_bar()  # it would cut through the run's own
    try:
        model, found = kind.from_pretrained(
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
    except RuntimeError as error:
        if "ignore_mismatched_sizes" not in str(error):
            raise
        raise ModelError(
            f"{folder}: its weights have other shapes than its config.json says: fetch both again"
        ) from error
    _check_complete(folder, found["missing_keys"])
    if (
        not settings.by_processor
        and config.video_token_index >= model.get_input_embeddings().num_embeddings
    ):
        model.resize_token_embeddings(config.video_token_index + 1)
    # generation is the request's: nothing of a checkpoint's own sampling may leak in
    model.generation_config = transformers.GenerationConfig()
    return model.eval()


def _check_complete(folder: Path, missing: Collection[str]) -> None:
    if missing:
        raise ModelError(
            f"{folder} lacks {len(missing)} weights, {min(missing)} for one: they would be random"
        )


def _read(kind: Any, folder: Path, **settings: Any) -> Any:
    """What transformers reads from a folder, without running code that lies in it."""
    from huggingface_hub.errors import StrictDataclassError

    try:
        return kind.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True, **settings
        )
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

    from harness.models.transformers.library import transformers

    if settings.quantization == "int8":
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=getattr(torch, settings.dtype),
        bnb_4bit_use_double_quant=True,
    )


def _missing_extra(settings: Transformers, error: ImportError) -> str:
    if settings.quantization != "none":
        return (
            f"backend.quantization={settings.quantization} needs bitsandbytes: "
            "pip install 'video-eval-harness[quant]', or write backend.quantization=none"
        )
    if settings.attention == "flash_attention_2":
        return (
            "backend.attention=flash_attention_2 needs flash-attn and an NVIDIA GPU: "
            "pip install 'video-eval-harness[flash]', or write backend.attention=sdpa"
        )
    return f"the model's library is incomplete: {error}"
