"""KEY=VALUE words: which there are, what is wrong with one, and how Hydra is told them.

Read from the config files alone: neither Hydra nor torch is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import RequestError
from harness.names import MOVED, nearest

GROUPS = ("task", "model", "backend", "judge", "sampling", "generation")
_NESTED = (*GROUPS, "video", "ray")
_TEXTS = {"data", "results", "video.store"}
"""Paths: taken literally, whatever characters are in them, unless they are quoted already."""
_WORD = re.compile(r"(?P<sign>\+\+|\+|~)?(?P<key>[\w./@:\-]+?)(?P<value>=.*)?", re.DOTALL)
_PLAIN = re.compile(r"[\w./:\-]*")
_OF_HYDRA = re.compile(r"hydra[./]")
_KEY = re.compile(r"^(\w+):", re.MULTILINE)


def config_folders() -> list[Path]:
    """Where configs are looked for: the working folder's own, then the built-in ones."""
    here = Path(__file__).resolve().parent
    built_in = next(p for p in (here / "configs", here.parent / "configs") if p.is_dir())
    mine = Path.cwd() / "configs"
    return [mine, built_in] if mine.is_dir() and mine.resolve() != built_in else [built_in]


def choices(group: str) -> list[str]:
    """The names one can write behind ``group=``, the working folder's own included."""
    return sorted(
        {
            path.relative_to(root / group).with_suffix("").as_posix()
            for root in config_folders()
            for path in (root / group).rglob("*.yaml")
        }
    )


def yaml_texts(group: str) -> list[str]:
    """The YAML files of a group as they are written, the working folder's own included."""
    return [
        path.read_text(encoding="utf-8")
        for root in config_folders()
        for path in sorted((root / group).rglob("*.yaml"))
    ]


def described(group: str, name: str) -> str:
    """The first sentence of the comment that a choice's YAML begins with."""
    roots = (root / group / f"{name}.yaml" for root in config_folders())
    file = next(path for path in roots if path.is_file())
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line.lstrip("# "))
    first = re.split(r"(?<=[a-z)])[.:] (?![^()]*\))", " ".join(lines))[0]  # not in "(extra: x)"
    return first.rstrip(".:")


def top_level_text() -> str:
    """The top-level keys with their defaults and comments, as configs/config.yaml has them."""
    text = (config_folders()[-1] / "config.yaml").read_text(encoding="utf-8")
    return "frames:" + text.partition("\nframes:")[2].partition("\nhydra:")[0].rstrip()


@lru_cache(maxsize=1)
def top_level_keys() -> tuple[str, ...]:
    """The names one can write before ``=``, without the groups."""
    return tuple(_KEY.findall(top_level_text()))


def key_of(word: str) -> str:
    """The key of a KEY=VALUE word."""
    return word.partition("=")[0].lstrip("+~")


def prepared(words: Sequence[str]) -> list[str]:
    """The words as Hydra is to be told them: old names as new ones, nested keys free to be set
    although no YAML names them, paths quoted. Raises RequestError for what is none."""
    told: list[str] = []
    for word in words:
        if "\0" in word or word != word.encode("utf-8", "replace").decode():
            raise RequestError(f"{word!a}: holds what is no character of UTF-8")
    for place, word in enumerate(words):
        told.append(_prepared(word, words[place + 1] if place + 1 < len(words) else None))
    return told


def quoted(text: str) -> str:
    """A text in Hydra's quotes, whatever characters are in it."""
    # a backslash is itself there, unless it stands before a quote or the end
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text)
    return f"'{escaped}'"


def literal(value: Any) -> Any:
    """A plain value as OmegaConf is to be given it so that its texts stay as they are: ``${…}`` in
    them is no reference."""
    if isinstance(value, Mapping):
        return {key: literal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [literal(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", lambda m: m[1] * 2 + r"\${", value)
    return value


def is_option(word: str) -> bool:
    """Whether a word is one of Hydra's own options (``-m``, ``--cfg``) and not a setting."""
    return word.startswith("-")


def _prepared(word: str, following: str | None) -> str:
    found = None if is_option(word) else _WORD.fullmatch(word)
    key = found["key"] if found else ""
    if found is None or (found["value"] is None and found["sign"] != "~"):
        raise RequestError(_not_a_setting(word, following))
    sign, value = found["sign"] or "", found["value"] or ""
    top, dot, rest = key.partition(".")
    if top in MOVED and MOVED[top] in _NESTED:
        top, key = MOVED[top], f"{MOVED[top]}{dot}{rest}"
    if key in MOVED:
        raise RequestError(f"{key}: it is now {MOVED[key]}")
    if top not in _NESTED and top not in top_level_keys() and not _OF_HYDRA.match(key) and not sign:
        known = [*top_level_keys(), *GROUPS]
        raise RequestError(f"{key}: no such setting{nearest(top, known)}")
    if sign == "~" and not dot:
        raise RequestError(f"{word}: cannot be left out; set it to another value")
    if not sign and top in _NESTED and dot:
        sign = "++"
    return _readable(f"{sign}{key}", key in _TEXTS, value)


def _readable(start: str, is_path: bool, value: str) -> str:
    """The word with its value in quotes where Hydra's grammar would trip over it, or where it is a
    path: ``task.primer=!``, ``data=/my videos``."""
    # imported here: --help and completion do without Hydra
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ChoiceSweep
    from hydra.errors import HydraException

    text = value[1:]
    taken = is_path and not _PLAIN.fullmatch(text) and text[0] not in "'\"" and "${" not in text
    if taken:
        return f"{start}={quoted(text)}"
    try:
        parsed = OverridesParser.create().parse_override(f"{start}{value}").value()
    except HydraException as error:
        again = f"{start}={quoted(text)}"
        try:
            OverridesParser.create().parse_override(again)
        except HydraException:  # it is the key, then
            raise RequestError(f"{start.lstrip('+~')}: not the name of a setting") from error
        return again
    if start in GROUPS and not isinstance(parsed, str | list | ChoiceSweep):
        return f"{start}={quoted(text)}"  # the name of a choice, whatever else it could be
    return f"{start}{value}"


def _not_a_setting(word: str, following: str | None) -> str:
    key, equals, value = word.lstrip("-").partition("=")
    known = {*top_level_keys(), *GROUPS}
    if equals and key.partition(".")[0] in known:
        return f"{word}: write {key}={value}, without dashes"
    if word in known or (word.startswith("-") and key in known):
        value = following if following and "=" not in following else "VALUE"
        said = f"{word} {value}" if value != "VALUE" else word
        return f"{said}: write {key}={value}"
    first, _, rest = word.partition(" ")
    if rest and first in known:
        return f"{word}: write {first}={rest}"
    if equals and word.startswith("-"):
        return f"{word}: no such option or setting{nearest(key, known, few=0)}"
    return (
        f"{word}: not KEY=VALUE{nearest(word, known, few=0)}; "
        "a value with spaces goes into quotes: 'data=/my videos'"
    )
