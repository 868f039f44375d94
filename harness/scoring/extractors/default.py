"""The default extractor: what a careful human would take a response to mean, and nothing more.

Evidence from the strongest kind to the weakest: a letter alone; a letter that is claimed to be the
answer; a leading letter ("B. text"); the only one called an option; a letter as a closing clause;
the only letter that is left standing as one ("B fits"); the text of exactly one option.
The first kind that says anything decides. Evidence for two options is evidence for none, unless
one is rejected ("A is wrong") or corrected ("wait, …"). tests/extractors.tsv was written first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from harness.scoring.extractors.markup import clean
from harness.scoring.extractors.rejections import without_rejected
from harness.scoring.extractors.wordings import (
    ALONE,
    ALTERNATIVES,
    CLOSING,
    CONDITIONAL,
    CONNECTOR,
    CORRECTION,
    HEDGED,
    IN_BRACKETS,
    LEADING,
    LINE,
    LISTED,
    MENTIONED,
    NAMED,
    NO_ARTICLE,
    STRONG,
    TWO_LINES,
)
from harness.scoring.options import LETTERS, without_prefixes

AMBIGUOUS = ""
"""What a step returns when it finds evidence for several options: nothing weaker may decide."""

NEGATION = (
    r"\b(?:not|no|never|neither|nor|without|cannot|\w+nt|instead of|rather than)"
    r"(?: (?!but\b)\w+){0,3}"
)
SAID = r"\b(?:is|are|was|were|be|answer|option)(?: (?:the|a|an))?"
"""What stands before an option's text that is denied, and before one that is stated."""
DENIED = r"(?:\w+ly )?(?:not|never|incorrect|wrong|false|impossible|absent)\b"
LEAD_IN = re.compile(
    r"^(?:(?:the|my)\s)?(?:\w+\s)?answer(?:\sis)?\s|^(?:it\sis|its)\s|^(?:the|a|an)\s"
)

