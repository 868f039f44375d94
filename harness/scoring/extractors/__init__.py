"""Extraction rules: from a response to the letter it chose, or None when it chose none.

``EXTRACTORS[name](response, options)`` never guesses: where a source draws at random, its rule
returns None. ``VERDICTS[name](response, options, gold)`` is for the source that compares the
response with the gold option instead of reading a letter: where there is one, it decides the score.
Options may carry their own "A. " or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.scoring.extractors import lmms_eval, lmms_eval_2026, official, recent, vlmeval
from harness.scoring.extractors.default import default, option_text
from harness.scoring.options import without_prefixes

Extractor = Callable[[str, Sequence[str]], str | None]
Verdict = Callable[[str, Sequence[str], str], bool]

__all__ = [
    "EXTRACTORS", "VERDICTS", "Extractor", "Verdict", "option_text", "right", "without_prefixes",
]  # fmt: skip

RULES: Mapping[str, Extractor] = {
    "default": default,
    "videomme": official.videomme,
    "lmms_mcq": lmms_eval.lmms_mcq,
    "lmms_mcq_all": lmms_eval.lmms_mcq_all,
    "cgbench_lmms": lmms_eval.cgbench_lmms,
    "mvbench": official.mvbench,
    "mvbench_lmms": lmms_eval.mvbench_lmms,
    "mlvu": official.mlvu,
    "nextqa_lmms": lmms_eval.nextqa_lmms,
    "egoschema_lmms": lmms_eval.egoschema_lmms,
    "longvideobench_lmms": lmms_eval.longvideobench_lmms,
    "lvbench": official.lvbench,
    "perceptiontest_lmms": lmms_eval.perceptiontest_lmms,
    "tvbench_lmms": lmms_eval.tvbench_lmms,
    "tomato_lmms": lmms_eval.tomato_lmms,
    "tempcompass": official.tempcompass,
    "tomato": official.tomato,
    "videomme_v2": official.videomme_v2,
    "videomme_v2_lmms": lmms_eval_2026.videomme_v2_lmms,
    "videomme_v2_lmms_until_2026_08": lmms_eval_2026.videomme_v2_lmms_until_2026_08,
    "videomme_lmms_until_2026_04": lmms_eval.videomme_lmms_until_2026_04,
    "videomme_vlmeval": vlmeval.videomme_vlmeval,
    "videomme_vlmeval_until_2026_06": vlmeval.videomme_vlmeval_until_2026_06,
    "videomme_v2_vlmeval": vlmeval.videomme_v2_vlmeval,
    "videomme_v2_vlmeval_until_2026_06": vlmeval.videomme_v2_vlmeval_until_2026_06,
    "mcq_vlmeval": vlmeval.mcq_vlmeval,
    "mcq_vlmeval_until_2026_06": vlmeval.mcq_vlmeval_until_2026_06,
    "video_holmes": recent.video_holmes,
    "motionbench_lmms": recent.motionbench_lmms,
    "minerva_lmms": recent.minerva_lmms,
    "dailyomni": recent.dailyomni,
    "ovobench": recent.first_capital,
    "cgbench": recent.cgbench,
}
"""By name. ``_until_YYYY_MM`` is what a rule was before its source changed it in that month; the
function says in which commits."""


def _bare(rule: Extractor) -> Extractor:
    def read(response: str, options: Sequence[str]) -> str | None:
        return rule(response, without_prefixes(options))

    read.__name__, read.__doc__ = rule.__name__, rule.__doc__
    return read


EXTRACTORS: Mapping[str, Extractor] = {name: _bare(rule) for name, rule in RULES.items()}

VERDICTS: Mapping[str, Verdict] = {
    "mvbench": official.mvbench_verdict,
    "ovobench": recent.ovobench_verdict,
    "cgbench": recent.cgbench_verdict,
}


def right(extractor: str, response: str, options: Sequence[str], gold: str) -> bool | None:
    """What the named rule makes of a response whose right letter is ``gold``; None: unparsed.

    The one function an audit needs: it takes the verdict where the source judges, and the
    letter where it reads.
    """
    if extractor in VERDICTS:
        return VERDICTS[extractor](response, options, gold)
    read = EXTRACTORS[extractor](response, options)
    return None if read is None else read == gold
