# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a real browser: a page that is opened from a file, with everything noted that it asks for or complains about."""

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).absolute().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
KEPT = ROOT / ".cache" / "report"
# Debian's, Google's for machines of hosted CI, Ubuntu's
BROWSERS = ("chromium", "google-chrome", "chromium-browser")


@pytest.fixture(scope="session")
def browser():
    """Return a headless browser of this machine."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip(f"there is no browser ({', '.join(BROWSERS)}), and scripts/setup could install none")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        # a browser's sandbox is not for root
        flags = ["--no-sandbox"] if os.getuid() == 0 else []
        running = driver.chromium.launch(executable_path=found, args=flags)
        yield running
        running.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that opens a page's text, and has ``requests`` and ``complaints`` of it."""
    contexts = []

    def show(text, width=1280, height=800, scheme="light"):
        path = tmp_path / f"fabric{len(contexts)}.html"
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.requests, page.complaints = [], []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("console", lambda said: page.complaints.append(said.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (page.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", timeout=20_000)
        return page

    yield show
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def keep():
    """Return a function that keeps a picture of a page among the tests' output."""
    KEPT.mkdir(parents=True, exist_ok=True)

    def picture(page, name):
        page.screenshot(path=KEPT / f"{name}.png", full_page=True)

    return picture
