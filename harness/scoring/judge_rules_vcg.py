"""The rules of Video-ChatGPT's family: the reply is a Python dict with ``pred`` or ``score``.

Sources as in ``harness.scoring.judge_rules``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.scoring.judge_rule_ends import BROKEN, AskAgain, Dropped, Stops, literal


def _yes_no(saved: Any) -> dict[str, float]:
    """The summary of the Video-ChatGPT family: "yes" and "no" *contained* in pred, int(score).

    "cannot say" holds "no"; a pred with neither leaves the accuracy's denominator; 7 stays 7.
    """
    try:
        score = float(int(saved["score"]))
        pred = saved["pred"].lower()
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise Stops(f"the source's summary dies: {error!r}") from error
    if "yes" in pred:
        return {"accuracy": 1.0, "score": score}
    if "no" in pred:
        return {"accuracy": 0.0, "score": score}
    return {"score": score}


def vcg_yes_no(reply: str) -> Mapping[str, float]:
    """ActivityNet-QA, MSVD-, MSRVTT-, TGIF-QA: the whole reply is a Python value.

    vcg quantitative_evaluation/evaluate_activitynet_qa.py.
    """
    try:
        saved = literal(reply)
    except BROKEN as error:
        raise AskAgain("not a Python value: the source asks again for ever") from error
    return _yes_no(saved)


def lmms_yes_no(reply: str) -> Mapping[str, float]:
    """From the first "{" to the next "{" or "}", and a "}" there (cut-off ones are read so);
    anything else stops the run.

    lmms tasks/activitynetqa/utils.py: parse_score returns None, whose first item is then taken.
    """
    inside = re.split("[{}]", reply.partition("{")[2], maxsplit=1)[0]
    try:
        saved = literal(f"{{{inside}}}")
    except BROKEN as error:
        raise Stops("not a Python dict: the run dies of a TypeError") from error
    return _yes_no(saved)


def tarsier_yes_no(reply: str) -> Mapping[str, float]:
    """pred must be exactly yes or no and the score in 0..5, else the row is dropped.

    tarsier evaluation/metrics/evaluate_qa_oe_gpt.py; fractional scores are kept.
    """
    try:
        saved = literal(reply)
        pred, score = saved["pred"], float(saved["score"])
    except (KeyError, *BROKEN) as error:
        raise Dropped(f"dropped: {error!r}") from error
    if pred not in ("yes", "no") or not 0 <= score <= 5:
        raise Dropped(f"dropped: {pred!r}, {score:g}")
    return {"accuracy": float(pred == "yes"), "score": score}


def vcg_score(reply: str) -> Mapping[str, float]:
    """Video-ChatGPT's five axes: int() of the key "score".

    vcg quantitative_evaluation/evaluate_benchmark_1_correctness.py and its four copies. The example
    in its own prompt, {''score': 4.8}, cannot be parsed.
    """
    try:
        saved = literal(reply)
    except BROKEN as error:
        raise AskAgain("not a Python value: the source asks again for ever") from error
    try:
        return {"score": float(int(saved["score"]))}
    except (KeyError, TypeError, ValueError, OverflowError, IndexError) as error:
        raise Stops(f"the source's summary dies: {error!r}") from error


def lnext_score(reply: str) -> Mapping[str, float]:
    """int() of the first key, whatever its name. lnext llava/eval/evaluate_benchmark_*.py."""
    try:
        saved = literal(reply)
    except BROKEN as error:
        raise AskAgain("not a Python value: the source asks again for ever") from error
    try:
        return {"score": float(int(saved[next(iter(saved.keys()))]))}
    except (AttributeError, TypeError, ValueError, OverflowError, StopIteration) as error:
        raise Stops(f"the source stops in its debugger: {error!r}") from error


def lmms_score(reply: str) -> Mapping[str, float]:
    """Any failure is 0: a judge that fences its JSON makes the whole benchmark 0.

    lmms tasks/videochatgpt/utils.py and tasks/video_detail_description/utils.py.
    """
    try:
        return {"score": float(int(literal(reply).get("score", 0)))}
    except (AttributeError, *BROKEN):
        return {"score": 0.0}


def _correct(saved: Any) -> dict[str, float]:
    try:
        score, pred = float(int(saved["score"])), saved["pred"].lower()
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise Stops(f"the source's summary dies: {error!r}") from error
    if pred in ("correct", "incorrect"):
        return {"accuracy": float(pred == "correct"), "score": score}
    return {"score": score}


def cvrr_official(reply: str) -> Mapping[str, float]:
    """The reply as a Python value; else with the reason cut off at its first quote; else again.

    cvrr Evaluation-Scripts/LLM_Judge_evaluation.py.
    """
    try:
        return _correct(literal(reply))
    except BROKEN:
        pass
    start = reply.find("'reason': '") + len("'reason': '")  # absent: from the eleventh character
    cut = reply[: reply.find("'", start)]
    try:
        return _correct(literal(cut + "'}"))
    except BROKEN:
        pass
    raise AskAgain("not a Python dict: the source waits 60 s and asks again for ever")


def cvrr_lmms(reply: str) -> Mapping[str, float]:
    """Only exactly "correct" counts; any failure is incorrect, 0. lmms tasks/cvrr/utils.py."""
    try:
        saved = literal(reply)
        score = float(int(saved.get("score", 0)))
        return {"accuracy": float(saved.get("pred") == "correct"), "score": score}
    except (AttributeError, *BROKEN):
        return {"accuracy": 0.0, "score": 0.0}
