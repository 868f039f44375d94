"""One question to a server, and the frames that it need not be sent again.

A clip's frames go with its first question, under a name made of their content and of the times
that are told with them. Once that question is answered the clip's others go without the bytes, by
name: the server then neither receives nor decodes nor prepares them again (vLLM's ``uuid`` of a
part). Whatever comes of that but an answer, the question is asked again with its frames. A server
that has let go of them more often than not is sent them every time. Nothing is believed: what an
answer's prompt held is checked in tokens, as ever.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from harness.errors import ModelError
from harness.models.openai.checks import Expected, Seen, remedy, seen, setting_refused
from harness.models.openai.client import Client
from harness.models.openai.encoded import Body
from harness.models.openai.errors import Again, Forgotten, Refused
from harness.models.openai.replies import response
from harness.types import Failure, Generation, Prompt, Response

TRIES = 4
"""Questions that a server may refuse by name before it is sent every clip's frames each time."""

_MISSING = re.compile(r"cache miss|data is not provided|uuid", re.IGNORECASE)
"""What a server says of frames that it does not have. vLLM: "Cache miss for video at index 0 but
data is not provided" (vllm/multimodal/processing)."""


@dataclass
class Names:
    """How often a server knew frames by their name, and how often not."""

    known: int = 0
    unknown: int = 0

    @property
    def of_use(self) -> bool:
        """Whether it is worth asking by name."""
        return self.unknown < TRIES or self.unknown < self.known


@dataclass
class Clip:
    """One clip's frames at the server: ``settled`` once the question that brings them is over;
    ``seen`` is how they looked there in tokens (None: they are not there, or it does not say)."""

    settled: asyncio.Event = field(default_factory=asyncio.Event)
    seen: Seen | None = None


@dataclass(frozen=True)
class Asked:
    """One question as it is sent: ``body``, ``by_name`` the same without bytes (None: it is not
    sent so), and what the prompt must be in tokens."""

    prompt: Prompt
    body: Body
    by_name: Body | None
    expected: Expected


@dataclass(frozen=True)
class Asker:
    """Asks one server's model."""

    client: Client
    generation: Generation
    allow_overflow: bool = False
    names: Names = field(default_factory=Names)

    async def answer(
        self, asked: Asked, clip: Clip, brings: bool, first: bool
    ) -> Response | Failure:
        """One question's answer. ``brings``: the clip's frames come with it. The run's ``first``
        raises ModelError, with what to change, when the model does not see what it is sent or the
        server lacks a setting."""
        try:
            if brings or asked.by_name is None:
                return await self._bring(asked, clip, first)
            await clip.settled.wait()
            return await self._by_name(asked, asked.by_name, clip)
        except Refused as refused:
            if first and (error := self._lacking(refused, asked.expected)):
                raise error from refused
            return Failure(asked.prompt.key, refused.stage, str(refused))

    def _lacking(self, refused: Refused, expected: Expected) -> ModelError | None:
        return setting_refused(refused, expected, self.generation, self.allow_overflow)

    async def _bring(self, asked: Asked, clip: Clip, first: bool) -> Response:
        def read(answer: dict[str, Any]) -> Response:
            if first and (error := remedy(answer, asked.expected)):
                raise error
            said = self._read(answer, asked, asked.expected)
            clip.seen = seen(answer)
            return said

        try:
            return await self._ask(asked.body, read)
        finally:
            clip.settled.set()

    async def _by_name(self, asked: Asked, body: Body, clip: Clip) -> Response:
        """One attempt by name where that is of use, else the question with its frames."""
        failed: Again | Refused | None = None
        if clip.seen is not None and self.names.of_use:
            expected = replace(asked.expected, seen=clip.seen)
            try:
                said, seconds = await self.client.once(
                    body, lambda a: self._read(a, asked, expected), ahead=True
                )
            except (Again, Refused) as error:
                failed = error
            else:
                self.names.known += 1
                return replace(said, seconds=seconds)
        missing = isinstance(failed, Forgotten) or bool(_MISSING.search(str(failed or "")))
        self.names.unknown += missing
        found = await self._ask(
            asked.body, lambda a: self._read(a, asked, asked.expected), ahead=True
        )
        # a server may break down over a name that it does not know: it answered to the frames
        broke = isinstance(failed, Again) and not (failed.busy or failed.unreachable)
        self.names.unknown += broke and not missing
        return found

    async def _ask(
        self, body: Body, read: Callable[[dict[str, Any]], Response], ahead: bool = False
    ) -> Response:
        said, seconds = await self.client.ask(body, read, ahead)
        return replace(said, seconds=seconds)

    def _read(self, answer: dict[str, Any], asked: Asked, expected: Expected) -> Response:
        expected.check(answer)
        said = response(answer, asked.prompt, self.generation)
        return replace(said, told_times=expected.told_times)
