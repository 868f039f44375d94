"""The default extractor: what a careful human would take a response to mean, and nothing more.

Evidence from the strongest kind to the weakest: a letter alone; a letter that is claimed to be the
answer; a leading letter ("B. text"); a letter as a closing clause; the text of exactly one option.
The first kind that says anything decides. Evidence for two options is evidence for none, unless
one is rejected ("A is wrong") or corrected ("wait, …"). tests/extractors.tsv was written first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from harness.scoring.extractors import languages
from harness.scoring.options import LETTERS, without_prefixes

AMBIGUOUS = ""
"""What a step returns when it finds evidence for several options: nothing weaker may decide."""

OPEN, CLOSE = r"[\"'(\[{]{0,3}", r"[\"')\]}]{0,3}"
KIND = r"(?:(?:the\s+)?(?:option|choice|letter|answer)\b\s*:?\s*)?"
IS = r"(?:is|was|are|would\s+be|should\s+be|must\s+be|could\s+be|might\s+be|will\s+be)"
LIKELY = r"(?:(?:most\s+likely|probably|definitely|clearly|likely|still|therefore|indeed)\s+)?"
LETTER = rf"{OPEN}(?P<x>[A-Ja-j])(?![\w'’]){CLOSE}"

STRONG = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:answer|guess|ans|option|choice)\s*(?:{IS}\b|[:=\-–])\s*{LIKELY}:?\s*{KIND}{LETTER}",
        rf"\b(?:choose|select|pick|go\s+with|going\s+with|guess|say)\s+{KIND}{LETTER}",
        rf"\b(?:it|that|this)(?:['’]s|\s+{IS})\s+{LIKELY}{KIND}{LETTER}",
        rf"\bbut\s+(?:rather\s+)?{KIND}{LETTER}",
        rf"(?<![\w'’]){LETTER}\s+(?:is|would\s+be|seems|looks)\s+(?:the\s+)?(?:most\s+|only\s+)?(?:\w+\s+)?"
        r"(?:correct|right|best|answer|option|choice|true)\b",
    )
] + languages.CLAIMS
WEAK = [re.compile(rf"\b(?:options?|choice|letter|answer|ans)\s*{LETTER}", re.IGNORECASE)]
REJECTED = re.compile(
    rf"\b(?:not|n['’]t|never|neither|nor|rather\s+than|instead\s+of|except)\s+{KIND}{OPEN}[A-J]\b{CLOSE}"
    r"|(?<![\w'’])(?:[Oo]ption\s+|[Cc]hoice\s+)?[\"'(\[]{0,3}[A-J][\"')\]]{0,3}\s+(?:is|was|can)(?:n['’]t\b"
    r"|\s*not\b|\s+(?:\w+\s+)?(?:wrong|incorrect|false|impossible|unlikely|too|out)\b)[^.\n,;]*",
)
CORRECTION = re.compile(
    r"\b(?:wait|actually|correction|sorry|no|rather|instead|final(?:ly)?|however|second thought)\b",
    re.IGNORECASE,
)
NEXT = r"(?=\s*(?:$|[.,:;)\]!?/&\n]|(?:and|or|are|is)\b))"
ALTERNATIVES = re.compile(
    rf"(?<![\w'’])[A-J]{CLOSE}\s*(?:,\s*(?:and|or)\b|,|/|&|\band/or\b|\band\b|\bor\b)\s*{OPEN}[A-J]\b{NEXT}"
)
LEADING = re.compile(
    rf"^{OPEN}(?P<x>[A-Ja-j])(?![\w'’])(?P<close>{CLOSE})(?P<mark>\s*[.:,;\-–\n]|\s+(?:because|since|as|for)\b|)"
)
LISTED = re.compile(r"(?:\n|\bor\b|\band\b|,)\s*\(?([A-J])[.):](?=\s)")
CLOSING = re.compile(
    rf"(?:^|[\n.,:;!?]\s*|\b(?i:so|thus|therefore|hence|{languages.THEREFORE})\s+)"
    rf"{OPEN}(?P<x>[A-J]){CLOSE}[.!]?\s*$"
)
IN_BRACKETS = re.compile(r"\(([A-Ja-j])\)")
NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|without|cannot|\w+nt|instead of|rather than)(?: \w+){0,3} $"
)
SAID = re.compile(r"\b(?:is|are|was|were|be|answer|option)(?: (?:the|a|an))? $")
LEAD_IN = re.compile(
    r"^(?:(?:the|my)\s)?(?:\w+\s)?answer(?:\sis)?\s|^(?:it\sis|its)\s|^(?:the|a|an)\s"
)
CONNECTOR = re.compile(r"\s*(?:$|[^\s\w]|\n|(?:because|since|as|is|was|and|or|but|for|so|not)\b)")


def default(response: str, options: Sequence[str]) -> str | None:
    """The letter a careful human would read, None when there is none or more than one.

    ``options`` are texts with or without their "A. "; letters go from A to J.
    """
    texts = without_prefixes(options)
    said = clean(response)
    letters = LETTERS[: len(texts)] or LETTERS
    if found := re.fullmatch(
        r"\W*+(?:(?:option|choice|letter|answer|ans)\b)?\W*+([A-Ja-j])\W*+", said, re.IGNORECASE
    ):
        return _valid(found[1], letters)
    if len(set(re.findall("[A-J]", said))) > 1 and re.fullmatch(r"(?:\W*+\b[A-J]\b)+\W*+", said):
        return None
    kept = languages.REJECTED.sub(" ", REJECTED.sub(" ", said))
    for read in (
        _claimed(kept, letters),
        AMBIGUOUS if ALTERNATIVES.search(kept) else None,
        _leading(kept, letters, texts),
        _closing(kept, letters),
    ):
        if read is not None:
            return read or None
    return option_text(response, texts)


def option_text(response: str, options: Sequence[str]) -> str | None:
    """The only option whose text the response states; None for none, several or a denial of it.

    Case, punctuation and articles do not matter; a text within a longer option's does not count.
    A text of one word must be the whole response, open it, or follow "is", "are" or "answer":
    "There are 3 cars." states 3, "No idea." does not state "No".
    """
    texts = [_words(text) for text in without_prefixes(options)]
    said = f" {_words(clean(response))} "
    bare = said.strip()
    while (shorter := LEAD_IN.sub("", bare)) != bare:
        bare = shorter
    whole = [place for place, text in enumerate(texts) if text and text in (said.strip(), bare)]
    if not whole:
        certain, uncertain = _stated(said, clean(response), texts)
        whole = certain if not uncertain else []
    return LETTERS[whole[0]] if len(whole) == 1 and whole[0] < len(LETTERS) else None


def clean(response: str) -> str:
    """The response without thinking, tags, chat tokens, markup and full-width signs."""
    text = unicodedata.normalize("NFKC", response).replace("。", ".")
    text = re.sub(r"^.*</think>", "", text, flags=re.DOTALL | re.IGNORECASE)
    if answers := re.findall(r"<answer>(.*?)(?:</answer>|$)", text, re.DOTALL | re.IGNORECASE):
        text = answers[-1]
    text = re.sub(r"<\|.*?\|>|</?\w+>", " ", text)
    text = re.sub(r" ?\n[ \n]*", "\n", re.sub(r"[^\S\n]+", " ", text))
    text = re.sub(r"\\boxed\s*\{|\\text\w*\s*\{", "{", text)
    text = re.sub(r"[*`$#]|(?<!\w)_+|_+(?!\w)", "", text)
    return re.sub(r"^\s*assistant\s*:", "", text, flags=re.IGNORECASE).strip()


def _valid(letter: str, letters: str) -> str | None:
    return letter.upper() if letter.upper() in letters else None


def _is_letter(match: re.Match[str]) -> bool:
    """Whether what matched is an option's letter, and not the article "a" or the pronoun "I"."""
    if match["x"] not in "AaIi" or match.string[match.end("x") : match.end("x") + 1] in tuple(")]"):
        return True
    return CONNECTOR.match(match.string, match.end("x")) is not None


