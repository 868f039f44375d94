"""How responses in Chinese, Japanese, Spanish, French and German name and reject a letter; and how
they name one in Portuguese, Italian and Korean.

Used by the default extractor only. Letters in Chinese and Japanese stand between characters that
Python takes for letters too, so a Latin letter ends there where no other Latin letter follows.
"""

from __future__ import annotations

import re
import unicodedata

_OPEN, _CLOSE = r"(?:[\"'“”„»「『【(\[{]|«\s?){0,3}", r"(?:[\"'“”«」』】)\]}]|\s?»){0,3}"
_END = r"(?![A-Za-z0-9_]|['’]\w)"
_START = r"(?<![A-Za-z0-9_'’])"
_BARE = rf"{_OPEN}{_START}(?P<x>[A-J]){_END}{_CLOSE}"
_LETTER = rf"{_OPEN}\s*(?P<x>[A-Ja-j])(?![\w'’]){_CLOSE}"
_NO = rf"{_OPEN}{_START}[A-J]{_END}{_CLOSE}"
_EDGE = r"(?=\s*(?:$|[.,;:!?\n、]))"
_ITEM = r"\s*(?:选项|選項|项|項)?\s*"

_ASIAN = (
    rf"(?<!没有)答案\s*[】」\]]?\s*(?:应该|應該|应|應)?\s*(?:是|为|為|选|選|:)?{_ITEM}(?:是|:)?\s*{_BARE}",
    rf"(?<!可)(?:选择|選擇|选项|選項|选|選)\s*(?:是|为|為|:)?{_ITEM}{_BARE}(?!\s*(?:选项|選項)?\s*(?:错|不))",
    rf"(?:所以|因此|故|综上所述|综上|綜上)\s*[,、]?\s*(?:是|为)?\s*{_BARE}",
    rf"(?:而是|应该是|應該是|认为是|認為是|觉得是|觉得|对应|對應|^\s*是|[,.、]\s*是)\s*{_ITEM}{_BARE}",
    rf"{_BARE}{_ITEM}(?:是|为|為)?\s*(?:最)?(?:正确|正確|对|對|符合|合适|合適|吻合|匹配)",
    rf"(?:答え|正解|解答|回答|正しいの|適切なの|選択肢)\s*(?:は|:)\s*(?:選択肢)?\s*{_BARE}",
    rf"^\s*選択肢\s*{_BARE}{_EDGE}",
    rf"(?:選択肢)?\s*{_BARE}\s*(?:の選択肢)?\s*が\s*(?:最も)?\s*(?:正解|正しい|適切)",
    rf"(?:選択肢)?\s*{_BARE}\s*(?:です|だ(?:と思|{_EDGE[3:-1]})|を選(?:び|択|ぶ))",
    rf"(?:정답은|답은|정답|답)\s*:?\s*{_BARE}",
    rf"{_BARE}\s*[가이]\s*(?:정답|답|맞)(?!\S*\s*(?:아[니닌닙]|않))",
    rf"{_BARE}\s*(?:입니다|이다|예요|에요)",
    rf"(?:したがって|よって|だから|ですから|従って|ゆえに)[、,]?\s*{_BARE}",
)

