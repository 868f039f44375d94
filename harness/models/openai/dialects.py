"""What each kind of server takes beside the common requests: data, and all that differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.types import JSON

FramesAs = Literal["frames", "video", "images"]


@dataclass(frozen=True)
class Dialect:
    """One kind of server.

    ``body`` goes into every request; ``primer`` too where the assistant's turn is begun by the
    protocol (None: such a server cannot continue it); ``frames_as`` is how it is shown a clip
    unless told otherwise; ``container``: it takes vLLM's ``video/jpeg`` container of frames, and
    their times; ``names``: it knows pictures and videos again by a name (``uuid``) that they were
    sent under; ``sampling`` are the fields of ``Generation`` that it takes beyond temperature,
    top_p and presence_penalty, under the same names; ``choice`` restricts the answer to texts.
    """

    name: str
    body: Mapping[str, JSON] = field(default_factory=dict)
    primer: Mapping[str, JSON] | None = None
    frames_as: FramesAs = "images"
    container: bool = False
    names: bool = False
    sampling: tuple[str, ...] = ()
    choice: Literal["structured_outputs", "regex", "none"] = "none"


_SAMPLING = ("top_k", "min_p", "repetition_penalty")

DIALECTS: Mapping[str, Dialect] = {
    # vLLM 0.32. Without add_special_tokens the chat endpoint adds no beginning-of-sequence token
    # unless the template does: 9 of the demo's 198 answers flipped.
    "vllm": Dialect(
        "vllm",
        body={"add_special_tokens": True, "return_token_ids": True},
        primer={"continue_final_message": True, "add_generation_prompt": False},
        frames_as="frames",
        container=True,
        names=True,
        sampling=_SAMPLING,
        choice="structured_outputs",
    ),
    # SGLang 0.5.23, from its sources: a video must be a file that decodes
    "sglang": Dialect(
        "sglang",
        body={"return_prompt_token_ids": True},
        primer={"continue_final_message": True},
        frames_as="video",
        sampling=_SAMPLING,
        choice="regex",
    ),
    # what OpenAI, Gemini's compatible endpoint and llama.cpp share
    "openai": Dialect("openai"),
}


def dialect_of(owner: str) -> str:
    """The dialect of a server whose ``/v1/models`` says that ``owner`` owns its model."""
    return owner if owner in DIALECTS else "openai"
