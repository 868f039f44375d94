"""How a checkpoint's prompts are written: its processor, tokenizer, chat template and pixels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError
from harness.models.transformers.chat import ChatTemplate
from harness.models.transformers.checkpoint import read_json
from harness.models.transformers.configuration import read_pretrained
from harness.models.transformers.pixels import Preprocessor, read_preprocessor
from harness.models.transformers.pooled import IMAGE, VIDEO, PooledWriter, anyres_tokens
from harness.models.transformers.processor_call import check_parts
from harness.models.transformers.written import Writer

if TYPE_CHECKING:
    from harness.models.transformers import Transformers

UNSAID = {"cap_pixels_per_frame": True}
"""What a video processor is told where neither its checkpoint nor the model's settings say it: as
qwen-vl-utils does. transformers' own default is announced to change."""


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
        if settings.processor:
            raise ModelError(
                f"model.processor: frames shown as {settings.frames_as} go through no processor; "
                "it is read with model.frames_as=video or images"
            )
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
    check_parts(calls)
    own = {name: value for name, value in settings.items() if name not in calls}
    processor = read_pretrained(transformers.AutoProcessor, folder, **own)
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
    if settings.frames_as == "video" and getattr(processor, "video_processor", None) is None:
        raise ModelError(
            f"{folder}: its processor ({type(processor).__name__}) takes pictures and no video: "
            "write model.frames_as=images"
        )
    bos = tokenizer.bos_token or ""
    template = read_template(settings.chat_template, folder, processor)
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
    template = read_template(settings.chat_template, folder, tokenizer)
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
    return read_pretrained(kind, folder)


def read_template(chosen: str, folder: Path, tokenizer: Any) -> str:
    if chosen != "checkpoint":
        path = Path(chosen).expanduser()
        if not path.is_file():
            raise ModelError(f"model.chat_template={chosen}: no such file (or write checkpoint)")
        return path.read_text(encoding="utf-8")
    jinja = folder / "chat_template.jinja"
    if jinja.is_file():
        return jinja.read_text(encoding="utf-8")
    template = read_json(folder, "chat_template.json").get("chat_template")
    for each in (tokenizer, getattr(tokenizer, "tokenizer", None)):  # a processor, its tokenizer
        template = template or getattr(each, "chat_template", None)
    if isinstance(template, Mapping):  # several, by name
        template = template.get("default")
    if not isinstance(template, str):
        raise ModelError(f"{folder} has no chat template: write model.chat_template=FILE")
    return template
