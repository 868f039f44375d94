"""A judge's replies on disk: one file per judge and settings, appended to as they come.

<folder>/<digest>.jsonl    first line: the judge's identity and settings; then one line a reply

A prompt may have several replies: one that could not be read is asked for again by a later scoring
(never twice in one, and not where a greedy judge has repeated itself), and all of them are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import JournalError
from harness.identity import describe, digest
from harness.types import JSON, Generation, Prompt, Response


@dataclass(frozen=True)
class Reply:
    """A judge's kept reply: raw, with why it ended and the build that a server named."""

    text: str
    finish: str = "stop"
    fingerprint: str = ""


@dataclass
class Calls:
    """The replies of one judge under one setting, by prompt hash, in the order in which they came;
    new ones are appended at once. ``asked`` are the prompts of which this scoring made a call.

    Raises JournalError when the file is another judge's (two digests that collide).
    """

    folder: Path
    judge: Mapping[str, JSON]
    generation: Generation
    repeat: int = 0
    kept: dict[str, list[Reply]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.head = {
            "judge": dict(self.judge),
            "settings": describe(self.generation),
            "repeat": self.repeat,
        }
        self.file = self.folder / f"{digest(self.head, 16)}.jsonl"
        if self.file.is_file():
            self._read()

    def reply(self, key: str, attempt: int = 0) -> Reply | None:
        """The reply to read at this ``attempt`` (0: the first one); the last one where no other can
        be had; None: the judge has to be asked, or a call failed and there is none."""
        kept = self.kept.get(key, [])
        if attempt < len(kept):
            return kept[attempt]
        return kept[-1] if kept and not self.may_ask(key) else None

    def another(self, key: str, attempt: int) -> bool:
        """Whether there is, or may be had, a reply beyond that of this attempt."""
        return attempt + 1 < len(self.kept.get(key, [])) or self.may_ask(key)

    def may_ask(self, key: str) -> bool:
        """Whether a call may be made: one in a scoring; none more where a greedy judge has said
        the same twice, for it would say it for ever."""
        kept = self.kept.get(key, [])
        settled = self.generation.temperature == 0 and any(
            r.text == kept[-1].text for r in kept[:-1]
        )
        return key not in self.asked and not settled

    def add(self, prompt: Prompt, response: Response) -> Reply:
        """Keeps a reply, on disk before it is used."""
        reply = Reply(response.text, response.finish, response.fingerprint)
        key = prompt_hash(prompt)
        line = {"prompt": key, "reply": reply.text, "finish": reply.finish}
        if reply.fingerprint:
            line["fingerprint"] = reply.fingerprint
        if response.thinking:
            line["thinking"] = response.thinking
        self._append(line)
        self.kept.setdefault(key, []).append(reply)
        return reply

    def _append(self, line: Mapping[str, JSON]) -> None:
        text = json.dumps(line, ensure_ascii=False) + "\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self.file.exists():
                text = json.dumps(self.head, ensure_ascii=False) + "\n" + text
            data = (b"\n" if self._torn else b"") + text.encode("utf-8", "replace")
            # one write to the end of the file: lines of two processes do not mix
            with self.file.open("ab", buffering=0) as out:
                self._torn = True
                self._torn = out.write(data) < len(data)
        except OSError as error:
            raise JournalError(f"{self.file}: cannot write ({error.strerror})") from error
        if self._torn:
            raise JournalError(f"{self.file}: cannot write all of a reply; free some space")

    _torn: bool = False

    def _read(self) -> None:
        data = self.file.read_bytes()
        self._torn = bool(data) and not data.endswith(b"\n")
        for raw in data.split(b"\n"):
            try:
                line = json.loads(raw)
            except ValueError:
                continue  # cut off when the machine stopped: that call is made again
            if not isinstance(line, dict):
                continue
            if "judge" in line:
                if line["judge"] != json.loads(json.dumps(self.head["judge"])):
                    raise JournalError(f"{self.file}: holds another judge's replies; remove it")
            elif "prompt" in line and "reply" in line:
                reply = Reply(
                    line["reply"], line.get("finish", "stop"), line.get("fingerprint", "")
                )
                self.kept.setdefault(line["prompt"], []).append(reply)


def prompt_hash(prompt: Prompt) -> str:
    """What tells one call from another: the roles and texts, exactly."""
    return digest([[t.role, *(describe(part) for part in t.parts)] for t in prompt.turns], 24)
