"""A checkpoint's configuration, with the RoPE and the pooling that were asked for.

Planning reads it without torch where the checkpoint's files spell all that it needs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError, RequestError
from harness.models.transformers import config_file, releases
from harness.models.transformers.checkpoint import read_json

if TYPE_CHECKING:
    from harness.models.transformers import Transformers

AXES = ("mrope_section", "mrope_interleaved", "partial_rotary_factor")
"""What a RoPE says of axes and dimensions, which no scaling changes."""
MARGIN = 1000  # tokens that the original code leaves for the text beside the frames


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
        return _read_any(settings, folder, str(kind))
    if kind not in ("llava_next", "llava_next_video"):
        raise ModelError(
            f"{folder} is a {kind}; model.frames_as={settings.frames_as} shows frames as "
            "llava_next(_video) models were trained: write model.frames_as=video or images"
        )
    config: Any = read_pretrained(transformers.AutoConfig, folder)
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


def _read_any(settings: Transformers, folder: Path, kind: str) -> Any:
    """Any family's, as its own processor shows frames."""
    from harness.models.transformers.library import transformers

    releases.check(kind, transformers.__version__, folder)
    found = _seeing(read_pretrained(transformers.AutoConfig, folder))
    if found is None:
        raise ModelError(f"{folder} is a {kind}: transformers knows no model of it that sees")
    if getattr(found, "is_encoder_decoder", False):
        raise ModelError(
            f"{folder} is a {kind}, an encoder with a decoder: only models that read pictures "
            "and text in one sequence are run"
        )
    scale_rope(found.get_text_config(), settings)
    return found


def _seeing(config: Any) -> Any:
    """The configuration of the model that sees and writes: the checkpoint's own, or a part of it
    (the thinker of an omni model, whose talker is not needed); None where there is none."""
    from harness.models.transformers.library import transformers

    known = transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    parts = [getattr(config, name, None) for name in config.sub_configs]
    return next((each for each in (config, *parts) if type(each) in known), None)


def rope_of(settings: Transformers, folder: Path) -> Any:
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


def scale_rope(text: Any, settings: Transformers) -> None:
    """Applies ``rope_scaling``: checkpoint | none | linear:F | auto. Raises RequestError.

    ``auto`` is the original code's rule for frames beyond the trained context: a linear factor of
    ceil((frames x tokens + 1000) / context), if that is at least 2; for LLaVA-NeXT's own ways of
    showing frames only, whose tokens it counts.
    """
    if settings.rope_scaling == "checkpoint":
        return
    kept = dict(getattr(text, "rope_parameters", None) or {})
    if "rope_theta" not in kept:  # by type of layer, or none
        raise RequestError(
            f"model.rope_scaling={settings.rope_scaling}: this model has no one RoPE that could be "
            "scaled: write checkpoint"
        )
    factor = 1.0
    if settings.rope_scaling == "auto":
        if settings.by_processor:
            raise RequestError(
                "model.rope_scaling=auto counts LLaVA-NeXT's pooled tokens (frames_as=pooled_video "
                "or anyres): write checkpoint, none or linear:F"
            )
        needed = settings.frames * settings.tokens_per_frame + MARGIN
        factor = float(math.ceil(needed / text.max_position_embeddings))
    elif found := re.fullmatch(r"linear:(\d+(\.\d+)?)", settings.rope_scaling):
        factor = float(found[1])
    elif settings.rope_scaling != "none":
        raise RequestError(
            f"model.rope_scaling={settings.rope_scaling}: write checkpoint, none, linear:F or auto"
        )
    rope = {name: kept[name] for name in ("rope_theta", *AXES) if name in kept}
    linear = {"rope_type": "linear", "factor": factor}
    text.rope_parameters = {"rope_type": "default"} | rope | (linear if factor > 1 else {})


def context_of(config: Any) -> int:
    """The model's length in tokens after RoPE scaling."""
    text = config.get_text_config()
    rope = getattr(text, "rope_parameters", None) or {}
    # only a linear factor stretches what the configuration says; other rules' are in it already
    factor = rope.get("factor") if rope.get("rope_type") == "linear" else None
    return int(text.max_position_embeddings * (factor or 1.0))


def read_pretrained(kind: Any, folder: Path, **settings: Any) -> Any:
    """What transformers reads from a folder, without running code that lies in it."""
    from huggingface_hub.errors import StrictDataclassError

    try:
        return kind.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True, **settings
        )
    except (ValueError, KeyError, OSError, StrictDataclassError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{folder} is not a checkpoint that can be read: {reason}") from error
