"""Requests to one server: deadlines, sizes, what is tried again, and when to give up.

httpx2 and not the openai package: that one's read timeout is no deadline (a server that sends a
byte a second holds it for ever), it obeys any Retry-After, takes bodies of any size, and raises
nothing for a body that says ``error`` with HTTP 200. httpx2 comes with huggingface_hub.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2

from harness.errors import ModelError
from harness.models.openai.encoded import Body
from harness.models.openai.errors import Again, Refused, check_error, check_status
from harness.models.openai.window import Window

MOST_BYTES = 8 * 2**20
"""Of one answer's body. What is longer is not an answer to a question about a video."""

LONGEST_PAUSE = 30.0
BROKEN = 10
"""Questions in a row that fail for the server's own reasons before the run ends."""

Read = TypeVar("Read")

KEEP_ALIVE = 3.0
"""Seconds that an idle connection is used again: vLLM closes it after 5, perhaps just then."""


@dataclass(frozen=True)
class Patience:
    """``attempts`` for each question; ``timeout`` seconds for each, from first byte sent to last
    received; ``longest_wait`` seconds that a Retry-After is obeyed."""

    attempts: int = 8
    timeout: float = 300.0
    longest_wait: float = 60.0


class Client:
    """One server under ``url`` (it ends in /v1), as one event loop uses it."""

    def __init__(self, url: str, key_env: str, patience: Patience, window: Window) -> None:
        key = _key(key_env)
        self.url = url.rstrip("/")
        self.window = window
        self._patience = patience
        self._silent = 0
        self._heard_nothing = 0.0
        self._broken = 0
        self._http = _connections(key, window.most + 1)

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def ask(
        self, body: Body, read: Callable[[dict[str, Any]], Read], ahead: bool = False
    ) -> tuple[Read, float]:
        """What ``read`` makes of the server's answer, and the request's share of the server's
        time in seconds. ``ahead`` of the requests that wait already.

        ``read`` may raise Again and Refused. Raises Refused where there will be no answer, and
        ModelError where the run cannot go on.
        """
        last = Again("never tried")
        for attempt in range(self._patience.attempts):
            if attempt:
                await asyncio.sleep(self._pause(attempt - 1, last))
            try:
                return await self.once(body, read, ahead)
            except Again as again:
                last = again
        self._give_up(last)
        raise Refused(f"{last} ({self._patience.attempts} attempts)")

    async def once(
        self, body: Body, read: Callable[[dict[str, Any]], Read], ahead: bool = False
    ) -> tuple[Read, float]:
        """One attempt of ``ask``; that it fails does not count towards the run's end. Raises Again,
        Refused and ModelError."""
        async with self.window.place(ahead):
            return await self._try(body, read)

    async def get(self, path: str) -> dict[str, Any] | None:
        """JSON under an address below the server's; None where it has no such address."""
        try:
            async with asyncio.timeout(min(self._patience.timeout, 30.0)):
                reply = await self._http.get(path)
            status, data = reply.status_code, reply.content
            if status in (404, 405, 501):
                return None
            check_status(status, reply.headers, data, self.url)
            body = json.loads(data)
        except (httpx2.TransportError, TimeoutError, Again) as error:
            said = _words(error)
            cure = "start one, or write another backend.url"
            if "SSL" in said or "certificate" in said:
                cure = "is it http or https? SSL_CERT_FILE names a certificate of your own"
            raise ModelError(f"{self.url}: no server answers there ({said}); {cure}") from error
        except (ValueError, Refused, httpx2.InvalidURL, httpx2.DecodingError) as error:
            raise ModelError(
                f"{self.url}: is not an OpenAI-compatible server ({_words(error)}); backend.url is "
                "the address that ends in /v1"
            ) from error
        return body if isinstance(body, dict) else None

    @property
    def root(self) -> str:
        """The server's address without the path."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    async def _try(self, body: Body, read: Callable[[dict[str, Any]], Read]) -> tuple[Read, float]:
        sent, shared = time.monotonic(), self.window.clock()
        try:
            async with asyncio.timeout(self._patience.timeout):
                status, headers, data = await self._post(body)
        except TimeoutError as error:
            raise Again(f"no whole answer within {self._patience.timeout:g} s") from error
        except httpx2.TransportError as error:
            self._silent += 1
            self._heard_nothing = time.monotonic()
            raise Again(f"{type(error).__name__}: {_words(error)}", unreachable=True) from error
        except httpx2.DecodingError as error:
            raise Again(f"an answer that cannot be unpacked: {_words(error)}") from error
        if sent > self._heard_nothing:  # else it says nothing about the server as it is now
            self._silent = 0
        try:
            check_status(status, headers, data, self.url)
            if data.lstrip().startswith(b"data:"):
                raise ModelError(
                    f"{self.url}: answers with a stream of events although asked not to "
                    "(stream: false); turn that off at the server, or at what stands before it"
                )
            parsed = _parsed(data)
            check_error(parsed)
            answer = read(parsed)
        except Again as again:
            if again.busy:
                wait = min(again.after or 0.0, self._patience.longest_wait)
                self.window.busy(sent, wait)
            raise
        self._broken = 0
        self.window.answered(time.monotonic() - sent)
        return answer, self.window.clock() - shared

    async def _post(self, body: Body) -> tuple[int, httpx2.Headers, bytes]:
        """Status, headers and body of one attempt. Raises Refused for a body that is too large."""
        length = sum(map(len, body))
        headers = {"content-type": "application/json", "content-length": str(length)}
        url = f"{self.url}/chat/completions"
        data = bytearray()
        async with self._http.stream("POST", url, content=_sent(body), headers=headers) as reply:
            async for chunk in reply.aiter_bytes():
                data += chunk
                if len(data) > MOST_BYTES:
                    raise Refused(f"an answer of more than {MOST_BYTES // 2**20} MB")
        return reply.status_code, reply.headers, bytes(data)

    def _pause(self, attempt: int, again: Again) -> float:
        """Seconds before the next attempt: growing, with jitter so that not all come at once."""
        longest = min(LONGEST_PAUSE, 0.5 * 2.0**attempt)
        drawn = random.uniform(longest / 2, longest)
        asked = min(again.after or 0.0, self._patience.longest_wait)
        return max(drawn, asked)

    def _give_up(self, last: Again) -> None:
        """Ends the run when this is the server's state and not one question's bad luck."""
        self._broken += 1
        silent = last.unreachable and self._silent >= self._patience.attempts
        if silent or self._broken >= BROKEN:
            raise ModelError(
                f"{self.url}: no longer answers ({last}; tried {self._patience.attempts} times a "
                "question); what was answered is kept: run the same command again to resume"
            ) from last


def _key(variable: str) -> str:
    """The key in an environment variable. Raises ModelError, which does not show it, for one that
    no request can carry."""
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ModelError(
            f"{variable}: holds what no key has (a line's end, or letters beyond ASCII)"
        )
    return key


def _connections(key: str, most: int) -> httpx2.AsyncClient:
    """Raises ModelError for proxies that cannot be used."""
    try:
        return httpx2.AsyncClient(
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=None,  # ours is around the whole attempt
            limits=httpx2.Limits(
                max_connections=most, max_keepalive_connections=most, keepalive_expiry=KEEP_ALIVE
            ),
        )
    except (ValueError, ImportError, httpx2.InvalidURL) as error:
        raise ModelError(
            f"the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used "
            f"({_words(error)}); mend it, or let NO_PROXY name the server's host"
        ) from error


async def _sent(body: Body) -> AsyncIterator[bytes]:
    """The pieces one by one: frames are not copied for each question."""
    for piece in body:
        yield piece


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except ValueError as error:
        start = " ".join(data[:60].decode("utf-8", "replace").split())
        raise Again(f"an answer that is not JSON: {start!r}") from error
    if not isinstance(body, dict):
        raise Again(f"an answer that is no JSON object but a {type(body).__name__}")
    return body


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
