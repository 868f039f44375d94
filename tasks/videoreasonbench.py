"""VideoReasonBench: a hidden state, operations upon it, and what it is before, after or next.

Liu et al. 2025, arXiv 2505.23359, github.com/llyx97/video_reason_bench (2524387). 1,440 questions:
240 for each of six demonstrations (hrd: numbers, grid: circle, cup, file_sys, card, chip), on three
levels: recall (order_operation, counting_operation), infer (order_state or counting_state,
comparison_state), predict (prediction_state, prediction_operation). Rows are those of the
repository's questions/*.json; a table on the hub was not looked up: set data= to a folder with
these files and ``videos/``.

What follows "Final Answer" is judged, without it the answer is wrong. A predicted operation has no
gold answer: the judge only copies the moves out of the response, and they are carried out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from harness.errors import DataError, JudgeError
from harness.scoring.judge_prompts import fill, judge_prompt, named
from harness.task import Row, Task
from harness.types import JSON, Clip, Prompt, Question, Response, Score
from tasks import videoreasonbench_states as states

LEVELS = {
    "order_operation": "recall",
    "counting_operation": "recall",
    "order_state": "infer",
    "counting_state": "infer",
    "comparison_state": "infer",
    "prediction_state": "predict",
    "prediction_operation": "predict",
}
PROMPTS = {
    "hrd": "videoreasonbench_moves",
    "grid": "videoreasonbench_moves",
    "cup": "videoreasonbench_swaps",
    "file_sys": "videoreasonbench_commands",
    "card": "videoreasonbench_cards",
    "chip": "videoreasonbench_chips",
}


@dataclass(frozen=True)
class VideoReasonBench(Task):
    """Rows of questions/*.json, each with its demonstration under ``config`` (the file's name)."""

    def clip(self, row: Row) -> Clip:
        """The whole video, "videos/card/state1_op5_start.mp4"."""
        name = str(row["video"]).removeprefix("videos/")
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """Groups: demonstration, level, dimension, and whether start or end is visible."""
        dim, demo = str(row["dim"]), str(row["config"])
        if dim not in LEVELS or demo not in PROMPTS:
            raise DataError(f"dim {dim!r} of {demo!r} is none of VideoReasonBench's")
        text = str(row["question"])
        groups = {
            "demo": (demo,),
            "level": (LEVELS[dim],),
            "dim": ("infer_state" if dim in ("order_state", "counting_state") else dim,),
            "visible": (str(row["visible_time"]),),
        }
        id = f"{demo}_{row['id']}"
        if dim != "prediction_operation":
            return Question(id, text, target=str(row["answer"]), groups=groups)
        metadata = {"state": _state(row, demo), "at": _at(row, demo)}
        return Question(id, text, target=_wanted(text, demo), groups=groups, metadata=metadata)


def _state(row: Row, demo: str) -> JSON:
    """The state that the moves start from: the last where the start is visible, else the first."""
    place = 0 if row["visible_time"] == "end" else -1
    given: Any = row["states"]
    if isinstance(given, list):
        return cast(JSON, given[place])
    steps = {name: list(s.values()) if isinstance(s, Mapping) else s for name, s in given.items()}
    return {name: found[place] for name, found in steps.items()}


def _at(row: Row, demo: str) -> JSON:
    place = 0 if row["visible_time"] == "end" else -1
    return cast(JSON, row["coords"][place]) if demo == "grid" else None


def _wanted(text: str, demo: str) -> JSON:
    if demo in ("hrd", "grid", "cup"):
        return cast(JSON, states.target_board(text, demo))
    where, held = states.listed_target(text, demo)
    return {where: cast(JSON, held)}


def final_answer(text: str) -> str:
    """What follows "Final Answer" after any thinking; empty without it.

    llyx97/video_reason_bench@2524387, utils/eval_utils.py, extract_final_answer.
    """
    rest = text.split("◁/think▷")[1] if "◁/think▷" in text else text
    found = re.search(r"Final Answer\s*(.*?)\s*$", rest, re.DOTALL)
    return found[1] if found else ""


@dataclass(frozen=True)
class StateScorer:
    """Value "accuracy". ``rule`` "default": a verdict is a reply that starts with Correct or
    Incorrect; "official": exactly "Correct" is right, everything else wrong."""

    rule: Literal["default", "official"] = "default"

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "accuracy"."""
        return ("accuracy",)

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """Wrong or right."""
        return {"accuracy": (0.0, 1.0)}

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """One; none without a final answer."""
        said = final_answer(response.text)
        if not said:
            return []
        values = {"question": question.text, "pred": said, "answer": str(question.target)}
        if not _operates(question):
            return [judge_prompt("verdict", "", fill(named("videoreasonbench_judge"), values))]
        (demo,) = question.groups["demo"]
        return [judge_prompt("moves", "", fill(named(PROMPTS[demo]), values))]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """ "accuracy". Raises JudgeError for a reply that is no verdict or no list of moves."""
        said = final_answer(response.text)
        if question.target is None:
            return Score({}, said or None)
        if not replies:
            return Score({"accuracy": 0.0}, None, "no final answer")
        (reply,) = replies
        if not _operates(question):
            right = reply == "Correct" if self.rule == "official" else _verdict(reply)
            return Score({"accuracy": float(right)}, said, reply)
        (demo,) = question.groups["demo"]
        try:
            moves = the_moves(reply, demo)
        except JudgeError:
            if self.rule != "official":
                raise
            moves = []
        right = bool(moves) and leads_there(question, demo, moves)
        return Score({"accuracy": float(right)}, said, reply)


def _operates(question: Question) -> bool:
    return question.groups.get("dim") == ("prediction_operation",)


def _verdict(reply: str) -> bool:
    said = reply.split("</think>")[-1].strip(" \t\n\"'.*`").lower()
    for word, right in (("incorrect", False), ("correct", True)):
        if re.match(rf"{word}\b", said):
            return right
    raise JudgeError(f"the judge's reply is neither Correct nor Incorrect: {reply[:120]!r}")


def the_moves(reply: str, demo: str) -> list[Any]:
    """The judge's copy of the moves: a Python list; for files, commands joined by " & ".

    The authors evaluate the reply as Python; here only literals are read, a fence around them is
    taken off. Raises JudgeError.
    """
    text = re.sub(r"^```\w*\n?|```$", "", reply.split("</think>")[-1].strip()).strip()
    if demo == "file_sys":
        return [part for part in text.strip("`").removeprefix("bash\n").split(" & ") if part]
    try:
        moves = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        moves = None
    if not isinstance(moves, list):
        raise JudgeError(f"the judge's reply is no list of moves: {reply[:120]!r}")
    return moves


def leads_there(question: Question, demo: str, moves: Sequence[Any]) -> bool:
    """Whether the moves lead from the state to the one asked for."""
    state, wanted = cast(Any, question.metadata["state"]), cast(Any, question.target)
    words = [str(move) for move in moves]
    if demo == "hrd":
        return bool(states.slide(state, [word.lower() for word in words]) == wanted)
    if demo == "grid":
        at = cast(Any, question.metadata["at"])
        return bool(states.flip(state, at, [word.lower() for word in words]) == wanted)
    if demo == "cup":
        return bool(states.swap(state, moves) == wanted)
    ((where, held),) = wanted.items()
    if demo == "file_sys":
        return states.files(state, words, where) == set(held)
    after = states.piles(state, words) if demo == "card" else states.cups(state, words)
    return after is not None and states.same(demo, after, where, held)
