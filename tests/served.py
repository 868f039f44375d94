"""Samples for models behind a server, and what is said to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.models.openai import OpenAI, client
from harness.types import (
    Clip,
    Failure,
    Frames,
    Generation,
    Prompt,
    Question,
    Response,
    Sample,
    Text,
    Turn,
    Video,
    VideoInfo,
)
from tests.bad_server import MODEL, Answer, BadServer, Behaviour, serving

TIMES = [0.0, 0.5, 1.25]


def sample(number: int = 0, questions: int = 3, frames: bool = True) -> Sample:
    """A clip of noise with questions "what 0?", "what 1?", …"""
    pixels = np.random.default_rng(number).integers(0, 256, (3, 32, 48, 3), dtype=np.uint8)
    clip = Clip(f"c{number}", Path("c.mp4") if frames else None)
    shown = (Video(),) if frames else ()
    prompts = tuple(
        Prompt(
            Question(f"c{number}q{i}", f"what {i}?", ("red", "blue", "green")),
            (Turn("user", (*shown, Text(f"what {i} of {number}?"))),),
        )
        for i in range(questions)
    )
    info = VideoInfo(100, 10.0, 10.0, 48, 32) if frames else None
    return Sample(clip, info, Frames(pixels, np.array(TIMES)) if frames else None, prompts)


def model(server: BadServer, **settings: Any) -> OpenAI:
    given: dict[str, Any] = {"attempts": 3, "timeout": 5.0, "in_flight": 8}
    return OpenAI(server.url, MODEL, **(given | settings))


def ask(
    behaviour: Behaviour, *samples: Sample, generation: Generation | None = None, **settings: Any
) -> tuple[dict[str, Response | Failure], BadServer]:
    """All that is said to the samples (one clip, one question), by key, and the server."""
    with serving(behaviour) as server:
        asked = model(server, **settings).generate(
            samples or (sample(questions=1),), generation or Generation()
        )
        return {result.question: result for result in asked}, server


def one(behaviour: Behaviour, **settings: Any) -> Response | Failure:
    return ask(behaviour, **settings)[0]["c0q0"]


def always(answer: Answer) -> Behaviour:
    return lambda request, number: answer


def first_then(*answers: Answer) -> Behaviour:
    """The answers in turn, the last for ever."""
    return lambda request, number: answers[min(number, len(answers) - 1)]


def failed(result: Response | Failure) -> str:
    assert isinstance(result, Failure), result
    return result.reason


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts are short, and no proxy is asked for this machine."""
    monkeypatch.setattr(client, "LONGEST_PAUSE", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
