"""From a server's JSON to a response, or to the reason why it is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.models import thinking
from harness.models.openai.errors import Again, Refused
from harness.scoring.options import LETTERS
from harness.types import Generation, Prompt, Response, Usage

FINISHES = {"stop": "stop", "length": "length", "eos": "stop", "end_turn": "stop"}


def response(body: Mapping[str, Any], prompt: Prompt, generation: Generation) -> Response:
    """What the server said to a prompt.

    Raises Refused for what is no answer (filtered, refused, no text at all), and Again for a body
    that is not of the form it should have.
    """
    choice = _choice(body)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise Again("an answer without a message")
    finish = _finish(choice, message)
    thought = _text(message.get("reasoning_content") or message.get("reasoning"))
    content = message.get("content")
    if not isinstance(content, str | list | None):
        raise Again(f"an answer whose content is a {type(content).__name__}")
    if content is None and not thought and not generation.letters:
        raise Refused("an answer without text (content is null)")
    text, finish, thought = _spoken(_text(content), finish, thought)
    probabilities = None
    if generation.letters:
        probabilities = letters(choice, prompt)
        text = max(probabilities, key=probabilities.__getitem__)
        finish = "letters"
    return Response(
        prompt.key,
        text,
        thinking=thought,
        finish=finish,
        usage=usage(body),
        probabilities=probabilities,
        fingerprint=str(body.get("system_fingerprint") or ""),
    )


def usage(body: Mapping[str, Any]) -> Usage | None:
    """Tokens read, written and found in the server's cache, as far as it says."""
    said = body.get("usage")
    if not isinstance(said, Mapping):
        return None
    details = said.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    return Usage(
        _whole(said.get("prompt_tokens")), _whole(said.get("completion_tokens")), _whole(cached)
    )


def letters(choice: Mapping[str, Any], prompt: Prompt) -> dict[str, float]:
    """Each option letter's probability at the first token, over the tokens that say it ("A" and
    " A"); letters that are not among the most likely tokens are left out: less likely than all of
    those. Raises Refused when none is there."""
    wanted = LETTERS[: len(prompt.question.options)]
    try:
        top = choice["logprobs"]["content"][0]["top_logprobs"]
        listed = [(str(item["token"]), float(item["logprob"])) for item in top]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Refused("an answer without log-probabilities: use generation=greedy") from error
    found: dict[str, float] = {}
    for token, logprob in listed:
        letter = token.strip(
            " \u2581\u0120"
        )  # the space as SentencePiece and byte-level BPE spell it
        if letter and letter in wanted and token[-1] == letter:
            found[letter] = found.get(letter, 0.0) + math.exp(logprob)
    if not found:
        raise Refused(
            f"no option letter is among the {len(listed)} most likely tokens: use generation=greedy"
        )
    return {letter: round(found[letter], 6) for letter in wanted if letter in found}


def prompt_ids(body: Mapping[str, Any]) -> list[int] | None:
    """The prompt's token ids, where the server gives them (vLLM, SGLang)."""
    first = _choice(body) if body.get("choices") else {}
    for holder, name in ((body, "prompt_token_ids"), (first, "prompt_token_ids")):
        ids = holder.get(name)
        if isinstance(ids, list) and ids and all(isinstance(i, int) for i in ids):
            return ids
    return None


def _choice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise Refused("an answer without choices")
    return choices[0]


def _finish(choice: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    if refusal := message.get("refusal"):
        raise Refused(f"refused: {_text(refusal)[:200]}")
    said = choice.get("finish_reason")
    if said == "content_filter":
        raise Refused("filtered by the server (content_filter)")
    if said in (None, "abort", "error"):
        raise Again(f"an answer that was broken off (finish_reason {said})")
    if said not in FINISHES:
        raise Refused(f"ended for a reason that is no answer's (finish_reason {said})")
    return FINISHES[said]


def _spoken(content: str, finish: str, thought: str) -> tuple[str, str, str]:
    """Text, finish and thinking: a server without a reasoning parser leaves the marks in."""
    if thinking.holds(content):
        inside, content, closed = thinking.split(content)
        thought = "\n".join(part for part in (thought, inside) if part)
        return content, finish if closed else "thinking", thought
    if thought and not content.strip():
        return "", "thinking", thought
    return content.strip(), finish, thought


def _text(value: Any) -> str:
    """Text as it is; of a list of parts, their text (some servers send content that way)."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(str(part.get("text", "")) for part in value if isinstance(part, Mapping))
    return ""


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
