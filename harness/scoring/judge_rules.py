"""The benchmarks' own rules for a judge's reply, bug for bug, over kept replies.

A rule returns the values that its source counts, by metric; ``AskAgain`` is where the source asks
the judge once more (for ever), ``Stops`` where its script dies, ``Dropped`` where the row leaves
the result. All three are JudgeErrors: a question without a verdict is unscored.

vcg = mbzuai-oryx/Video-ChatGPT@659e04b2, lnext = LLaVA-VL/LLaVA-NeXT@e789bd46 (video_inference),
lmms = EvolvingLMMs-Lab/lmms-eval@75571cfe, cvrr = mbzuai-oryx/CVRR-Evaluation-Suite@9d777877,
tarsier = bytedance/tarsier@63de87a7, mlvu = JUNJIE99/MLVU@fd060c10,
tc = llyx97/TempCompass@e1b46316,
vlm = open-compass/VLMEvalKit@e8e78f05.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import JudgeError

Rule = Callable[[str], Mapping[str, float]]


class AskAgain(JudgeError):
    """The source asks the judge again, without end."""


class Stops(JudgeError):
    """The source's script dies of this reply."""


class Dropped(JudgeError):
    """The source leaves the row out."""


def _eval(text: str) -> Any:
    return ast.literal_eval(text)


BROKEN = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


def _yes_no(saved: Any) -> dict[str, float]:
    """The summary of the Video-ChatGPT family: "yes" and "no" *contained* in pred, int(score).

    "cannot say" holds "no"; a pred with neither leaves the accuracy's denominator; 7 stays 7.
    """
    try:
        score = float(int(saved["score"]))
        pred = saved["pred"].lower()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
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
        saved = _eval(reply)
    except BROKEN as error:
        raise AskAgain("not a Python value: the source asks again for ever") from error
    return _yes_no(saved)


def lmms_yes_no(reply: str) -> Mapping[str, float]:
    """From the first "{" to the next "}"; anything else stops the run.

    lmms tasks/activitynetqa/utils.py: parse_score returns None, whose first item is then taken.
    """
    start = reply.find("{")
    end = reply.find("}", start)
    try:
        saved = _eval(reply[start : end + 1])
    except BROKEN as error:
        raise Stops("not a Python dict: the run dies of a TypeError") from error
    return _yes_no(saved)


def tarsier_yes_no(reply: str) -> Mapping[str, float]:
    """pred must be exactly yes or no and the score in 0..5, else the row is dropped.

    tarsier evaluation/metrics/evaluate_qa_oe_gpt.py; fractional scores are kept.
    """
    try:
        saved = _eval(reply)
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
        saved = _eval(reply)
    except BROKEN as error:
        raise AskAgain("not a Python value: the source asks again for ever") from error
    try:
        return {"score": float(int(saved["score"]))}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise Stops(f"the source's summary dies: {error!r}") from error


def lnext_score(reply: str) -> Mapping[str, float]:
    """int() of the first key, whatever its name. lnext llava/eval/evaluate_benchmark_*.py."""
    try:
        saved = _eval(reply)
    except BROKEN as error:
        raise AskAgain("not a Python value: the source asks again for ever") from error
    try:
        return {"score": float(int(saved[next(iter(saved.keys()))]))}
    except (AttributeError, TypeError, ValueError, StopIteration) as error:
        raise Stops(f"the source stops in its debugger: {error!r}") from error


def lmms_score(reply: str) -> Mapping[str, float]:
    """Any failure is 0: a judge that fences its JSON makes the whole benchmark 0.

    lmms tasks/videochatgpt/utils.py and tasks/video_detail_description/utils.py.
    """
    try:
        return {"score": float(int(_eval(reply).get("score", 0)))}
    except (AttributeError, *BROKEN):
        return {"score": 0.0}


def _correct(saved: Any) -> dict[str, float]:
    try:
        score, pred = float(int(saved["score"])), saved["pred"].lower()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Stops(f"the source's summary dies: {error!r}") from error
    if pred in ("correct", "incorrect"):
        return {"accuracy": float(pred == "correct"), "score": score}
    return {"score": score}


def cvrr_official(reply: str) -> Mapping[str, float]:
    """The reply as a Python value; else with the reason cut off at its first quote; else again.

    cvrr Evaluation-Scripts/LLM_Judge_evaluation.py.
    """
    try:
        return _correct(_eval(reply))
    except BROKEN:
        pass
    start = reply.find("'reason': '") + len("'reason': '")  # absent: from the eleventh character
    cut = reply[: reply.find("'", start)]
    try:
        return _correct(_eval(cut + "'}"))
    except BROKEN:
        pass
    raise AskAgain("not a Python dict: the source waits 60 s and asks again for ever")


def cvrr_lmms(reply: str) -> Mapping[str, float]:
    """Only exactly "correct" counts; any failure is incorrect, 0. lmms tasks/cvrr/utils.py."""
    try:
        saved = _eval(reply)
        score = float(int(saved.get("score", 0)))
        return {"accuracy": float(saved.get("pred") == "correct"), "score": score}
    except (AttributeError, *BROKEN):
        return {"accuracy": 0.0, "score": 0.0}


