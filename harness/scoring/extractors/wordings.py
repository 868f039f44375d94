"""How responses word which letter is the answer, in English: the default extractor's patterns.

In each, ``x`` is the letter. What is said in other languages is in ``languages``; what is said of
letters that are not the answer, in ``rejections``.
"""

from __future__ import annotations

import re

from harness.scoring.extractors import languages

OPEN, CLOSE = r"[\"'“”‘„«(\[{<]{0,3}", r"[\"'“”’»)\]}>]{0,3}"
KIND = r"(?:(?:the\s+)?(?:option|choice|letter|answer)\b\s*:?\s*)?"
IS = (
    r"(?:is|was|are|(?:would|should|must|could|might|may|will|can|has\s+to|can\s+only)\s+be|"
    r"(?:appears|seems|happens)\s+to\s+be|corresponds\s+to)"
)
LIKELY = (
    r"(?:,?\s*(?:most\s+likely|most\s+probably|likely\s+to\s+be|likely|still|indeed|thus|hence|"
    r"I\s+think|\w+ly|actually|really)\s*,?\s+)?"
)
LETTER = rf"{OPEN}(?P<x>[A-Ja-j])(?!\w|['’]\w){CLOSE}"
_GOOD = (
    r"(?:correct|right|best|better|answer|option|choice|true|one|likely|plausible|accurate|"
    r"precise|exact|suitable|appropriate|fitting)\b"
)
_YES = r"(?:yes|correct|right|true)\b"

STRONG = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:answer|guess|ans|option|choice|pick|verdict|solution|conclusion|result|one|letter|"
        rf"match|fit)\s*(?:\b(?:for|to)\s+(?:this|the)\s+question\s+)?(?:{IS}\b|[:=\-–]+>?|→)"
        rf"\s*:?\s*{LIKELY}:?\s*{KIND}{LETTER}",
        rf"\b(?:response|statement|sequence|description|closest|order)\s+{IS}\s+{LIKELY}{KIND}{LETTER}",
        r"\b(?:choose|select|pick|(?:go|going)\s+(?:with|for)|guess|say|vote\s+for|answer|mean|meant|"
        rf"make\s+that|opt\s+for|settle\s+on|chang\w+(?:\s+\w+){{0,4}}\s+to)\s+{KIND}{LETTER}",
        rf"\b(?:it|that|this|which)(?:['’]s|\s+{IS})\s+{LIKELY}{KIND}{LETTER}",
        rf"\bbut\s+(?:rather\s+|more\s+likely\s+|\w+ly\s+)?{KIND}{LETTER}"
        r"(?!\s+(?:is|could|may|might)\s+(?:also|be\s+also|possible))",
        rf"\bhowever,?\s+(?:rather\s+|\w+ly\s+)?{KIND}{LETTER}(?=\s*(?:$|[.!\n]))",
        r"\b(?:no|wait|actually|correction|sorry|second\s+thought|(?:scratch|strike)\s+that)\b"
        r"[\s,.:;!…-]{1,4}"
        rf"(?:(?:wait|actually|no|it['’]s|it\s+is)[\s,.:;!…]{{1,3}}){{0,3}}{LETTER}(?=\s*(?:$|[.,;:!\n]))",
        rf"(?<![\w'’]){LETTER}\s+(?:{IS}|seems|looks|appears|sounds)\s+(?:to\s+be\s+)?(?:the\s+|my\s+)?"
        rf"(?:most\s+|only\s+|clearly\s+|more\s+)?(?:\w+\s+)?{_GOOD}",
        rf"(?<![\w'’]){LETTER}\s+(?:fits|matches|works|suits)\s+(?:it\s+)?best\b",
        rf"\bmost\s+(?:likely|probably)\s*[,:]?\s+{KIND}{LETTER}(?=\s*(?:$|[.,;!\n]))",
        rf"(?:^|[.;\n])\s*(?:correct|right|true)\s*[:=]\s*{KIND}{LETTER}",
        rf"(?<![\w'’]){LETTER}\s*(?:[:=\-–?]|->|→|\))\s*{_YES}",
        rf"(?:^|\n)\W*{LETTER}[.:]?\s[^\n]{{1,200}}[:\-–—]\s*{_YES}",
        r"\b(?P<x>[A-J])\b\)?\s*[✓✔✅☑]",
        r"(?:^|\n)\W*[✓✔✅☑]\s*\(?(?P<x>[A-J])\b",
    )
] + languages.CLAIMS
NAMED = [re.compile(rf"\b(?:answer|ans)\s*{LETTER}", re.IGNORECASE)]
"""Weaker than a claim: "answer C"."""
MENTIONED = [re.compile(rf"\b(?:options?|choice)\s*{LETTER}", re.IGNORECASE)]
"""Weaker than a leading letter, whose explanation may go through the options: "option A shows"."""
CORRECTION = re.compile(
    r"\b(?:wait|actually|correction|sorry|no|rather|instead|final(?:ly)?|however|second thought"
    r"|better|more|choose|chang(?:es?|ed|ing)|but|(?:scratch|strike) that)\b",
    re.IGNORECASE,
)

