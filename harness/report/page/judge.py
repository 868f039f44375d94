"""What a run's judges were asked and said, for its page: every kept call, raw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.report.runs import Run
from harness.run.judge_calls import prompt_hash
from harness.run.judge_case import cases
from harness.run.judge_verdicts import judged
from harness.scoring.judge_slots import Continued
from harness.types import JudgedScorer, Prompt, Record, Text


def conversations(run: Run) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """By record key what each judge said: ``judge``, ``calls`` (``prompt`` and ``reply`` each),
    ``parse`` (how the replies had to be read) and ``reason`` (why there is no score); and the texts
    that the prompts are made of.

    A prompt is a list of (role, place among the texts), for a long instruction is the same in
    thousands of them; None where the scorer no longer asks what was asked then.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    texts: dict[str, int] = {}
    scorer = run.scorer
    if not isinstance(scorer, JudgedScorer):
        return found, []
    records = {case.record.key: case.record for case in cases(run.records, scorer)}
    for judge, lines in judged(run.folder):
        for line in lines:
            key, replies = str(line.get("question")), list(map(str, line.get("replies") or ()))
            if key not in records:
                continue
            known = _prompts(scorer, records[key], replies)
            hashes = list(map(str, line.get("prompts") or ()))
            asked = [_turns(known[one], texts) if one in known else None for one in hashes]
            if len(replies) == len(asked):
                pairs: list[tuple[Any, str | None]] = list(zip(asked, replies, strict=True))
            else:  # a call failed, and which one is not kept
                pairs = [*((prompt, None) for prompt in asked), *((None, said) for said in replies)]
            calls = [{"prompt": prompt, "reply": reply} for prompt, reply in pairs]
            reason, parse = str(line.get("reason") or ""), str(line.get("parse") or "")
            told = {"judge": judge, "calls": calls, "parse": parse, "reason": reason}
            found.setdefault(key, []).append(told)
    return found, list(texts)


def _prompts(scorer: JudgedScorer, record: Record, replies: Sequence[str]) -> dict[str, Prompt]:
    """What the judge was asked about a record, by hash: written again, for only hashes are kept."""
    asked: list[Prompt] = []
    if record.response is None:
        return {}
    try:
        asked += scorer.judge_prompts(record.question, record.response)
        if isinstance(scorer, Continued):
            for read in range(1, len(replies) + 1):
                asked += scorer.more_prompts(record.question, record.response, replies[:read])
    except Exception:  # noqa: BLE001  # what could be written up to here; a user's own may raise anything
        pass
    return {prompt_hash(prompt): prompt for prompt in asked}


def _turns(prompt: Prompt, texts: dict[str, int]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for turn in prompt.turns:
        text = "".join(part.text for part in turn.parts if isinstance(part, Text))
        found.append((turn.role, texts.setdefault(text, len(texts))))
    return found
