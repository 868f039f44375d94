"""A real Chromium for the tests of pages; they skip, saying so, where there is none."""

import shutil
from contextlib import contextmanager

import pytest


@contextmanager
def opened(path, **context):
    """The page of a file in Chromium, with every request and every error that it made."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="pages are tested with playwright: pip install playwright"
    )
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("pages are tested in Chromium, which is not installed here")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(**context)
        page.set_default_timeout(300_000)  # a busy machine is no failure
        page.set_default_navigation_timeout(300_000)
        page.asked, page.errors = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("dialog", lambda dialog: page.errors.append("a dialog"))
        page.goto(path.resolve().as_uri())
        yield page
        browser.close()