_SECOND = rf"{OPEN}(?P<y>[B-HJ]\b(?![-'’])|[AI]\b(?=\s*(?:$|[.,:;)\]!?/&\n]|(?:and|or|are|is)\b)))"
ALTERNATIVES = re.compile(
    rf"(?<![\w'’])(?=(?P<x>[A-J]){CLOSE}\s*(?:,\s*(?:and|or)\b|,|;|/|&|\+|\band/or\b|\band\b|\bor\b)"
    rf"(?:\s*(?:maybe|perhaps|possibly|even)\b)?\s*{_SECOND})|(?=(?P<u>[A-J])\s*(?:、|和|与|或者?|及|跟|还是选?|還是選?|か|と|または)\s*(?P<v>[A-J]))"
)
"""Two letters side by side, ``x`` and ``y`` or ``u`` and ``v``: neither is claimed."""
CONDITIONAL = re.compile(
    rf"\b[Ii]f\b[^.;\n]{{1,80}}?,\s*(?:then\s+)?(?:it['’]?s\s+|it\s+is\s+)?{KIND}{OPEN}"
    r"([A-J])(?=\s*(?:$|[.,;!)\n]))"
)
"""What would be chosen under a condition: "if it is day, C"."""
HEDGED = re.compile(rf"\b(?:or|also|maybe|perhaps|possibly)\s+(?:even\s+)?{KIND}{OPEN}([A-J])\b")

LEADING = re.compile(
    rf"^\W{{0,3}}?{OPEN}(?P<x>[A-Ja-j])(?![\w'’+])(?P<close>{CLOSE})(?P<mark>\s*[.:,;\n…、]|"
    r"\s+[\-–—|]+|[\-–—](?=\s)|\s+(?:because|since|as|for|though|although|I\s+think)\b|)"
)
LISTED = re.compile(r"(?:\n|\bor\b|\band\b|,)\s*\(?([A-J])[.):](?=\s)")
_LINE = rf"\s*(?:(?i:option|choice)\s+)?{OPEN}(?P<x>[A-J]){CLOSE}(?:[.:)]\s[^\n]*|[.!]?\s*)"
TWO_LINES = re.compile(_LINE + r"\n" + _LINE.replace("<x>", "<y>").replace("[.:)]", "[.)]"))
"""A letter a line, in two: "C. green bus", then "Option B"; "A: …" there may be an answer's "A"."""
CLOSING = re.compile(
    r"(?:^|\n\s*|(?<!\bMr)(?<!\bDr)(?<!\bMs)(?<!\bMrs)(?<!\w\.\w)[.,:;!?]\s+|\s[\-–—]+>?\s+|"
    r"\s?(?:=>|→)\s*|\b(?i:so|thus|therefore|hence|consequently|accordingly|"
    rf"{languages.THEREFORE})\s+){OPEN}(?P<x>[A-J]){CLOSE}[.!]?\s*$"
)
_BEFORE = (
    r"(?:(?:^|\n|[.,:;!?…]\s+|[(—–]\s*|\s-\s+|=>\s*|→\s*)\s*|\b(?i:so|thus|therefore|hence|only|that|"
    r"leav\w+|mak\w+|mean\w*|towards?|to|on|with|like|for|by|fits?|match\w*|suggests?|indicates?|"
    r"supports?|favou?rs?|and|or|is|are|was|be|been|\w+ly|maybe|perhaps|then|because|since|"
    r"although|while|think|believe|assume|suppose|guess|choosing|picking|selecting|voting|take|mark|sure|"
    r"implies|confirms|answer['’]s|it['’]?s|that['’]?s|return)\s+)"
    r"(?i:(?:the\s+)?(?:option|choice|answer|statement|description|sentence|caption)\s+)?"
)
_AFTER = (
    r"(?P<next>is|was|remains?|due|it|the|as|to|gets|without|for|\w+ly|fits?|match(?:es)?|best|most|better|"
    r"describes?|would|must|should|could|might|may|can|does|did|has|sounds?|makes?|works?|shows?|"
    r"represents?|corresponds?|aligns?|reflects?|captures?|seems?|looks?|appears?|correct|right|"
    r"though|although|over|if|and|or)\b"
)
ALONE = re.compile(
    rf"{_BEFORE}{OPEN}(?P<x>[A-J])(?![\w'’+-]){CLOSE}(?=\s*(?:$|[.,:;!?…()\n])|\s+{_AFTER})"
)
"""A letter between words that a name or a measure would not stand between."""
NO_ARTICLE = (
    "is", "was", "fits", "matches", "describes", "does", "has", "would", "should", "could", "seems",
    "looks", "appears", "and", "or", "over", "corresponds", "represents", "reflects",
)  # fmt: skip
"""What an "A" that opens a clause is no article before."""
LINE = re.compile(r"(?:^|\n)\W*([A-J])[.):]\s[^\n]*")
IN_BRACKETS = re.compile(r"\(([A-Ja-j])\)")
CONNECTOR = re.compile(
    r"\s*(?:$|[^\s\w]|\n|[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]|(?:because|since|as|is|was|and|or|"
    r"but|for|so|not|fits|matches|es|ser[ií]a|est|ist|porque|weil|stimmt|passt|trifft)\b)"
)
"""What stands behind a letter "A" or "I" that is no article and no pronoun."""
