"""The benchmarks' own rules for a judge's reply, bug for bug, over kept replies.

A rule returns the values that its source counts, by metric; ``AskAgain`` is where the source asks
the judge once more (for ever), ``Stops`` where its script ends with an error, ``Dropped`` where
the row leaves the result. All three are JudgeErrors: a question without a verdict is unscored.

vcg = mbzuai-oryx/Video-ChatGPT@659e04b2, lnext = LLaVA-VL/LLaVA-NeXT@e789bd46 (video_inference),
lmms = EvolvingLMMs-Lab/lmms-eval@75571cfe, cvrr = mbzuai-oryx/CVRR-Evaluation-Suite@9d777877,
tarsier = bytedance/tarsier@63de87a7, mlvu = JUNJIE99/MLVU@fd060c10,
tc = llyx97/TempCompass@e1b46316,
vlm = open-compass/VLMEvalKit@e8e78f05.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.errors import RequestError
from harness.names import unknown
from harness.scoring.judge_rule_ends import AskAgain, Dropped, Rule, Stops
from harness.scoring.judge_rules_others import (
    egotempo,
    lmms_binary,
    lmms_verifier,
    mlvu_official,
    mmbench_video,
    tempcompass_caption,
    tempcompass_fallback,
    videoevalpro,
)
from harness.scoring.judge_rules_vcg import (
    cvrr_lmms,
    cvrr_official,
    lmms_score,
    lmms_yes_no,
    lnext_score,
    tarsier_yes_no,
    vcg_score,
    vcg_yes_no,
)

__all__ = [
    "SCORES",
    "YES_NO",
    "AskAgain",
    "Dropped",
    "Rule",
    "Stops",
    "check_rule",
    "cvrr_lmms",
    "cvrr_official",
    "egotempo",
    "lmms_binary",
    "lmms_score",
    "lmms_verifier",
    "lmms_yes_no",
    "lnext_score",
    "mlvu_official",
    "mmbench_video",
    "tarsier_yes_no",
    "tempcompass_caption",
    "tempcompass_fallback",
    "vcg_score",
    "vcg_yes_no",
    "videoevalpro",
]

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


def check_rule(rule: str, known: Mapping[str, object] | Sequence[str]) -> None:
    """Raises RequestError for a rule that is neither "default" nor ``known``."""
    if rule != "default" and rule not in known:
        raise RequestError(f"task.scorer.rule={rule}: {unknown(rule, ['default', *known])}")
