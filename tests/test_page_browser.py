"""The run page as a person uses it, in a real Chromium."""

import time
from dataclasses import replace

from harness.report import html
from tests.browser import opened
from tests.runs import record, records, right, write, wrong
from tests.test_page import HOSTILE


def paged(folder, run, *others):
    path = folder / "report.html"
    path.write_text(html.page(run, *others), encoding="utf-8")
    return path


def counted(page):
    return page.inner_text("#count")


def test_filters_and_search_narrow_the_list(tmp_path):
    answers = [record(0, right(0)), record(1, wrong(1)), record(2, "no idea"), record(3, None)]
    with opened(paged(tmp_path, write(tmp_path / "run", answers))) as page:
        page.wait_for_selector("body[data-ready]")
        assert counted(page) == "4 of 4 questions"
        page.select_option("[aria-label=status]", "failed")
        assert counted(page) == "1 of 4 questions"
        assert page.locator(".tabulator-row").count() == 1
        page.select_option("[aria-label=status]", "")
        page.select_option("[aria-label=score]", "wrong")
        assert counted(page) == "1 of 4 questions"
        page.select_option("[aria-label=score]", "")
        page.select_option("[aria-label=task_type]", "Counting")
        assert counted(page) == "2 of 4 questions"
        page.select_option("[aria-label=task_type]", "")
        page.fill("[aria-label=search]", "no IDEA")
        assert counted(page) == "1 of 4 questions"
        assert not page.errors


def test_a_click_shows_the_question_with_its_options_marked(tmp_path):
    with opened(paged(tmp_path, write(tmp_path / "run", [record(0, "B"), record(1, "C")]))) as page:
        page.wait_for_selector("body[data-ready]")
        page.click(".tabulator-row >> nth=1")
        assert "What is number 1?" in page.inner_text("#sample")
        assert page.locator("#sample li.target").count() == 1
        assert "blue truck" not in page.inner_text("#sample li.chosen")
        assert "1.00 s" in page.inner_text("#sample .strip")
        assert not page.errors


def test_hostile_text_does_nothing_and_nothing_is_fetched(tmp_path):
    told = record(0, HOSTILE, question={"text": HOSTILE, "groups": {HOSTILE: (HOSTILE, "b")}})
    told = replace(told, video=HOSTILE, reason=HOSTILE)
    with opened(paged(tmp_path, write(tmp_path / "run", [told, record(1, right(1))]))) as page:
        page.wait_for_selector("body[data-ready]")
        page.click(".tabulator-row >> nth=0")
        assert "<script>alert(1)</script>" in page.inner_text("#sample")
        assert page.locator("#sample script, #list img").count() == 0
        assert not page.errors
        assert all(url.startswith("file:") for url in page.asked)


def test_as_many_questions_as_video_mme_has_are_drawn_a_few_at_a_time(tmp_path):
    path = paged(tmp_path, write(tmp_path / "run", records(2700, 0.6)))
    with opened(path) as page:
        page.wait_for_selector("body[data-ready]")
        assert counted(page) == "2700 of 2700 questions"
        assert page.locator(".tabulator-row").count() < 200
        took = page.evaluate("performance.now()")
        print(f"ready {took / 1000:.2f} s after the page was opened ({time.ctime()})")
        assert not page.errors


def test_two_runs_are_filtered_by_what_changed(tmp_path):
    first = write(tmp_path / "1", [record(0, right(0)), record(1, wrong(1)), record(2, right(2))])
    answers = [record(0, wrong(0)), record(1, right(1)), record(2, right(2))]
    second = write(tmp_path / "2", answers, model="other")
    with opened(paged(tmp_path, first, second)) as page:
        page.wait_for_selector("body[data-ready]")
        page.select_option("[aria-label=change]", "gained")
        assert counted(page) == "1 of 3 questions"
        page.click(".tabulator-row")
        assert "Second response" in page.inner_text("#sample")
        assert not page.errors


def test_on_a_phone_nothing_is_wider_than_the_screen(tmp_path):
    path = paged(tmp_path, write(tmp_path / "run", records(30, 0.6)))
    with opened(path, viewport={"width": 390, "height": 844}, color_scheme="dark") as page:
        page.wait_for_selector("body[data-ready]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
