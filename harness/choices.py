"""What can be chosen on the command line, read from the config files without Hydra."""

from __future__ import annotations

from pathlib import Path


def folders() -> list[Path]:
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
            for root in folders()
            for path in (root / group).rglob("*.yaml")
        }
    )


def keys() -> str:
    """The top-level keys with their defaults and comments, as configs/config.yaml has them."""
    text = (folders()[-1] / "config.yaml").read_text(encoding="utf-8")
    return text.partition("\nframes:")[2].partition("\nhydra:")[0].rstrip()
