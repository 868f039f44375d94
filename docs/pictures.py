"""Draws the pictures of these pages into docs/pictures: ``python docs/pictures.py [RESULTS]``.

Runs the demo (into RESULTS, default build/pictures, where what is there is kept), and shows its
pages in the system's Chromium and the words of two commands. Needs Chromium and playwright
(``pip install 'video-eval-harness[browser]'``).
"""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import harness.demo

DOCS = Path(__file__).parent
PICTURES = DOCS / "pictures"
CLIPS = Path(harness.demo.__path__[0]) / "data" / "videos"
NAMES = ("run", "judge", "two", "leaderboard", "new", "try")
COLOURS = 224  # a screen of text has few: a picture stays below 100 kB
RUNS = (
    ("model=tiny_video", "frames=2"),
    ("model=tiny_video", "frames=8"),
    ("model=tiny_image", "frames=2"),
    ("model=tiny_image", "frames=8"),
    ("model=tiny_video", "frames=8", "control=single_frame"),
    ("model=tiny_video", "frames=8", "task=demo/open", "judge=tiny_judge"),
)


def main(results: Path) -> None:
    """Every picture; those that are there are replaced."""
    PICTURES.mkdir(exist_ok=True)
    for words in RUNS:
        command([*words, f"results={results}"])
    with TemporaryDirectory() as folder, browser() as shown:
        site = Path(folder) / "site"
        command(["site", str(results), "-o", str(site), "--frames"])
        page = plain(site / "runs/demo/tiny_video", results, 8) / "report.html"
        shot(shown, page, "run", 1000, click='.tabulator-row:has-text("appears third")')
        judged = next((site / "runs/demo/open").rglob("report.html"))
        shot(shown, judged, "judge", 0, part="#sample")
        pair = [str(plain(results / "demo" / m, results, 8)) for m in ("tiny_video", "tiny_image")]
        command(
            ["view", *pair, "--results", str(results), "--no-open", "--out", f"{site}/two.html"]
        )
        shot(shown, site / "two.html", "two", 0, part=".browser", click=".tabulator-row >> nth=2")
        shot(shown, site / "index.html", "leaderboard", 720, width=1300)
        terminals(shown, Path(folder))


def command(words: Sequence[str], folder: Path | None = None) -> str:
    """What a command prints. It must succeed."""
    told = subprocess.run(
        [sys.executable, "-m", "harness", *words], cwd=folder, check=True, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    return told.stdout


def plain(folder: Path, results: Path, frames: int) -> Path:
    """What below ``folder`` belongs to the run with so many frames and no control."""
    from harness.report.runs import find

    ids = {r.folder.name for r in find(results)[0] if r.control == "none" and r.frames == frames}
    (found,) = [path for path in folder.iterdir() if path.name in ids]
    return found


@contextmanager
def browser() -> Iterator[Any]:
    """A Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        chromium = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def shot(
    shown: Any, path: Path, name: str, height: int, *, width: int = 1180, scheme: str = "light",
    click: str = "", part: str = "", ready: str = "body[data-ready]",
) -> None:  # fmt: skip
    """One picture: of the first ``height`` pixels (0: of all), or of one ``part``."""
    page = shown.new_page(viewport={"width": width, "height": height or 800}, color_scheme=scheme)
    page.set_default_timeout(300_000)
    page.set_default_navigation_timeout(300_000)
    page.goto(path.resolve().as_uri())
    page.wait_for_selector(ready)
    if click:
        page.click(click)
    page.wait_for_timeout(1000)  # pictures in view are loaded
    drawn = page.locator(part).screenshot() if part else page.screenshot(full_page=not height)
    page.close()
    save(drawn, name)


def save(drawn: bytes, name: str) -> None:
    """As a PNG with few colours."""
    from PIL import Image

    with Image.open(io.BytesIO(drawn)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(PICTURES / f"{name}.png", optimize=True)


def terminals(shown: Any, folder: Path) -> None:
    """What docs/own_benchmark.md says to type, with its rows and two of the demo's clips."""
    text = (DOCS / "own_benchmark.md").read_text(encoding="utf-8")
    rows = re.search(r"^```csv\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert rows is not None
    (folder / "rows.csv").write_text(rows[1], encoding="utf-8")
    for name, clip in zip(("one", "two"), sorted(CLIPS.iterdir()), strict=False):
        shutil.copy(clip, folder / f"{name}{clip.suffix}")
    for name, typed in (("new", "new task mine --rows rows.csv"), ("try", "try task=mine")):
        said = command(typed.split(), folder)
        page = folder / f"{name}.html"
        page.write_text(terminal(f"$ harness {typed}", said), encoding="utf-8")
        shot(shown, page, name, 0, width=960, part="pre", ready="pre")


def terminal(typed: str, said: str) -> str:
    """A page that looks like a terminal."""
    style = (
        "body, pre { margin: 0 } b { color: #6cb6ff } pre { padding: 16px; background: #14171b; "
        "color: #e6e9ed; font: 13px/1.45 monospace; white-space: pre-wrap }"
    )
    text = f"<b>{html.escape(typed)}</b>\n{html.escape(said)}"
    return f"<meta charset=utf-8><style>{style}</style><pre>{text}</pre>"


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/pictures").resolve())
