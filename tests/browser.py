"""A real Chromium, driven by selenium, that notes what pages log and ask for."""

import contextlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

import pytest

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"


@contextlib.contextmanager
def browser(width: int = 1200, height: int = 900) -> Iterator:
    """A driver; a skip with the reason where there is no Chromium, a failure where BIGDEEP_BROWSER=required."""
    missing = [path for path in (CHROMIUM, DRIVER) if not pathlib.Path(path).exists()]
    if missing:
        assert os.environ.get("BIGDEEP_BROWSER") != "required", missing
        pytest.skip(f"needs Debian's chromium and chromium-driver: no {missing[0]}")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tempfile.mkdtemp()
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
    for flag in (*flags, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


def complaints(driver) -> list[str]:
    """What pages have logged since the last call."""
    return [entry["message"] for entry in driver.get_log("browser")]


def asked(driver) -> set[str]:
    """The addresses that pages have asked for since the last call, but data: and those of Chromium itself."""
    messages = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {url for url in sent if not url.startswith(("data:", "chrome:", "about:"))}
