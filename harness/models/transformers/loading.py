"""A checkpoint to a model that is what it claims to be: checked here, not found in the scores.

Importing this loads neither torch nor transformers; planning a run with a checkpoint whose files
spell all that it needs loads no torch either (0.8 s).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError
from harness.models.transformers.checkpoint import read_json
from harness.models.transformers.configuration import rope_of
from harness.models.transformers.writers import UNSAID, read_template
from harness.names import first_line

if TYPE_CHECKING:
    from harness.models.transformers import Transformers


log = logging.getLogger(__name__)

UNAPPLIED = (
    "bad_words_ids",
    "begin_suppress_tokens",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "min_length",
    "min_new_tokens",
    "no_repeat_ngram_size",
    "sequence_bias",
)
"""What a generation_config.json may say of choosing tokens that no request can."""


def identify(settings: Transformers, folder: Path) -> dict[str, Any]:
    """What decides the answers beside the checkpoint's files."""
    names = ["frames_as", "system", "dtype", "attention", "quantization", "allow_overflow"]
    own = ("tokens_per_frame", "pool_stride", "pool_mode")
    also = ("frame_text", "processor") if settings.by_processor else own
    template = settings.chat_template
    if template != "checkpoint":
        template = hashlib.sha256(read_template(template, folder, None).encode()).hexdigest()
    if settings.template_settings:
        names.append("template_settings")
    said = settings.processor.get("videos_kwargs")
    unsaid = {k: v for k, v in UNSAID.items() if not (isinstance(said, Mapping) and k in said)}
    pinned = settings.frames_as == "video" and unsaid
    return {
        **({"processor_unsaid": unsaid} if pinned else {}),
        **{name: getattr(settings, name) for name in (*names, *also)},
        "rope": rope_of(settings, folder),
        "chat_template": template,
    }


def stop_tokens(folder: Path, config: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer, by the checkpoint's files taken together; where they name
    none, every answer is as long as it may be, which a warning says."""
    named = [
        read_json(folder, "generation_config.json").get("eos_token_id"),
        config.get_text_config().eos_token_id,
        tokenizer.eos_token_id,
    ]
    flat = [i for name in named for i in (name if isinstance(name, list) else [name])]
    stops = frozenset(i for i in flat if i is not None)
    if not stops:
        log.warning("%s: no file names a token that ends an answer: none ends early", folder)
    return stops


def suppressed_tokens(folder: Path) -> tuple[int, ...]:
    """The tokens that a checkpoint's files say it must never say (pictures' marks, say): that is of
    the model, as what ends an answer is. What else its generation_config.json says of choosing
    tokens is the request's to say, and is named in a warning where a request cannot."""
    said = read_json(folder, "generation_config.json")
    if left := sorted(name for name in UNAPPLIED if said.get(name)):
        log.warning(
            "%s: %s of its generation_config.json %s not applied",
            folder,
            ", ".join(left),
            "is" if len(left) == 1 else "are",
        )
    return tuple(token for token in said.get("suppress_tokens") or () if token >= 0)


def load_model(settings: Transformers, folder: Path, config: Any) -> Any:
    """The weights, on their device. Raises ModelError when an extra is missing, or when the files
    lack a weight (it would be random)."""
    from harness.models.transformers.library import transformers

    kind = transformers.LlavaNextVideoForConditionalGeneration
    if settings.by_processor:
        kind = transformers.AutoModelForImageTextToText
    transformers.logging.disable_progress_bar()  # it would cut through the run's own
    with _said(settings, folder):
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
    _check_complete(folder, found["missing_keys"])
    if (
        not settings.by_processor
        and config.video_token_index >= model.get_input_embeddings().num_embeddings
    ):
        model.resize_token_embeddings(config.video_token_index + 1)
    # generation is the request's: nothing of a checkpoint's own sampling may leak in
    model.generation_config = transformers.GenerationConfig()
    return model.eval()


@contextmanager
def _said(settings: Transformers, folder: Path) -> Iterator[None]:
    """What goes wrong while weights load, as a ModelError that says what to do."""
    from safetensors import SafetensorError

    from harness.models.transformers.engine import out_of_memory

    try:
        yield
    except ImportError as error:
        raise ModelError(_missing_extra(settings, error)) from error
    except SafetensorError as error:
        raise ModelError(
            f"{folder}: its weights are damaged ({error}): fetch them again"
        ) from error
    except (ValueError, OSError) as error:  # an attention that its class does not know, say
        raise ModelError(f"{folder} cannot be loaded: {first_line(error)}") from error
    except RuntimeError as error:
        if out_of_memory(error):
            raise ModelError(
                f"{folder}: its weights do not fit the device's memory: write "
                "backend.quantization=nf4, or backend.device_map=auto for several GPUs"
            ) from error
        if "ignore_mismatched_sizes" not in str(error):
            raise
        raise ModelError(
            f"{folder}: its weights have other shapes than its config.json says: fetch both again"
        ) from error


def _check_complete(folder: Path, missing: Collection[str]) -> None:
    if missing:
        raise ModelError(
            f"{folder} lacks {len(missing)} weights, {min(missing)} for one: they would be random"
        )


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


def check_tokens(settings: Transformers) -> None:
    """Raises ModelError where a frame takes another number of tokens than ``expect_tokens``."""
    if settings.expect_tokens is None:
        return
    found = (settings.clip_tokens(12) - settings.clip_tokens(4)) / 8
    if abs(found - settings.expect_tokens) > 1e-6:
        raise ModelError(
            f"{settings.checkpoint}: a frame of 1280 x 720 takes {found:g} tokens, "
            f"model.expect_tokens says {settings.expect_tokens:g}: the processor's settings are "
            "not those this model is described with"
        )
