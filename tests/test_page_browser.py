"""The run page as a person uses it, in a real Chromium."""

import time
from dataclasses import replace

from harness.cli import main
from harness.report import html, runs
from tests.browser import opened
from tests.runs import record, records, right, write, wrong
from tests.test_page import HOSTILE, judged


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
        for _ in range(2):  # a second click does not take the first one back
            page.click(".tabulator-row >> nth=1")
            chosen = page.locator(".tabulator-row.tabulator-selected .tabulator-cell")
            assert chosen.first.inner_text() == "What is number 1?"
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


def test_two_runs_with_other_frames_are_shown_both_strips(tmp_path):
    first = write(tmp_path / "1", [record(0, right(0))])
    second = write(tmp_path / "2", [record(0, wrong(0), frames=(5,), times=(0.5,))], frames=1)
    with opened(paged(tmp_path, first, second)) as page:
        page.wait_for_selector("body[data-ready]")
        assert page.locator("#sample .strip").all_inner_texts() == ["0.00 s\n1.00 s", "0.50 s"]
        assert not page.errors


def test_where_there_are_no_pictures_one_line_says_what_makes_them(tmp_path):
    run = write(tmp_path / "run", records(3, 1))
    with opened(paged(tmp_path, run)) as page:
        page.wait_for_selector("#sample .note >> text=harness view")
        assert page.inner_text("#sample").count(f"harness view {run.id}") == 1


def test_view_makes_the_pictures_that_the_page_then_shows(tmp_path):
    results = tmp_path / "results"
    words = ["task=demo", "backend=fake", "frames=2", "limit=2", f"results={results}"]
    for control in ("none", "single_frame", "blank"):
        assert main([*words, f"control={control}"]) == 0
    for run in runs.find(results)[0]:
        assert main(["view", str(run.folder), "--results", str(results), "--no-open"]) == 0
        with opened(run.folder / "report.html") as page:
            page.wait_for_selector("body[data-ready]")
            for picture in page.locator(
                "img"
            ).all():  # the page admits no eval, which polling needs
                picture.evaluate("(image) => image.decode().catch(() => null)")
            sources = page.eval_on_selector_all("#sample img", "all => all.map((i) => i.src)")
            widths = page.eval_on_selector_all(
                "#sample img", "all => all.map((i) => i.naturalWidth)"
            )
            black = page.locator("#sample .black").count()
            assert all(widths)
            assert "harness view" not in page.inner_text("#sample")
            assert not page.errors
        different = {"none": 2, "single_frame": 1, "blank": 0}[run.control]
        assert (len(set(sources)), black) == (different, 2 if run.control == "blank" else 0)


def test_what_the_judge_was_asked_and_said_is_shown_as_text(tmp_path):
    with opened(paged(tmp_path, judged(tmp_path, reply=HOSTILE[:-1], parse="repaired"))) as page:
        page.wait_for_selector("body[data-ready]")
        shown = page.inner_text("#sample")
        assert "a judge" in shown
        assert "replies read: repaired" in shown
        assert shown.count("<script>alert(1)</script>") == 1  # not again as the score's explanation
        page.click("#sample summary >> text=what it was asked")
        assert "red car" in page.inner_text("#sample section details pre")
        assert page.locator("#sample script, #sample img[src=x]").count() == 0
        assert not page.errors


def test_filters_by_status_group_score_and_text_hold_together(tmp_path):
    run = write(tmp_path / "run", records(180, 0.6))
    with opened(paged(tmp_path, run)) as page:
        page.wait_for_selector("body[data-ready]")
        page.select_option("[aria-label=duration]", "long")
        page.select_option("[aria-label=score]", "wrong")
        page.fill("[aria-label=search]", "NUMBER 1")
        rows = [r for r in run.records if r.score and r.score.values["accuracy"] == 0]
        rows = [r for r in rows if r.question.groups["duration"] == ("long",)]
        rows = [r for r in rows if "number 1" in r.question.text]
        assert counted(page) == f"{len(rows)} of 180 questions"


def test_on_a_phone_nothing_is_wider_than_the_screen(tmp_path):
    path = paged(tmp_path, write(tmp_path / "run", records(30, 0.6)))
    for scheme, colour in (("dark", "rgb(20, 23, 27)"), ("light", "rgb(255, 255, 255)")):
        phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme}
        with opened(path, **phone) as page:
            page.wait_for_selector("body[data-ready]")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == colour
