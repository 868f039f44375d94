"""The static site: sections, controls as columns, links that lead somewhere, sorting."""

import json
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

from harness.cli import main
from harness.errors import RequestError
from harness.types import Usage
from tests.browser import opened
from tests.runs import record, records, right, write


def counted(found, frames):
    """The record with the tokens that so many frames may take."""
    return replace(found, response=replace(found.response, usage=Usage(100 * frames, 2)))


@pytest.fixture
def made(tmp_path):
    results = tmp_path / "results"
    for frames in (4, 8):
        write(
            results, [counted(r, frames) for r in records(share=0.3 + frames / 20)], frames=frames
        )
    write(results, records(share=0.3), frames=8, control="blank")
    write(results, [*records(6), record(6, None)], model="other", frames=8)
    write(results, records(6), frames=8, extractor="mlvu")
    write(results, records(6), model="alone", control="text")
    assert main(["site", str(results), "-o", str(tmp_path / "site")]) == 0
    return tmp_path / "site"


def sections(site):
    page = (site / "index.html").read_text()
    found = re.search(r'id="data">(.*?)</script>', page, re.S)
    return json.loads(found[1])


def test_a_section_per_protocol_with_controls_as_columns_of_their_run(made):
    boards = sections(made)
    assert len(boards) == 3  # two rules, and a control whose run is not there
    (board,) = [b for b in boards if "control: blank" in b["columns"]]
    assert [row["model"]["text"] for row in board["rows"]].count("tiny_video") == 2
    with_blank = [row for row in board["rows"] if "control: blank" in row]
    assert [row["frames"]["value"] for row in with_blank] == [8]
    (lossy,) = [row for row in board["rows"] if row["model"]["text"] == "other"]
    assert lossy["lost"]["text"] == "1 failed (incomplete)"


def test_the_settings_column_says_what_differs_and_nothing_else(tmp_path):
    results = tmp_path / "results"
    for size in ("full", 336):
        write(results, records(6), video={"size": size, "decoder": "pyav"})
    write(results, records(6), model="other", video={"size": "full", "decoder": "pyav"})
    assert main(["site", str(results), "-o", str(tmp_path / "site")]) == 0
    (board,) = sections(tmp_path / "site")
    told = {row["settings"]["text"] for row in board["rows"]}
    assert told == {"video.size=full", "video.size=336"}


def test_every_link_and_plot_is_there(made):
    rows = [row for board in sections(made) for row in board["rows"]]
    for row in rows:
        assert (made / unquote(row["link"])).is_file()
    pictures = re.findall(r'<img src="([^"]+)"', (made / "index.html").read_text())
    for what in ("frames", "tokens", "seconds"):
        assert any(picture.endswith(f"-{what}.svg") for picture in pictures), what
    assert all((made / unquote(picture)).is_file() for picture in pictures)


def test_a_page_is_made_again_only_when_its_run_changed(made, tmp_path):
    pages = sorted(made.rglob("report.html"))
    before = [page.stat().st_mtime_ns for page in pages]
    assert main(["site", str(tmp_path / "results"), "-o", str(made)]) == 0
    assert [page.stat().st_mtime_ns for page in pages] == before


def test_an_empty_folder_makes_an_empty_board_and_no_folder_is_refused(tmp_path):
    (tmp_path / "results").mkdir()
    assert main(["site", str(tmp_path / "results"), "-o", str(tmp_path / "site")]) == 0
    assert "No runs yet" in (tmp_path / "site" / "index.html").read_text()
    with pytest.raises(RequestError, match="no such folder"):
        main(["site", str(tmp_path / "nothing")])


def test_a_click_on_a_heading_sorts_and_a_link_opens_the_run(made):
    with opened(made / "index.html") as page:
        page.wait_for_selector("body[data-ready]")
        board = page.locator(".board").filter(has_text="control: blank")
        heading = board.locator(".tabulator-col", has_text="frames").first
        frames = '.tabulator-cell[tabulator-field="c2"]'
        heading.click()
        assert board.locator(frames).all_inner_texts()[0] == "8"
        heading.click()
        assert board.locator(frames).all_inner_texts()[0] == "4"
        board.locator("a").first.click()
        page.wait_for_selector("body[data-ready]")
        assert page.locator("#list").count() == 1
        assert not page.errors
        assert all(url.startswith("file:") for url in page.asked)


def test_hostile_names_of_categories_stay_text_and_a_phone_shows_every_column(tmp_path):
    hostile = "<img src=x onerror=alert(1)><b>bold</b>"
    answers = [
        record(i, right(i), question={"groups": {"duration": (hostile, "b")[i % 2 : i % 2 + 1]}})
        for i in range(6)
    ]
    write(tmp_path / "results", answers)
    assert main(["site", str(tmp_path / "results"), "-o", str(tmp_path / "site")]) == 0
    for scheme, colour in (("dark", "rgb(20, 23, 27)"), ("light", "rgb(255, 255, 255)")):
        phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme}
        with opened(tmp_path / "site" / "index.html", **phone) as page:
            page.wait_for_selector("body[data-ready]")
            assert page.locator(".board b, .board img").count() == 0
            titles = page.locator(".board .tabulator-col-title").all_inner_texts()
            assert hostile in titles
            assert {"model", "accuracy", "n", "lost", "seconds"} < set(titles)
            assert page.locator(".board .tabulator-col:visible").count() == len(titles)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == colour
            assert not page.errors
            assert all(url.startswith("file:") for url in page.asked)
