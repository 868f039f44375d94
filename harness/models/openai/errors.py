"""What can go wrong with one request, by what is to be done about it, and how it is told apart."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from harness.errors import ModelError
from harness.types import Stage

_OVERFLOW = re.compile(
    r"context.{0,3}length|context.window|maximum.{0,20}tokens|too many tokens|max_model_len", re.I
)
_AGAIN = {408, 409, 425, 429}
_BUSY = {429, 503}
_REASON = 300
"""Characters of a server's own words that a reason holds."""


class Refused(Exception):
    """This question will not be answered: a Failure at once. ``overflow``: its prompt is longer
    than the model's context."""

    def __init__(self, reason: str, stage: Stage = "model", overflow: bool = False) -> None:
        super().__init__(reason)
        self.stage: Stage = stage
        self.overflow = overflow


class Forgotten(Refused):
    """The server answered without the frames that the question names."""


class Again(Exception):
    """May work the next time. ``after`` seconds where the server says so; ``busy``: it has too
    much to do; ``unreachable``: nothing was heard from it at all."""

    def __init__(
        self,
        reason: str,
        after: float | None = None,
        busy: bool = False,
        unreachable: bool = False,
    ) -> None:
        super().__init__(reason)
        self.after = after
        self.busy = busy
        self.unreachable = unreachable


def check_status(status: int, headers: Mapping[str, str], data: bytes, where: str) -> None:
    """Raises Again, Refused or ModelError unless the status is 200."""
    if status == 200:
        return
    error = _error(data)
    said = message(error, data)
    if status in (401, 402, 403):
        raise ModelError(
            f"{where}: refused with {status} ({said}); set the environment variable that "
            "backend.api_key_env names to a key that may use this model"
        )
    if status == 404 and _unknown_model(error, said):
        raise ModelError(f"{where}: {said}; name one it serves with backend.model=NAME")
    if 300 <= status < 400:
        target = headers.get("location", "elsewhere")
        raise ModelError(f"{where}: redirects to {target}; write that address as backend.url")
    if status == 429 and error.get("code") == "insufficient_quota":
        raise ModelError(f"{where}: {said}; run the same command again when there is quota")
    if status in _AGAIN or (status >= 500 and status != 501):
        after = retry_after(headers.get("retry-after"))
        raise Again(f"HTTP {status}: {said}", after, busy=status in _BUSY)
    raise refusal(f"HTTP {status}: {said}", error)


def refusal(reason: str, error: Mapping[str, Any]) -> Refused:
    """A refusal, at the stage that is to blame: a prompt that is too long is the prompt's."""
    code = str(error.get("code"))
    overflow = code == "context_length_exceeded" or bool(_OVERFLOW.search(reason))
    return Refused(reason, "prompt" if overflow else "model", overflow)


def check_error(body: Mapping[str, Any]) -> None:
    """Raises Again or Refused when a body that came with 200 holds an error."""
    error = body.get("error")
    if not error:
        return
    error = error if isinstance(error, Mapping) else {"message": error}
    reason = f"an error with HTTP 200: {message(error, b'')}"
    code = str(error.get("code") or error.get("type") or "")
    if code in {str(status) for status in _AGAIN} or re.fullmatch(r"5\d\d", code):
        raise Again(reason, busy=code == "429")
    raise refusal(reason, error)


def retry_after(value: str | None) -> float | None:
    """Seconds from a Retry-After header: a number, or a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def message(error: Mapping[str, Any], data: bytes) -> str:
    """A server's own words on one line, cut to a readable length."""
    said = error.get("message") or error.get("detail") or data.decode("utf-8", "replace")
    said = said if isinstance(said, str) else json.dumps(said)
    said = " ".join(said.split()) or "no reason given"
    return said if len(said) <= _REASON else said[:_REASON] + "…"


def _error(data: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(data)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    error = body.get("error", body)
    return error if isinstance(error, dict) else {"message": error}


def _unknown_model(error: Mapping[str, Any], said: str) -> bool:
    named = error.get("param") == "model" or error.get("code") == "model_not_found"
    return named or bool(re.search(r"model .{0,200}(not exist|not found)", said, re.I))
