"""How responses in Chinese, Japanese, Spanish, French and German name and reject a letter.

Used by the default extractor only. Letters in Chinese and Japanese stand between characters that
Python takes for letters too, so a Latin letter ends there where no other Latin letter follows.
"""

from __future__ import annotations

import re

_OPEN, _CLOSE = r"[\"'“”„«»「『【(\[{]{0,3}", r"[\"'“”»」』】)\]}]{0,3}"
_BARE = rf"{_OPEN}(?P<x>[A-J])(?![A-Za-z0-9_'’]){_CLOSE}"
_LETTER = rf"{_OPEN}\s*(?P<x>[A-Ja-j])(?![\w'’]){_CLOSE}"
_NO = rf"{_OPEN}[A-J](?![A-Za-z0-9_'’]){_CLOSE}"

_ASIAN = (
    rf"答案\s*[】」\]]?\s*(?:应该|應該|应|應)?\s*(?:是|为|為|选|選|:)?\s*(?:选项|選項)?\s*{_BARE}",
    rf"(?<!可)(?:选择|選擇|选项|選項|选|選)\s*(?:是|为|為|:)?\s*{_BARE}(?!\s*(?:选项|選項)?\s*(?:错|不))",
    rf"(?:所以|因此|故)\s*,?\s*{_BARE}",
    rf"{_BARE}\s*(?:选项|選項)?\s*(?:是|为|為)?\s*(?:最)?(?:正确|正確|对的|對的)",
    rf"(?:答え|正解|解答|回答)\s*(?:は|:)\s*(?:選択肢)?\s*{_BARE}",
    rf"(?:選択肢)?\s*{_BARE}\s*(?:の選択肢)?\s*が\s*(?:最も)?\s*(?:正解|正しい|適切)",
    rf"(?:したがって|よって|だから|従って)[、,]?\s*{_BARE}",
)

_KIND = (
    r"(?:(?:la|el|le|l['’]|die|der|das)?\s*"
    r"(?:opci[oó]n|option|letra|lettre|respuesta|r[eé]ponse|antwort)\s+)?"
)
_EUROPEAN = (
    rf"\b(?:respuesta|opci[oó]n|alternativa)(?:\s+(?:correcta|es\s+la\s+correcta))?\s*(?:es|ser[ií]a|:)"
    rf"\s*:?\s*(?:la\s+)?{_KIND}{_LETTER}",
    rf"\b(?:elijo|escojo|selecciono|elegir[ií]a)\s+(?:la\s+)?{_KIND}{_LETTER}",
    rf"(?<!no )\bes\s+la\s+{_KIND}{_LETTER}",
    rf"\b(?:opci[oó]n|respuesta)\s+{_LETTER}\s+es\s+(?:la\s+)?(?:correcta|adecuada|mejor)",
    rf"\b(?:r[eé]ponse|option)(?:\s+(?:correcte|exacte|juste))?\s*(?:est|serait|:)\s*:?\s*"
    rf"(?:la\s+)?{_KIND}{_LETTER}",
    rf"\bje\s+(?:choisis|choisirais|s[eé]lectionne)\s+(?:la\s+)?{_KIND}{_LETTER}",
    rf"\bc['’]est\s+(?:la\s+)?{_KIND}{_LETTER}",
    rf"\b(?:option|r[eé]ponse)\s+{_LETTER}\s+est\s+(?:la\s+)?(?:correcte|bonne|exacte|juste)",
    rf"\b(?:antwort|l[oö]sung|option)(?:\s+(?:ist|lautet|w[aä]re)|\s*:)\s*:?\s*(?:die\s+)?{_KIND}{_LETTER}",
    rf"\bich\s+(?:w[aä]hle|nehme)\s+(?:die\s+)?{_KIND}{_LETTER}",
    rf"\b(?:antwort|option)\s+{_LETTER}\s+ist\s+(?:die\s+)?(?:richtig|korrekt|beste)",
)

CLAIMS = [re.compile(pattern) for pattern in _ASIAN] + [
    re.compile(pattern, re.IGNORECASE) for pattern in _EUROPEAN
]
"""Wordings that say which letter (``x``) is the answer."""

REJECTED = re.compile(
    rf"(?:不是|并非|並非|不选|不選)\s*(?:选项|選項)?\s*{_NO}"
    rf"|(?:选项|選項)?\s*{_NO}\s*(?:选项|選項)?\s*(?:是)?\s*(?:错|錯|不正确|不正確|不对|不對|有误)[^.,\n]*"
    rf"|{_NO}\s*(?:では(?:ない|ありません|なく)|じゃない|は(?:間違い|誤り|不正解|違))"
    rf"|\b(?:[Nn]o\s+es|[Nn]['’]est\s+pas|[Nn]icht|[Pp]as)\s+(?:la\s+|die\s+)?(?:opci[oó]n\s+|option\s+)?{_NO}"
    rf"|{_NO}\s+(?:no\s+es|n['’]est\s+pas|ist\s+nicht|es\s+(?:incorrecta|falsa)|est\s+(?:incorrecte|fausse)"
    rf"|ist\s+(?:falsch|inkorrekt))[^.\n,;]*"
)
"""Wordings that say which letter is not."""

THEREFORE = "as[ií] que|por (?:lo )?tanto|donc|ainsi|also|daher|deshalb|folglich|somit"
"""What a closing clause that is only a letter may begin with, beside the English words."""