_KIND = (
    r"(?:(?:la|el|le|l['’]|die|der|das)?\s*"
    r"(?:opci[oó]n|option|letra|lettre|respuesta|r[eé]ponse|antwort)\s+)?"
)
_ES_GOOD = r"(?:la\s+)?(?:respuesta\s+)?(?:correct[ao]|adecuada|mejor|verdader[ao]|respuesta)\b"
_FR_GOOD = r"(?:la\s+)?(?:r[eé]ponse\s+)?(?:correcte?|bonne|exacte?|juste|vraie?)\b"
_DE_GOOD = r"(?:die\s+)?(?:richtig\w*|korrekt\w*|beste|passend\w*)\b"
_EUROPEAN = (
    rf"\b(?:respuesta|opci[oó]n|alternativa)(?:\s+(?:correcta|final|es\s+la\s+correcta))?\s*(?:es|ser[ií]a|:)"
    rf"\s*:?\s*(?:la\s+)?{_KIND}{_LETTER}",
    rf"\b(?:elijo|escojo|selecciono|elegir[ií]a|dir[ií]a(?:\s+que)?(?:\s+es)?|me\s+quedo\s+con)\s+"
    rf"(?:la\s+)?{_KIND}{_LETTER}",
    rf"(?<!no )\bes\s+la\s+{_KIND}{_LETTER}",
    r"(?<!no )\b(?:es|ser[ií]a|sino|entonces|por\s+eso|as[ií]\s+que)\s+"
    rf"(?:la\s+)?{_KIND}{_LETTER}{_EDGE}",
    rf"\b(?:opci[oó]n|respuesta)\s+{_LETTER}\s+es\s+{_ES_GOOD}",
    rf"(?<![\w'’])(?:la\s+)?{_BARE}\s+(?:es|ser[ií]a)\s+{_ES_GOOD}",
    rf"\b(?:r[eé]ponse|option)(?:\s+(?:correcte|exacte|juste|finale))?\s*(?:est|serait|:)\s*:?\s*"
    rf"(?:la\s+)?{_KIND}{_LETTER}",
    rf"\bje\s+(?:choisis|choisirais|s[eé]lectionne|dirais)\s+(?:la\s+)?{_KIND}{_LETTER}",
    rf"\bc['’]est\s+(?:la\s+)?{_KIND}{_LETTER}",
    rf"\b(?:ce\s+serait|mais|alors)\s+(?:la\s+)?{_KIND}{_LETTER}{_EDGE}",
    rf"\b(?:option|r[eé]ponse)\s+{_LETTER}\s+est\s+{_FR_GOOD}",
    rf"(?<![\w'’])(?:la\s+)?{_BARE}\s+est\s+{_FR_GOOD}",
    rf"\b(?:antwort|l[oö]sung|option)(?:\s+(?:ist|lautet|w[aä]re)|\s*:)\s*:?\s*(?:die\s+)?{_KIND}{_LETTER}",
    rf"\bich\s+(?:w[aä]hle|nehme|sage|denke|entscheide\s+mich\s+f[uü]r)\s*,?\s*(?:die\s+)?{_KIND}{_LETTER}",
    rf"\bich\s+w[uü]rde\s+{_KIND}{_LETTER}\s+(?:sagen|w[aä]hlen|nehmen)",
    rf"\b(?:es|das)\s+(?:ist|w[aä]re|muss|m[uü]sste)\s+(?:die\s+)?{_KIND}{_LETTER}(?:\s+sein)?{_EDGE}",
    rf"\b(?:sondern|demnach|also)\s+(?:die\s+)?{_KIND}{_LETTER}{_EDGE}",
    rf"\b(?:also|daher|deshalb|somit|folglich|damit)\s+ist\s+(?:die\s+antwort\s+)?{_KIND}{_LETTER}",
    rf"\b(?:antwort|option)\s+{_LETTER}\s+ist\s+{_DE_GOOD}",
    rf"(?<![\w'’]){_BARE}\s+(?:ist\s+{_DE_GOOD}|{_DE_GOOD}\s+ist|stimmt|passt|trifft\s+zu)(?!\s+nicht)",
    rf"^\s*(?:la\s+)?(?:opci[oó]n|respuesta|letra|r[eé]ponse|antwort|la)\s+{_LETTER}{_EDGE}",
    r"\b(?:resposta|alternativa|op[cç][aã]o|risposta|opzione)(?:\s+(?:corret[ta]+|certa|giusta))?\s*"
    rf"(?:é|è|:)\s*:?\s*(?:a\s+|la\s+|l['’])?(?:letra\s+|op[cç][aã]o\s+|opzione\s+)?{_LETTER}",
    rf"^\s*{_BARE}\s+(?:porque|ya\s+que|parce\s+que|car|weil)\b",
)

