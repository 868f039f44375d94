"""The rules of single benchmarks. Sources as in ``harness.scoring.judge_rules``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.scoring.judge_rule_ends import BROKEN, AskAgain, Dropped, Stops, literal


def egotempo(reply: str) -> Mapping[str, float]:
    """The first {…} as a Python value; a failure leaves the row out.

    google-research-datasets/egotempo@a6b7b607, gemini_eval.ipynb. Only "correct" is a hit.
    """
    found = re.search(r"\{.*?\}", reply, re.DOTALL)
    try:
        saved = literal(found[0]) if found else None
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
        value = literal(reply.strip())
        whole = isinstance(value, int) and not isinstance(value, bool)
        return {"score": float(max(value, 0)) if whole else 0.0}
    except BROKEN:
        return {"score": 0.0}


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
    return float(reply.startswith("Correct") or "Incorrect" not in reply)


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
