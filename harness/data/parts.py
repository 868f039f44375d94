"""Archives that are published in parts: which files are one archive, in which order, and what is
missing, told by their names alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import PurePosixPath

from harness.errors import DataError

_KINDS = r"\.(zip|tar|tgz|tbz2|txz|tar\.gz|tar\.bz2|tar\.xz)"
_WHOLE = re.compile(rf".+({_KINDS}|\.pkl)", re.IGNORECASE)
_PLACE = r"(?P<place>[a-z]{2}|aa[a-z]|\d{1,4})"
_PART = re.compile(rf"(?P<whole>.+{_KINDS})[._-]?(part)?[._-]?{_PLACE}", re.IGNORECASE)
_BEFORE = re.compile(
    rf"(?P<stem>.+)\.part[._-]?(?P<place>[0-9]{{1,4}})(?P<kind>{_KINDS})", re.IGNORECASE
)
_SPAN = re.compile(r"(?P<stem>.+)\.z(?P<place>\d{2,4})", re.IGNORECASE)
_FOREIGN = re.compile(r".+\.(rar|7z|zst|lz4|lz|z|gz|bz2|xz|cab|iso)", re.IGNORECASE)
_MAGIC = {"zip": b"PK\x03\x04", "gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ"}


def is_archive(name: str) -> bool:
    """Whether ``name`` (of a whole archive) is one that ``unpack`` can read."""
    return _WHOLE.fullmatch(name) is not None


def is_foreign(name: str) -> bool:
    """Whether ``name`` is an archive of a kind that is not read here."""
    return not is_archive(name) and _FOREIGN.fullmatch(name) is not None


def is_span(name: str) -> bool:
    """Whether ``name`` is a part of a split zip that is not its last: ``v.z01``."""
    return _SPAN.fullmatch(name) is not None


def whole(name: str) -> tuple[str, str]:
    """The archive that a part belongs to, and the part's place in order.

    ``v.tar.part.aa`` → ``("v.tar", "aa")``, ``v.zip.10`` → ``("v.zip", "10")``; any other file
    is its own: ``("v.zip", "")``.
    """
    part = None if is_archive(name) else _PART.fullmatch(name)
    return (part["whole"], part["place"].lower()) if part else (name, "")


def grouped(
    names: Iterable[str], known: Collection[str], beginning: Callable[[str], bytes]
) -> dict[str, tuple[str, ...]]:
    """The archives among ``names``: {archive: the names of its parts, in order}.

    Read as one: ``v.tar.part.aa``, ``v.tar.gz-00``, ``v.zip.001``, …; the split zip ``v.z01``, …,
    ``v.zip`` (its parts are looked for in ``known`` too, all there is); and ``v.part1.tar``, …
    unless each is an archive of its own, which ``beginning`` (a file's first 512 bytes) tells.
    Raises DataError when a part is missing.
    """
    names = set(names)
    spans, before, parts = _sorted_out(names | _spans_of(names, known))
    found: dict[str, tuple[str, ...]] = {}
    for archive, places in spans.items():
        if archive not in known:
            raise _missing(archive, archive, places.values())
        _without_gap(archive, places)
        found[archive] = (*(places[place] for place in sorted(places, key=int)), archive)
    for archive, places in before.items():
        second = sorted(places, key=int)[1] if len(places) > 1 else None
        if archive in names or second is None or _begins(archive, beginning(places[second])):
            found |= {name: (name,) for name in places.values()}
        else:
            parts[archive] = places
    for archive, places in parts.items():
        if archive in found:
            continue
        if archive in names:  # whole, beside its parts
            found[archive] = (archive,)
            continue
        _without_gap(archive, places)
        found[archive] = tuple(places[place] for place in sorted(places, key=_order))
    return dict(sorted(found.items()))


Places = Mapping[str, str]


def _sorted_out(
    names: Iterable[str],
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """Parts of split zips, numbered parts before the ending, and all others: by archive."""
    spans: dict[str, dict[str, str]] = defaultdict(dict)
    before: dict[str, dict[str, str]] = defaultdict(dict)
    parts: dict[str, dict[str, str]] = defaultdict(dict)
    for name in sorted(names):
        if span := _SPAN.fullmatch(name):
            ending = ".ZIP" if ".Z" in name[len(span["stem"]) :] else ".zip"
            spans[span["stem"] + ending][span["place"]] = name
        elif early := _BEFORE.fullmatch(name):
            before[early["stem"] + early["kind"]][early["place"]] = name
        else:
            archive, place = whole(name)
            parts[archive][place] = name
    return spans, before, parts


def _spans_of(names: Iterable[str], known: Collection[str]) -> set[str]:
    stems = {name[: -len(".zip")] for name in names if name.lower().endswith(".zip")}
    stems |= {span["stem"] for span in map(_SPAN.fullmatch, names) if span}
    found = (_SPAN.fullmatch(name) for name in known)
    return {span.string for span in found if span and span["stem"] in stems}


def _begins(archive: str, first: bytes) -> bool:
    """Whether ``first`` begins an archive of the kind that ``archive`` is named after."""
    import tarfile

    kind = archive.lower().rpartition(".")[2]
    kind = {"tgz": "gz", "tbz2": "bz2", "txz": "xz"}.get(kind, kind)
    if kind in _MAGIC:
        return first.startswith(_MAGIC[kind])
    try:
        tarfile.TarInfo.frombuf(first[:512], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _order(place: str) -> int:
    if place.isdecimal():
        return int(place)
    number = 0
    for letter in place:
        number = number * 26 + ord(letter) - ord("a")
    return number


def _without_gap(archive: str, places: Places) -> None:
    """Raises DataError naming the first part that is missing between others (or before all)."""
    have = {_order(place): name for place, name in places.items() if place}
    first = 1 if have and 0 not in have and next(iter(places)).isdecimal() else 0
    for place in range(first, max(have, default=0)):
        if place not in have:
            like = have[min(have)]
            raise _missing(archive, _renamed(like, place), places.values())


def _missing(archive: str, part: str, have: Iterable[str]) -> DataError:
    names = sorted(PurePosixPath(name).name for name in have)
    listed = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
    return DataError(
        f"{archive}: its part {part} is not among the data set's files ({listed} are); nothing was "
        "unpacked. Tell the data set's authors, or set data=FOLDER to the videos."
    )


def following(name: str) -> str | None:
    """What the part after ``name`` would be called; None when it is no part."""
    for pattern in (_SPAN, _BEFORE, _PART):
        part = pattern.fullmatch(name)
        if part and (pattern is not _PART or not is_archive(name)):
            return _renamed(name, _order(part["place"].lower()) + 1)
    return None


def _renamed(name: str, place: int) -> str:
    """``name`` with another place, of the same width."""
    part = _SPAN.fullmatch(name) or _BEFORE.fullmatch(name) or _PART.fullmatch(name)
    if part is None:
        return name
    old = part["place"]
    if old.isdecimal():
        new = str(place).zfill(len(old))
    else:
        new = ""
        for _ in old:
            place, letter = divmod(place, 26)
            new = chr(ord("a") + letter) + new
    return name[: part.start("place")] + new + name[part.end("place") :]