def _claimed(text: str, letters: str) -> str | None:
    """The letter that is said to be the answer, by the strongest wording there is."""
    for patterns in (STRONG, WEAK):
        found = [m for p in patterns for m in p.finditer(text) if _is_letter(m)]
        claims = sorted((m.start("x"), m["x"].upper()) for m in found if m["x"].upper() in letters)
        if not claims:
            continue
        if any(ALTERNATIVES.match(text, place) for place, _ in claims):
            return AMBIGUOUS
        last = claims[-1][1]
        others = [place for place, letter in claims if letter != last]
        if others and not CORRECTION.search(text, others[-1], claims[-1][0]):
            return AMBIGUOUS
        return last
    return None


def _leading(text: str, letters: str, options: Sequence[str]) -> str | None:
    """The letter that opens the response, set off by a mark or followed by its option's text."""
    found = LEADING.match(text)
    read = _valid(found["x"], letters) if found else None
    if not found or read is None:
        return None
    rest, own = _words(text[found.end() :]), _words(options[LETTERS.index(read)] if options else "")
    marked = bool(found["mark"]) or bool(set(found["close"]) & set(")]}"))
    if found["x"].islower() and not re.match(r"\s*[.:)\]]", text[found.end("x") :]):
        return None
    if not marked and not (own and rest.startswith(own)):
        return None
    if any(other != read for other in LISTED.findall(text)):
        return AMBIGUOUS
    others = [_words(option) for option in options]
    return AMBIGUOUS if rest and rest != own and rest in others else read


def _closing(text: str, letters: str) -> str | None:
    """The letter that is the whole last clause, or the only one in brackets."""
    bracketed = {x.upper() for x in IN_BRACKETS.findall(text) if x.upper() in letters}
    found = CLOSING.search(text)
    closing = {found["x"]} if found and found["x"] in letters else set()
    both = bracketed | closing
    return None if not both else AMBIGUOUS if len(both) > 1 else next(iter(both))


def _words(text: str) -> str:
    """Lower-case words and numbers with single spaces: what is left when only wording counts."""
    bare = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return " ".join(re.findall(r"\d+(?:[.,:]\d+)*|\w+", bare))


def _stated(said: str, original: str, texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """The options whose texts stand in the response, undenied: for certain, and perhaps.

    Longer texts are looked for first, and what they cover is theirs.
    """
    certain: list[int] = []
    uncertain: list[int] = []
    for place in sorted(range(len(texts)), key=lambda i: -len(texts[i])):
        text = texts[place]
        start = said.find(f" {text} ") if text else -1
        if start < 0:
            continue
        before = said[: start + 1]
        opens = re.match(rf"\W*{re.escape(text)}\s*[.,;:!\n]", original, re.IGNORECASE)
        if NEGATION.search(before):
            pass
        elif " " in text or opens or SAID.search(before):
            certain.append(place)
        elif text not in ("yes", "no"):  # these two have other uses
            uncertain.append(place)
        if texts.count(text) == 1:
            said = said.replace(f" {text} ", " \0 ")
    return certain, uncertain
