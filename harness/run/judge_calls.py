"""A judge's replies on disk: one file per judge and settings, appended to as they come.

<folder>/<digest>.jsonl    first line: the judge's identity and settings; then one line a reply
"""

from __future__ import annotations

import json
import os
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
    """The replies of one judge under one setting, by prompt hash; new ones are appended at once.

    Raises JournalError when the file is another judge's (two digests that collide).
    """

    folder: Path
    judge: Mapping[str, JSON]
    generation: Generation
    repeat: int = 0
    kept: dict[str, Reply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.head = {
            "judge": dict(self.judge),
            "settings": describe(self.generation),
            "repeat": self.repeat,
        }
        self.file = self.folder / f"{digest(self.head, 16)}.jsonl"
        if self.file.is_file():
            self._read()

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
        self.kept[key] = reply
        return reply

    def _append(self, line: Mapping[str, JSON]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        new = not self.file.exists()
        text = json.dumps(self.head, ensure_ascii=False) + "\n" if new else ""
        text += json.dumps(line, ensure_ascii=False) + "\n"
        # one write to the end of the file: lines of two processes do not mix
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(
                handle, ("\n" if self._torn else "").encode() + text.encode("utf-8", "replace")
            )
        finally:
            os.close(handle)
        self._torn = False

    _torn: bool = False

    def _read(self) -> None:
        data = self.file.read_bytes()
        self._torn = bool(data) and not data.endswith(b"\n")
        for raw in data.splitlines():
            try:
                line = json.loads(raw)
            except ValueError:
                continue  # cut off when the machine stopped: that call is made again
            if "judge" in line:
                if line["judge"] != json.loads(json.dumps(self.head["judge"])):
                    raise JournalError(f"{self.file}: holds another judge's replies; remove it")
            elif "prompt" in line:
                self.kept[line["prompt"]] = Reply(
                    line["reply"], line.get("finish", "stop"), line.get("fingerprint", "")
                )


def prompt_hash(prompt: Prompt) -> str:
    """What tells one call from another: the roles and texts, exactly."""
    return digest([[t.role, *(describe(part) for part in t.parts)] for t in prompt.turns], 24)
