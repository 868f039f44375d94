"""A served model must see what it is sent: its prompts in tokens against our own writing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness.demo
from harness.errors import ModelError
from harness.models.transformers import Transformers
from harness.types import Failure, Response
from tests.bad_server import Answer, Behaviour, said
from tests.served import ask, quick, sample  # noqa: F401

TINY = Path(harness.demo.__path__[0]) / "checkpoints" / "tiny_video"
VIDEO = 5  # the checkpoint's video_token_index
REFERENCE = Transformers(str(TINY), tokens_per_frame=4, dtype="float32")

Change = Callable[[list[int]], list[int]]


def own_ids() -> dict[str, list[int]]:
    """The prompts of the first clip as our own writing has them, by their text."""
    found = {}
    for written in REFERENCE.write(sample()):
        assert not isinstance(written, Failure)
        text = written.prompt.turns[0].parts[-1].text  # type: ignore[union-attr]
        found[text] = [*written.tokens.tolist()]
    return found


def tokenizing(change: Change, start: int = 0, ids: bool = True) -> Behaviour:
    """A server that takes the prompts as we do, changed from request ``start`` on."""
    own = own_ids()

    def behaviour(request: dict[str, Any], number: int) -> Answer:
        tokens = own[request["messages"][-1]["content"][-1]["text"]]
        tokens = change(tokens) if number >= start else tokens
        more: dict[str, Any] = {"usage": {"prompt_tokens": len(tokens), "completion_tokens": 1}}
        return Answer(said(**more, **({"prompt_token_ids": tokens} if ids else {})))

    return behaviour


def without_first(tokens: list[int]) -> list[int]:
    return tokens[1:]


def with_two_first(tokens: list[int]) -> list[int]:
    return [tokens[0], *tokens]


def cut(tokens: list[int]) -> list[int]:
    """Two of three frames."""
    place = tokens.index(VIDEO)
    return [*tokens[:place], *tokens[place + 4 :]]


def of_another_template(tokens: list[int]) -> list[int]:
    return [*tokens[:-1], tokens[-1] + 1]


def with_other_pictures(tokens: list[int]) -> list[int]:
    place = tokens.index(VIDEO)
    return [*tokens[:place], VIDEO + 1, *tokens[place + 1 :]]


def same(tokens: list[int]) -> list[int]:
    return tokens


@pytest.mark.parametrize("ids", [True, False])
def test_the_same_tokens_are_answered(ids: bool) -> None:
    results, server = ask(tokenizing(same, ids=ids), sample(), dialect="vllm", reference=REFERENCE)
    assert [type(result) for result in results.values()] == [Response] * 3
    assert len(server.asked) == 3, "the first question is asked once: it is its own check"


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        (without_first, "add_special_tokens: true"),
        (with_two_first, "add_special_tokens: false"),
        (cut, "--media-io-kwargs"),
        (of_another_template, "chat template"),
        (with_other_pictures, "is 6, of our own 5"),
    ],
)
def test_other_tokens_end_the_run_with_what_to_change(change: Change, cure: str) -> None:
    with pytest.raises(ModelError, match=cure) as raised:
        ask(tokenizing(change), sample(), dialect="vllm", reference=REFERENCE)
    assert "does not see what it is sent" in str(raised.value)


def test_a_count_alone_shows_that_something_is_missing() -> None:
    behaviour = tokenizing(without_first, ids=False)
    with pytest.raises(ModelError, match=r"has \d+ tokens, our own \d+; .*return_token_ids"):
        ask(behaviour, sample(), reference=REFERENCE)


@pytest.mark.parametrize("ids", [True, False])
def test_later_responses_are_held_to_it_too(ids: bool) -> None:
    behaviour = tokenizing(without_first, start=1, ids=ids)
    results, _ = ask(behaviour, sample(), dialect="vllm", reference=REFERENCE)
    first, *later = (results[f"c0q{i}"] for i in range(3))
    assert isinstance(first, Response)
    for result in later:
        assert isinstance(result, Failure)
        assert result.stage == "prompt"
        assert "not the prompt that was sent" in result.reason


def test_without_a_reference_the_frames_must_take_their_tokens() -> None:
    results, _ = ask(tokenizing(same), sample(), dialect="vllm", tokens_per_frame=4)
    assert all(isinstance(result, Response) for result in results.values())
    with pytest.raises(ModelError, match="take 8 tokens in the server's prompt, not 12"):
        ask(tokenizing(cut), sample(), dialect="vllm", tokens_per_frame=4)


TRUST = (
    "Per-request media_io_kwargs are disabled by default because they can change multimodal media "
    "loading resource usage. Start the server with --trust-request-mm-kwargs only when clients are "
    "trusted."
)
LONG = (
    "'max_tokens' or 'max_completion_tokens' is too large: 16. This model's maximum context length "
    "is 32 tokens and your request has 30 input tokens."
)
LOGPROBS = "Requested sample logprobs of 20, which is greater than max allowed: 5"


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (TRUST, "start the server with --trust-request-mm-kwargs, or write backend.tell_times="),
        (LONG, f"--max-model-len {len(next(iter(own_ids().values()))) + 16} or more"),
        (LONG, "--context-length"),
        (LONG, "allow_overflow=true"),
        (LOGPROBS, "--max-logprobs 20"),
        ("At most 0 video(s) may be provided", """--limit-mm-per-prompt '{"video": """),
        ("At most 1 image(s) may be provided", """--limit-mm-per-prompt '{"image": """),
    ],
)  # fmt: skip
def test_a_server_that_must_be_started_otherwise_is_said_so(words: str, cure: str) -> None:
    refusing = lambda request, number: Answer({"error": {"message": words}}, 400)  # noqa: E731
    with pytest.raises(ModelError) as raised:
        ask(refusing, sample(), dialect="vllm", reference=REFERENCE)
    assert cure in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_long_prompt_can_be_passed_over() -> None:
    refusing = lambda request, number: Answer({"error": {"message": LONG}}, 400)  # noqa: E731
    results, _ = ask(refusing, sample(), dialect="vllm", allow_overflow=True)
    assert {r.stage for r in results.values() if isinstance(r, Failure)} == {"prompt"}
    assert len(results) == 3


def test_a_server_that_trusts_no_request_is_sent_nothing_that_it_refuses() -> None:
    """What the refusal advises must work: without times nothing goes beside the frames."""
    for frames_as in ("frames", "video"):
        given: dict[str, Any] = {"tell_times": False, "frames_as": frames_as}
        _, server = ask(tokenizing(same), sample(), dialect="vllm", **given)
        assert not any("media_io_kwargs" in request for request in server.asked)