def egotempo(reply: str) -> Mapping[str, float]:
    """The first {…} as a Python value; a failure leaves the row out.

    google-research-datasets/egotempo@a6b7b607, gemini_eval.ipynb. Only "correct" is a hit.
    """
    found = re.search(r"\{.*?\}", reply, re.DOTALL)
    try:
        saved = _eval(found[0]) if found else None
        score = float(int(saved.get("score", 0)))  # type: ignore[union-attr]
        pred = saved.get("pred", "")  # type: ignore[union-attr]
    except (AttributeError, *BROKEN) as error:
        raise Dropped(f"dropped: {error!r}") from error
    return {"accuracy": float(str(pred).lower() == "correct"), "score": score}


def mmbench_video(reply: str) -> Mapping[str, float]:
    """The reply evaluated as Python must be an int; it is not checked against 0..3.

    -1 (counted as 0 in "all", left out of "valid") is everything else; no second try.
    vlm vlmeval/dataset/utils/mmbench_video.py, which calls ``eval``; here only literals are read.
    """
    try:
        value = _eval(reply.strip())
    except BROKEN:
        value = -1
    whole = isinstance(value, int) and not isinstance(value, bool)
    return {"score": float(max(value, 0))} if whole else {"score": 0.0}


def mlvu_official(reply: str, keys: tuple[str, str]) -> Mapping[str, float]:
    """The text from two characters after the ":" that follows a key, up to the next ",".

    A key that is absent is left out (the other alone is the sum); one that is no number there
    raises Stops. mlvu evaluation/generation_evaluation/calculate.py.
    """
    found: list[float] = []
    for key in keys:
        start = reply.find(key)
        if start == -1:
            continue
        colon = reply.find(":", start)
        end = reply.find(",", colon)
        try:
            found.append(float(reply[colon + 2 : end]))
        except ValueError as error:
            raise Stops(f"the script dies: {error}") from error
    return {"score": sum(found)}


def tempcompass_caption(reply: str, gold: str) -> float:
    """The rating of a captioning verdict: 1, 0, or -1 for an empty reply.

    ``gold`` is the right option's line, "B. running". The last line that holds "Answer", without
    "Answer:", else the whole reply, must have the same text before ". " as ``gold``, and just one
    of "A." to "D." may occur. tc eval_captioning.py adds a -1 to the sum; lmms counts 1 only.
    """
    if not reply:
        return -1.0
    lines = [line for line in reply.split("\n") if "Answer" in line]
    answer = (lines[-1].replace("Answer:", "") if lines else reply).strip()
    named = sum(f"{letter}." in answer for letter in "ABCD")
    return float(answer.split(". ")[0] == gold.split(". ")[0] and named == 1)


def tempcompass_fallback(reply: str) -> float:
    """1 for Correct, 0 for Incorrect, by case; AskAgain (ten times, then 0) for neither.

    "Not Correct" is 1. tc utils/eval_utils.py; VLMEvalKit counts 0 at once.
    """
    if "Correct" not in reply and "Incorrect" not in reply:
        raise AskAgain("neither Correct nor Incorrect: asked ten times, then 0")
    if reply.startswith("Correct"):
        return 1.0
    if reply.startswith("Incorrect"):
        return 0.0
    return float("Correct" in reply and "Incorrect" not in reply)


def lmms_binary(reply: str) -> Mapping[str, float]:
    """Any "1" anywhere is 1: "0. The prediction gives 1 of 2 items" is right.

    lmms llm_judge/utils.py, parse_binary_response.
    """
    return {"accuracy": float("1" in reply.strip().lower())}


def lmms_verifier(reply: str) -> Mapping[str, float]:
    """Right unless it says incorrect, where "correct", "yes", "true" or a "1" occurs anywhere: "not
    correct" and "0 (score out of 10)" are right. lmms verifiers/base.py, parse_binary_response.
    """
    upper = reply.strip().upper()
    if "INCORRECT" in upper or "NOT_ATTEMPTED" in upper:
        return {"accuracy": 0.0}
    return {"accuracy": float(any(sign in upper for sign in ("CORRECT", "YES", "TRUE", "1")))}


def videoevalpro(reply: str) -> Mapping[str, float]:
    """The first character, upper-cased, is A. TIGER-AI-Lab/VideoEval-Pro@8467762b, gpt4o_judge.py.

    "Answer: C" is right. An empty reply raises, is asked ten times, and then counts as *right*: the
    failure is a non-empty dict, which is true.
    """
    said = reply.strip()
    return {"accuracy": float(not said or said[0].upper() == "A")}


YES_NO: Mapping[str, Rule] = {
    "vcg": vcg_yes_no,
    "lmms": lmms_yes_no,
    "tarsier": tarsier_yes_no,
    "cvrr": cvrr_official,
    "cvrr_lmms": cvrr_lmms,
    "egotempo": egotempo,
    "lmms_binary": lmms_binary,
    "lmms_verifier": lmms_verifier,
    "videoevalpro": videoevalpro,
}
"""Rules for a verdict (and mostly a score), by name."""

SCORES: Mapping[str, Rule] = {
    "vcg": vcg_score,
    "lnext": lnext_score,
    "lmms": lmms_score,
    "mmbench_video": mmbench_video,
}
"""Rules for a score alone, by name."""
