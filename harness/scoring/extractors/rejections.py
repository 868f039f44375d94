"""Letters that a response names without choosing them: rejected, compared, looked at, asked about.

``without_rejected`` takes such wordings out, so that what is left is what the response says for an
option. Letters are rejected one by one ("A is wrong") or together ("A, B and C are wrong").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.scoring.extractors import languages

# the pronoun "I" is a letter only in brackets or before "is"
_CAPITAL = r"(?:[A-HJ]|I(?=[\"'”’)\]}]|\s+(?:is|was)\b))"
_X = rf"[\"'“‘(\[{{]{{0,3}}(?<!\w){_CAPITAL}(?!\w|['’]\w)[\"'”’)\]}}]{{0,3}}"
_KIND = r"(?:(?i:(?:the\s+)?(?:options?|choices?|letters?|answers?)\s+))?"
_AND = r"\s*(?:,\s*(?:and|or|nor)\b|,|/|&|\band\b|\bor\b|\bnor\b)\s*"
_TOGETHER = rf"{_KIND}{_X}(?:{_AND}{_KIND}{_X}){{0,9}}"
_JOINED = (
    rf"{_KIND}{_X}(?:(?:\s*,\s*{_KIND}{_X}){{0,8}}\s*,?\s*(?:or|nor|and)\s+{_KIND}{_X}){{0,8}}"
)
_SURE = r"(?:\s+(?:\w+ly|all|both|also|just|be|to|being|been|still|very|most|a|an|the)){0,3}"
_BAD = (
    r"(?:wrong|incorrect|false|impossible|unlikely|implausible|inaccurate|invalid|irrelevant|"
    r"unsupported|contradicted|ruled\s+out|eliminated|excluded|discarded|dismissed|rejected|"
    r"out|off|too|less|worse|never|not|nowhere|nonsense|absent|"
    r"(?:only\s+)?(?:part\w+|half|almost|nearly)\s+(?:correct|right|true|wrong))\b"
)
_VERB = r"(?:is|are|was|were|can|could|would|seems?|looks?|appears?|sounds?|must|should|may|might)"
_AFTER = (
    rf"(?:\s+{_VERB}(?:n['’]t\b|not\b|{_SURE}\s+{_BAD})|\s+(?:do|does|did|has|have)(?:n['’]t|\s+not)\b"
    r"|\s+(?:would\s+(?:require|need|imply|mean)|(?:ha[sd]|makes?)\s+no|cannot|can['’]t|won['’]t|never|contradicts?|fails?|lacks?)\b)[^.\n,;]*"
)
_FILLER = (
    r"(?:(?:it|that|this|the|correct|right|best|answer|is|be|to|think|believe|say|choose|pick|"
    r"select|go|with|sure|certain|convinced|if|whether|possibly|likely|necessarily|have|really|certainly|definitely|it['’]s|"
    r"supports?|shows?|match|fit|mention|suggest|indicate|confirm|favou?r)\s+){0,7}"
)
_UNLIKE = r"(?i:\b(?:instead\s+of|rather\s+than|except|unlike|compar\w+\s+(?:to|with))\s+)"
_LIST_LEAD = (
    r"(?i:\b(?:neither|none\s+of|all\s+of|without|eliminat\w+|exclud\w+|discard\w*|dismiss\w*|"
    r"reject\w*|rul(?:e|es|ed|ing)\s+out|anything\s+but|all\s+but|everything\s+but)\s+)"
)
_NEUTRAL = (
    r"(?i:\b(?:look(?:s|ed|ing)?\s+at|consider(?:s|ed|ing)?|examin\w+|analy[sz]\w+|evaluat\w+|"
    r"check\w*|discuss\w*|comparing|start(?:s|ed|ing)?\s+with|between|among|one\s+of|"
    r"choos(?:e|ing)\s+from)\s+(?:the\s+)?)"
)
_QUESTION = re.compile(
    rf"(?:^|(?<=[.!?\n:]))\s*(?:(?i:is|are|was|could|would|might|can|does|do|should|why|what|how|which|"
    rf"either|whether)\b[^.!?\n]{{0,80}}?\s)?{_TOGETHER}\s*\?"
)
_NO = (
    r"(?i:no|nope|wrong|incorrect|false|impossible|"
    r"not\s+(?:in|on|at|correct|right|shown|present|seen|true|possible|supported|mentioned|visible|the))\b"
)
_MARKED_WRONG = re.compile(
    rf"{_X}\s*(?:[:=\-–—?]+|->|→)\s*{_NO}[^.\n,;]*|\b[A-J]\)\s*{_NO}[^.\n,;(]*"
    rf"|(?:^|\n)\W*[A-J][.):]\s[^\n]{{1,200}}[:\-–—]\s*{_NO}[^\n]*"
    r"|\b[A-J]\b\)?\s*[✗✘❌]|(?:^|\n)\W*[✗✘❌]\s*\(?[A-J]\b"
)
_PATTERNS = [
    re.compile(pattern)
    for pattern in (
        rf"{_LIST_LEAD}{_TOGETHER}",
        rf"(?:{_UNLIKE}|{_NEUTRAL}){_JOINED}",
        rf"(?:\b(?:[Nn]o\s+way|[Nn]ot|[Nn]ever|[Nn]or|[Cc]annot|than|over)|n['’]t)\s+{_FILLER}{_JOINED}"
        r"(?:\s+is\s+(?:\w+\s+)?(?:correct|right|true)\b)?",
        rf"\b(?i:unlikely|hardly|doubtful|nothing|no\s+(?:evidence|support|sign))\s+"
        rf"(?:(?:to|be|for|of|that|it|is|supports?|suggests?|indicates?)\s+){{0,4}}{_JOINED}",
        rf"\b(?:doubt|deny|disagree)\w*\s+(?:that\s+)?{_FILLER}{_JOINED}(?:\s+is\s+\w+)?",
        r"(?<!change )(?<!changes )(?<!changed )(?<!answer )(?<!mind )(?<!choice )"
        rf"\b[Ff]rom\s+{_X}(?:\s+to\s+{_X}){{1,3}}",
        rf"\b(?:[Ii]f|[Hh]ad)\s+{_KIND}{_X}\s+(?:is|was|were|had)\b[^,.\n]*",
        r"\b(?:[Hh]owever|[Bb]ut|[Aa]lthough|[Tt]hough)\b,?\s+if\s+"
        r"(?!(?:I|we|you|one|forced|pressed|pushed|asked)\b)[^.;\n]{1,120}?,\s*(?:then\s+)?"
        r"(?:it|that|this|the\s+(?:\w+\s+)?answer)\s+(?:would|could|might|may)\s+(?:also\s+)?"
        rf"(?:be|have\s+been)\s+{_JOINED}",
        rf"(?:^|[.;\n])\s*(?i:wrong|incorrect|false|eliminated|excluded)\s*:\s*{_TOGETHER}",
        rf"\b(?:is|was)(?:\s+not|n['’]t)\s*:\s*{_JOINED}",
        r"\b(?i:although|though|while|whereas|even\s+if)\s+(?!I\b)\w+(?:\s+\w+){0,2}\s+"
        r"(?:would|might|may|could)\s+(?:say|choose|pick|select|guess|think|answer|argue)\s+"
        rf"(?:that\s+)?{_JOINED}",
        rf"{_TOGETHER}{_AFTER}",
        r"\b(?:Mr|Mrs|Ms|Dr|Prof|St)\.\s*[A-J]\b|\b[A-Z]\.\s?[A-J]\.\s[A-Z][a-z]",
    )
]

_LESS = re.compile(
    rf"{_KIND}(?P<x>{_X})\s+(?:is|seems|looks|appears|fits)\s+(?:(?!not\b)\w+\s+)?"
    rf"(?:less(?:\s+\w+)?|worse)\s+than\s+{_KIND}(?P<y>{_X})"
)


def without_rejected(text: str, options: Sequence[str]) -> str:
    """The text without the letters that it rejects, compares with or only asks about.

    ``options`` whose own text is "no" or "false" are not rejected by it.
    """
    if preferred := _preferred(text):
        return f"{preferred} fits"
    kept = _QUESTION.sub(_unless_confirmed, text)
    if not any(re.match(_NO, option) for option in options):
        kept = _MARKED_WRONG.sub(" ", kept)
    kept = languages.REJECTED.sub(" ", kept)
    for pattern in _PATTERNS:
        kept = pattern.sub(" ", kept)
    return kept


def _preferred(text: str) -> str:
    """The one letter that all others of a text are said to be less than: "B is worse than A"."""
    found = list(_LESS.finditer(text))
    if not found or re.search(_X, _LESS.sub(" ", text)):
        return ""
    best = {m["y"] for m in found} - {m["x"] for m in found}
    return best.pop() if len(best) == 1 else ""


def _unless_confirmed(match: re.Match[str]) -> str:
    """A letter that is asked about and confirmed at once is claimed: "B? Yes"."""
    rest = match.string[match.end() :]
    if re.match(r"\s*(?:yes|correct|right|true|yep)\b", rest, re.IGNORECASE):
        return match[0]
    return " "
