"""Text files in whatever encoding they were saved: told for certain, or refused."""

from __future__ import annotations

import codecs
import re
import unicodedata

from harness.errors import DataError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSED = ("cp1252", "gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1251", "cp1250")
# the letters of languages that are written in cp1252 and in cp1250, one language a string: the same
# bytes are other letters in the other, and charset-normalizer prefers either by the order it tries
_WESTERN = (
    "àâæçéèêëîïôœùûüÿ", "äöüßé", "áéíóúüñªº", "áâãàçéêíóôõúªº", "àèéìíîòóùú", "áéíóúàèëïöü",
    "åäöæøéàü", "áðéíóúýþæö", "àçèéíïòóúü",
)  # fmt: skip
_CENTRAL = (
    "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíľňóôšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž",
)  # fmt: skip
_FREQUENT = set("łąęěřůšžőă")  # one of these stands in a few lines of any of the latter
_CYRILLIC = re.compile("[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]")
_FEW = 4  # so many letters of another alphabet may be a damaged byte or two
_NEAR = 0.02, 0.1  # charset-normalizer's mess and coherence, of which a guess must be clear


def decoded(data: bytes, where: str) -> str:
    """The text in ``data``: a byte order mark decides, then UTF-8, then zeros (UTF-16), then the
    only one of the common encodings that makes sense of it (charset-normalizer's judgement).

    Raises DataError, which names the file ``where``, when several do, or none.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding, where)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if b"\0" in data:
        return _wide(data, where)
    if text or not data:
        return text
    loose = data.decode("utf-8", errors="replace")
    broken = loose.count("\ufffd")
    if sum(not letter.isascii() for letter in loose) - broken > broken:
        return _strictly(data, "utf-8", where)  # which says where it is damaged
    return _guessed(data, where)


def _strictly(data: bytes, encoding: str, where: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where} is damaged at byte {error.start}: no {encoding.upper().removesuffix('-SIG')} "
            "text; save it as UTF-8."
        ) from error


def _wide(data: bytes, where: str) -> str:
    """UTF-16 without a mark: every other byte of its digits and line ends is zero."""
    odd, even = data[1::2].count(0), data[::2].count(0)
    if 8 * max(odd, even) < len(data) or 8 * min(odd, even) > max(odd, even):
        raise DataError(f"{where} is damaged at byte {data.index(0)}: a zero in text; mend it.")
    return _strictly(data, "utf-16-le" if odd > even else "utf-16-be", where)


def _guessed(data: bytes, where: str) -> str:
    from charset_normalizer import from_bytes  # 0.05 s that UTF-8 must not pay

    found = list(from_bytes(data, cp_isolation=list(_GUESSED)))
    if found:
        first = min(found, key=lambda match: (match.chaos, -match.coherence))
        near = {
            match.encoding: str(match)
            for match in found
            if match.chaos <= first.chaos + _NEAR[0]
            and match.coherence >= first.coherence - _NEAR[1]
        }
        if first.encoding in ("cp1250", "cp1252"):
            near = _western_or_central(data)
        elif sum(not letter.isascii() for letter in str(first)) < _FEW:
            near = {}
        near = {name: text for name, text in near.items() if not _CYRILLIC.search(text)}
        if len(set(near.values())) == 1:
            return next(iter(near.values()))
    raise DataError(
        f"{where} is not UTF-8, and which other encoding it is in cannot be told for certain; save "
        "it as UTF-8."
    )


def _western_or_central(data: bytes) -> dict[str, str]:
    """The text as cp1252, cp1250, or both where each would be a language."""
    found = {}
    for encoding, languages in (("cp1252", _WESTERN), ("cp1250", _CENTRAL)):
        text = data.decode(encoding, errors="replace")
        letters = {x for x in text.lower() if not x.isascii() and unicodedata.category(x)[0] == "L"}
        known = any(letters <= set(language) for language in languages)
        if known and "\ufffd" not in text and (languages is _WESTERN or letters & _FREQUENT):
            found[encoding] = text
    return found
