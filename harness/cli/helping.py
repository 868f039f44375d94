"""``harness --help``: one screen, from the file names alone; neither Hydra nor torch is needed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from harness.errors import RequestError
from harness.names import nearest

HELP = """harness: measure how well a model understands video

  harness task=videomme model=llava_next_video frames=32
  harness -m model=tiny_image,tiny_video,tiny_video_dpo     a sweep
  harness task=demo                                         the built-in demo

Choose with GROUP=NAME (`--help task`, `--help model`, … say what each is, protocols too):
{choices}

Set with KEY=VALUE (`--cfg job` prints all keys with their values; any field of a task, model or
scorer can be set by its dotted name, task.scorer.extractor=…):
{keys}

Commands, each with --help:
{commands}
"""
_SIZE = re.compile(r"(?P<name>.+?)_(?P<size>(0_)?\d+[bm](_a\d+b)?)")
"""A size below one has a 0 first; any other number before a size is a version: ``qwen3_5_27b``."""


def by_size(names: Sequence[str]) -> list[str]:
    """Names that differ in their last part only, a model's size, as one: ``qwen2_vl_{2b,7b}``."""
    sizes: dict[str, list[str]] = {}
    for name in names:
        found = _SIZE.fullmatch(name)
        sizes.setdefault(found["name"] if found else name, []).append(
            found["size"] if found else ""
        )
    return [
        f"{name}_{{{','.join(several)}}}"
        if len(several) > 1 and all(several)
        else " ".join(f"{name}_{size}" if size else name for size in several)
        for name, several in sizes.items()
    ]


def group_text(group: str) -> str:
    """Every name of a group, protocols included, with what its YAML says of it first; of a name
    alone, or behind its group (``task/videomme``), what can be chosen by it; of a setting, its
    line.

    Raises RequestError for none of these, with the nearest."""
    from harness.cli import COMMANDS
    from harness.overrides import GROUPS, choices, described, top_level_text

    if group in GROUPS:
        return "\n".join(f"{name:<32} {described(group, name)}".rstrip() for name in choices(group))
    if group in COMMANDS:
        raise RequestError(f"--help {group}: a command: write harness {group} --help")
    top = re.escape(group.partition(".")[0])
    if setting := re.search(rf"^{top}:.*(\n .*)*", top_level_text(), re.MULTILINE):
        return setting[0]
    every = [(known, name) for known in GROUPS for name in choices(known)]
    word = group.replace("=", "/", 1)
    found = [
        (known, name)
        for known, name in every
        if f"{known}/{name}/".startswith(f"{word}/") or f"{name}/".startswith(f"{word}/")
    ]
    if not found:
        hint = nearest(group, {*GROUPS, *(name for _, name in every)})
        raise RequestError(f"--help {group}: no such group or name{hint}")
    return "\n".join(
        f"{f'{known}={name}':<36} {described(known, name)}".rstrip() for known, name in found
    )


def help_text() -> str:
    """The one screen of ``--help``."""
    from harness.cli import COMMANDS
    from harness.overrides import GROUPS, choices, top_level_text

    lines = [
        textwrap.fill(
            f"{group:<10} {'  '.join(by_size(shown))}",
            96,
            initial_indent="  ",
            subsequent_indent=" " * 13,
            break_on_hyphens=False,
        )
        for group in GROUPS
        if (shown := [name for name in choices(group) if "/" not in name])
    ]
    commands = "\n".join(f"  {name:<12} {line}" for name, line in COMMANDS.items())
    return HELP.format(choices="\n".join(lines), keys=top_level_text(), commands=commands)