_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
_FIGURES = {word: str(number) for number, word in enumerate(_NUMBERS.split())}


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
    kept = without_rejected(said, texts)
    if len(set(re.findall("[A-J]", kept))) > 1 and re.fullmatch(r"(?:\W*+\b[A-J]\b)+\W*+", kept):
        return None
    for read in (
        _claimed(kept, letters, STRONG),
        AMBIGUOUS if _either(kept) else None,
        _agreed(_claimed(kept, letters, NAMED), _leading(kept, letters, texts)),
        _claimed(kept, letters, MENTIONED),
        _leading(kept, letters, texts),
        _closing(kept, letters),
        _alone(kept, letters),
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
        typed = _misspelt(bare)
        whole = [place for place, text in enumerate(texts) if text and _misspelt(text) == typed]
    if not whole:
        certain, uncertain = _stated(said, clean(response), texts)
        whole = certain if not uncertain else []
    return LETTERS[whole[0]] if len(whole) == 1 and whole[0] < len(LETTERS) else None


def _valid(letter: str, letters: str) -> str | None:
    return letter.upper() if letter.upper() in letters else None


def _is_letter(match: re.Match[str]) -> bool:
    """Whether what matched is an option's letter, and not the article "a" or the pronoun "I"."""
    if match["x"] not in "AaIi" or match.string[match.end("x") : match.end("x") + 1] in tuple(")]"):
        return True
    return CONNECTOR.match(match.string, match.end("x")) is not None


def _claimed(text: str, letters: str, patterns: Sequence[re.Pattern[str]]) -> str | None:
    """The letter that is said to be the answer in one of these wordings."""
    either = {
        m.start(name)
        for m in ALTERNATIVES.finditer(text)
        for name in ("x", "y", "u", "v")
        if m[name]
    }
    no_article = patterns is MENTIONED  # "option A shows", while "the answer A car" is odd English
    found = [
        match
        for pattern in patterns
        for match in pattern.finditer(text)
        if _is_letter(match) or (no_article and match["x"] == "A")
    ]
    claims = sorted((m.start("x"), m["x"].upper()) for m in found if m["x"].upper() in letters)
    if not claims:
        return None
    if claims[-1][0] in either:
        return AMBIGUOUS
    claims = [claim for claim in claims if claim[0] not in either]
    last = claims[-1][1]
    others = [place for place, letter in claims if letter != last]
    if others and not CORRECTION.search(text, others[-1], claims[-1][0]):
        return AMBIGUOUS
    return last


def _agreed(named: str | None, leading: str | None) -> str | None:
    """A letter that opens the response, or is called "answer C": both where they agree."""
    if named and leading and named != leading:
        return AMBIGUOUS
    return named if named is not None else leading or None


def _either(text: str) -> bool:
    """Whether two letters stand side by side, in a line each, or under a condition each."""
    lines = TWO_LINES.fullmatch(text)
    if lines and lines["x"] != lines["y"]:
        return True
    return bool(ALTERNATIVES.search(text)) or len(set(CONDITIONAL.findall(text))) > 1


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
    if found["x"] == "A" and not marked and not _opens_alone(rest, own, options):
        return None  # an article: "A red car and a green bus"
    if any(other != read for other in (*LISTED.findall(text), *HEDGED.findall(text))):
        return AMBIGUOUS
    if own and re.match(rf"{re.escape(own)} (?:is|are|was|were) {DENIED}", rest):
        return None
    others = [_words(option) for option in options]
    return AMBIGUOUS if rest and rest != own and rest in others else read


def _opens_alone(rest: str, own: str, options: Sequence[str]) -> bool:
    """Whether words begin with an option's own and state no other option's."""
    said = f" {rest} "
    others = {_words(option) for option in options} - {own}
    return said.startswith(f" {own} ") and not any(f" {other} " in said for other in others)


def _closing(text: str, letters: str) -> str | None:
    """The letter that is the whole last clause, or the only one in brackets."""
    bracketed = {x.upper() for x in IN_BRACKETS.findall(text) if x.upper() in letters}
    found = CLOSING.search(text)
    closing = {found["x"]} if found and found["x"] in letters else set()
    both = bracketed | closing
    return None if not both else AMBIGUOUS if len(both) > 1 else next(iter(both))


def _alone(text: str, letters: str) -> str | None:
    """The only letter that is left, where it stands as one: "B fits best", "this leaves D"."""
    listed = {match[1] for match in LINE.finditer(text)}
    for part in (LINE.sub("\n", text), text):  # what is said of each option, then of the answer
        found = {match["x"] for match in ALONE.finditer(part) if _stands(match)} & set(letters)
        if found or len(listed) > 1:
            break
    return None if not found else AMBIGUOUS if len(found) > 1 else next(iter(found))


def _stands(match: re.Match[str]) -> bool:
    return _is_letter(match) or (match["x"] == "A" and match["next"] in NO_ARTICLE)


def _words(text: str) -> str:
    """Lower-case words and numbers with single spaces: what is left when only wording counts."""
    bare = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return " ".join(re.findall(r"\d+(?:[.,:]\d+)*|\w+", bare))


def _misspelt(words: str) -> str:
    """Words as they are told apart where a letter is doubled or not, a small number is written in
    letters or in figures, and in a sentence an "s" ends a word or not ("He open the door")."""
    several, sentence = words.count(" ") >= 1, words.count(" ") >= 3
    kept = []
    for word in words.split():
        if several and word not in _FIGURES:
            word = re.sub(r"([^\W\d])\1+", r"\1", word)
        kept.append(_FIGURES.get(word) or (word.rstrip("s") if sentence else "") or word)
    return " ".join(kept)


def _stated(said: str, original: str, texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """The options whose texts stand in the response, undenied: for certain, and perhaps.

    Longer texts are looked for first, and what they cover is theirs.
    """
    certain: list[int] = []
    uncertain: list[int] = []
    for place in sorted(range(len(texts)), key=lambda i: -len(texts[i])):
        text = texts[place]
        if not text or f" {text} " not in said:
            continue
        opens = re.match(rf"\W*{re.escape(text)}\s*[.,;:!\n]", original, re.IGNORECASE)
        if re.search(rf"{NEGATION} {re.escape(text)} ", said):
            pass
        elif " " in text or opens or re.search(rf"{SAID} {re.escape(text)} ", said):
            certain.append(place)
        elif text not in ("yes", "no"):  # these two have other uses
            uncertain.append(place)
        if texts.count(text) == 1:
            said = said.replace(f" {text} ", " \0 ")
    return certain, uncertain
