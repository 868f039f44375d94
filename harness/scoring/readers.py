"""Readers: from a response to the letter it chose, or None when it chose none.

``READERS[name](response, options)`` never guesses: where a source draws at random, its reader
returns None. ``VERDICTS[name](response, options, gold)`` is for the source that compares the
response with the gold option instead of reading a letter: where there is one, it decides the score.
Options may carry their own "A. " or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.scoring import lmms, official
from harness.scoring.options import without_prefixes
from harness.scoring.reading import default, option_text

Reader = Callable[[str, Sequence[str]], str | None]
Verdict = Callable[[str, Sequence[str], str], bool]

__all__ = ["READERS", "VERDICTS", "Reader", "Verdict", "option_text", "right", "without_prefixes"]

RULES: Mapping[str, Reader] = {
    "default": default,
    "videomme": official.videomme,
    "lmms_mcq": lmms.lmms_mcq,
    "mvbench": official.mvbench,
    "mvbench_lmms": lmms.mvbench_lmms,
    "mlvu": official.mlvu,
    "nextqa_lmms": lmms.nextqa_lmms,
    "egoschema_lmms": lmms.egoschema_lmms,
    "longvideobench_lmms": lmms.longvideobench_lmms,
    "lvbench": official.lvbench,
    "perceptiontest_lmms": lmms.perceptiontest_lmms,
    "tvbench_lmms": lmms.tvbench_lmms,
    "tomato_lmms": lmms.tomato_lmms,
    "tempcompass": official.tempcompass,
    "tomato": official.tomato,
    "videomme_v2": official.videomme_v2,
}


def _bare(rule: Reader) -> Reader:
    def read(response: str, options: Sequence[str]) -> str | None:
        return rule(response, without_prefixes(options))

    read.__name__, read.__doc__ = rule.__name__, rule.__doc__
    return read


READERS: Mapping[str, Reader] = {name: _bare(rule) for name, rule in RULES.items()}

VERDICTS: Mapping[str, Verdict] = {"mvbench": official.mvbench_verdict}


def right(reader: str, response: str, options: Sequence[str], gold: str) -> bool | None:
    """What the named rule makes of a response whose right letter is ``gold``; None: unread.

    The one function an audit needs: it takes the verdict where the source judges, and the
    letter where it reads.
    """
    if reader in VERDICTS:
        return VERDICTS[reader](response, options, gold)
    read = READERS[reader](response, options)
    return None if read is None else read == gold