_FURTHER = (
    rf"\bjawaban(?:nya)?(?:\s+yang\s+(?:benar|tepat|paling\s+tepat))?\s*(?:adalah|ialah|:)\s*{_LETTER}",
    rf"đáp\s+án(?:\s+(?:đúng|chính\s+xác))?\s*(?:là|:)\s*{_LETTER}",
    rf"\bcevap\s*:?\s*{_OPEN}(?P<x>[A-J])(?=['’]?(?:d[ıiuü]r)?\b)(?!\w)",
    rf"\bsvar(?:et)?\s+(?:är|er|:)\s*{_LETTER}",
    rf"(?:الإجابة|الاجابة|الجواب)(?:\s+الصحيحة?)?\s*(?:هي|هو)?\s*:?\s*{_BARE}",
    rf"(?:उत्तर|जवाब)\s*:?\s*{_BARE}\s*(?:है|हैं|।|$)",
    rf"คำตอบ(?:ที่ถูกต้อง)?\s*(?:คือ|:)\s*(?:ข้อ)?\s*{_BARE}",
    rf"(?:ответ|вариант)\s*(?:[—–:-]\s*(?:это)?|это)\s*{_BARE}",
    rf"^\s*(?:вариант|буква|alternativa|risposta|resposta)\s+{_BARE}{_EDGE}",
    r"(?<!nie )(?<!не )(?<!não )(?<!non )(?<!không )(?<!tidak )"
    rf"\b(?:wybieram|выбираю|escolho|scelgo|memilih|chọn)\s+(?:odpowiedź\s+)?{_BARE}{_EDGE}",
    rf"(?:\b(?:tapi|tetapi|melainkan|utan)|,\s*а|بل|mà\s+là|แต่เป็น)\s+{_BARE}{_EDGE}",
)

CLAIMS = [re.compile(pattern) for pattern in _ASIAN] + [
    # as responses are normalised: NFKC takes a Thai vowel apart
    re.compile(unicodedata.normalize("NFKC", pattern), re.IGNORECASE)
    for pattern in (*_EUROPEAN, *_FURTHER)
]
"""Wordings that say which letter (``x``) is the answer."""

_LIST = rf"{_NO}(?:\s*(?:[,、/和与及]|\b(?:y|o|et|ou|und|oder)\b){{1,2}}\s*{_NO}){{0,9}}"
_WRONG = r"(?:错|錯|不正确|不正確|不对|不對|不符|有误|有誤|可以排除|可排除|被排除)"

REJECTED = re.compile(
    rf"{_NO}[^A-Za-z.,?\n]{{0,8}}[吗嗎]\s*\?\s*(?:不|否|没|沒)"
    rf"|\b(?:[Nn]o\s+es|[Nn]['’]est\s+pas|[Nn]ão\s+é|[Nn]on\s+è|ist\s+nicht)\s*:\s*{_NO}"
    rf"|(?:不是|并非|並非|不选|不選|不应该选|不應該選|不可能是)\s*:?\s*(?:选项|選項)?\s*{_NO}"
    rf"|排除\s*(?:选项|選項)?\s*(?:{_LIST}|[A-J]{{2,9}})"
    rf"|(?:选项|選項)?\s*{_LIST}{_ITEM}(?:都|均|皆)?\s*(?:是)?\s*{_WRONG}[^.,\n]*"
    rf"|{_LIST}\s*(?:では(?:ない|ありません)|じゃない|は(?:間違い|誤り|不正解|違|正しく(?:な|あ)))[^.,\n、]*|{_LIST}\s*ではなく"
    rf"|不(?:认为|認為|觉得|覺得)[^A-Za-z.,\n]{{0,8}}{_NO}|{_LIST}\s*が(?:正解|正しい)と(?:は|も)[^.,\n、]*"
    rf"|{_LIST}\s*(?:이|가|은|는)?\s*아[니닌닙][^\s.,\n]*"
    rf"|\b(?:[Nn]o\s+es|[Nn]['’]est\s+pas|[Nn]icht|[Pp]as)\s+(?:la\s+|die\s+)?(?:opci[oó]n\s+|option\s+)?{_NO}"
    rf"|\b(?:[Nn]i|[Ww]eder|[Nn]och)\s+{_NO}|\b(?:[Ee]ntre|[Zz]wischen)\s+{_LIST}"
    rf"|{_LIST}\s+(?:no\s+(?:es|son)|n['’](?:est|sont)\s+pas|(?:ist|sind)\s+nicht"
    rf"|(?:es|son|est|sont)\s+(?:incorrect|fals|fauss|faux|inexact|err[oó]ne)\w*"
    rf"|(?:ist|sind)\s+(?:falsch|inkorrekt)|(?:stimmt|passt|trifft)\s+nicht)[^.\n,;]*"
)
"""Wordings that say which letters are not."""

THEREFORE = "as[ií] que|por (?:lo )?tanto|donc|ainsi|also|daher|deshalb|folglich|somit"
"""What a closing clause that is only a letter may begin with, beside the English words."""
