"""lmms-eval's rules for MMVU, bug for bug: they give an *empty* open answer full marks.

lmms-eval@75571cfe, lmms_eval/tasks/mmvu/utils.py, evaluate_with_rule_based. There a judge is asked
only about open answers that these rules reject. Kept for the audit; no protocol here scores by
them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from harness.scoring.options import LETTERS

SUPERSCRIPTS = str.maketrans({sup: f"^{place}" for place, sup in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")})
NUMBER = re.compile(r"\d+\.?\d*")
ORDER = re.compile(r"O\s*\([^)]+\)", re.IGNORECASE)


def open_answer(response: str, target: str) -> bool:
    """Right when either text contains the other, when their first numbers are equal, or when all
    longer words of a short target occur in any order."""
    said, gold = (
        " ".join(text.strip().lower().translate(SUPERSCRIPTS).split())
        for text in (response, target)
    )
    if gold in said or said in gold:
        return True
    numbers = NUMBER.findall(said), NUMBER.findall(gold)
    if all(numbers) and abs(float(numbers[0][0]) - float(numbers[1][0])) < 0.01:
        return True
    words = [bare for word in gold.split() if (bare := word.strip(string.punctuation))]
    heard = {word.strip(string.punctuation) for word in said.split()}
    if 2 <= len(words) <= 5 and all(word in heard for word in words if len(word) > 2):
        return True
    orders = ORDER.search(said), ORDER.search(gold)
    return bool(orders[0] and orders[1] and orders[0][0] == orders[1][0])


def choice(response: str, options: Sequence[str], target: str) -> bool:
    """Right when the letter stands anywhere by itself (an article is an "A"), when the option's
    text occurs, or when the letter occurs at all together with one longer word of the option."""
    said, lower = response.strip(), response.strip().lower()
    if re.search(rf"\b{re.escape(target)}\b", said, re.IGNORECASE):
        return True
    text = options[LETTERS.index(target)].strip().lower()
    if text in lower:
        return True
    words = [word.strip(string.punctuation) for word in text.split()]
    return target.lower() in lower and any(w in lower for w in words if len(w) > 2)
