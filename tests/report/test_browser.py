"""The pages in a real browser: no complaints, no requests, hover, zoom, sorting, filters, and digits that are drawn."""

import pathlib
import time

import jax
import numpy as np
import pytest
from browser import asked, browser, complaints

from bigdeep import configfile, predict, training
from bigdeep.data import photo, pixels
from bigdeep.report import comparison
from bigdeep.report.run import Run, runs_below
from bigdeep.run import folder
from bigdeep.sections import plain

STROKES = {  # from the middle of the paper, in shares of its side
    "1": [[(0.03, -0.3), (0.0, 0.3)]],
    "7": [[(-0.2, -0.3), (0.2, -0.3), (-0.03, 0.3)]],
    "0": [
        [
            (0, -0.3),
            (-0.15, -0.22),
            (-0.22, 0),
            (-0.15, 0.22),
            (0, 0.3),
            (0.15, 0.22),
            (0.22, 0),
            (0.15, -0.22),
            (0, -0.3),
        ]
    ],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of two finished runs."""
    path = tmp_path_factory.mktemp("runs")
    for seed, name in enumerate(("one", "two")):
        training.run(plain(configfile.load("mlp2:smoke")) | {"epochs": 4, "seed": seed}, str(path / name))
    return path


@pytest.fixture(scope="module")
def driver():
    with browser() as opened:
        yield opened


def opened(driver, path: pathlib.Path) -> None:
    """Opens a page from disk; afterwards nothing has been logged or asked for but the page."""
    asked(driver), complaints(driver)
    driver.get(path.as_uri())
    time.sleep(0.3)
    assert complaints(driver) == []
    assert asked(driver) == {path.as_uri()}


@pytest.mark.slow
def test_a_report_shows_its_digits_and_charts(driver, runs):
    began = time.monotonic()
    opened(driver, runs / "one" / "report.html")
    assert time.monotonic() - began < 5
    errors = Run(runs / "one").result["test_errors_at_best_validation"]
    digits = driver.find_elements("css selector", "#mistakes img")
    assert len(digits) == errors
    driver.execute_script("for (const i of document.images) i.loading = 'eager'")
    time.sleep(0.3)
    assert driver.execute_script("return [...document.images].every(i => i.complete && i.naturalWidth > 0)")
    drawn = driver.execute_script(
        "return [...document.querySelectorAll('.chart svg')].map(s => s.querySelectorAll('polyline').length)"
    )
    assert len(drawn) == 7
    assert all(drawn)
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_hover_shows_values_and_dragging_zooms(driver, runs):
    chains = pytest.importorskip("selenium.webdriver.common.action_chains")
    opened(driver, runs / "one" / "report.html")
    chart = driver.find_element("css selector", "#error svg")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    chains.ActionChains(driver).move_to_element_with_offset(chart, 225, 0).perform()
    tip = driver.find_element("css selector", "#error .tip")
    best = Run(runs / "one").rows[-1]
    assert tip.is_displayed()
    assert "epoch 4" in tip.text
    assert f"test {100 * best['test_errors'] / best['test_total']:.5g} %" in " ".join(tip.text.split())
    chains.ActionChains(driver).move_to_element_with_offset(chart, -60, 0).click_and_hold().move_by_offset(
        90, 0
    ).release().perform()
    whole = driver.find_element("xpath", "//div[@id='error']//button[text()='whole range']")
    assert whole.is_displayed()
    whole.click()
    assert not driver.find_element("xpath", "//div[@id='error']//button[text()='whole range']").is_displayed()
    driver.find_element("xpath", "//div[@id='error']//button[text()='by time']").click()
    label = driver.find_elements("css selector", "#error svg text")[-1].text
    assert label in ("seconds", "minutes")
    names = driver.find_elements("css selector", "#error .legend button")
    before = len(driver.find_elements("css selector", "#error polyline"))
    names[0].click()
    assert len(driver.find_elements("css selector", "#error polyline")) == before - 1
    assert complaints(driver) == []


def test_mistakes_are_sorted(driver, runs):
    opened(driver, runs / "one" / "report.html")
    values = "[i.dataset.label, +i.dataset.index, +i.dataset.loss]"
    read = f"return [...document.querySelectorAll('#mistakes li')].map(i => {values})"
    losses = [loss for *_, loss in driver.execute_script(read)]
    assert losses == sorted(losses, reverse=True)
    driver.find_element("css selector", "[data-by=index]").click()
    numbers = [index for _, index, _ in driver.execute_script(read)]
    assert numbers == sorted(numbers)
    driver.find_element("css selector", "[data-by=label]").click()
    labels = [label for label, *_ in driver.execute_script(read)]
    assert labels == sorted(labels)


def test_an_index_is_sorted_and_filtered(driver, runs):
    index = runs / "index.html"
    index.write_text(comparison.of_several(runs_below(runs), runs, index=True))
    opened(driver, index)
    head = driver.find_element("xpath", "//th[text()='errors']")
    for rising in (False, True):
        head.click()
        cells = [int(each.text) for each in driver.find_elements("css selector", "tbody td:nth-child(5)")]
        assert cells == sorted(cells, reverse=not rising)
    driver.find_element("css selector", "[data-filter=text]").send_keys("(two)")
    shown = [row for row in driver.find_elements("css selector", "tbody tr") if row.is_displayed()]
    assert [row.text.split(" mnist")[0] for row in shown] == ["mlp2:smoke (two)"]


def test_pages_fit_a_phone_in_the_dark_and_paper(driver, runs):
    opened(driver, runs / "one" / "report.html")
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    )
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    time.sleep(0.4)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
    light = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    assert driver.execute_script(light) < 60
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", **dark})
    assert driver.execute_script(light) == 255
    assert not driver.find_element("css selector", "#error .bar").is_displayed()
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture(scope="module")
def paper(driver, tmp_path_factory):
    """The page to draw on, with the net that comes along."""
    path = tmp_path_factory.mktemp("draw") / "draw.html"
    path.write_text(predict.drawing_page("pretrained:mlp2"))
    opened(driver, path)
    return driver.find_element("id", "paper")


def draw(driver, paper, strokes) -> None:
    chains = pytest.importorskip("selenium.webdriver.common.action_chains")
    driver.find_element("id", "clear").click()
    side = paper.size["width"]
    for stroke in strokes:
        x, y = (round(side * each) for each in stroke[0])
        actions = chains.ActionChains(driver, duration=15).move_to_element_with_offset(paper, x, y).click_and_hold()
        for point in stroke[1:]:
            to = [round(side * each) for each in point]
            actions.move_by_offset(to[0] - x, to[1] - y)
            x, y = to
        actions.release().perform()
    time.sleep(0.2)


@pytest.mark.parametrize("digit", STROKES)
def test_drawn_digits_are_read(driver, paper, digit):
    draw(driver, paper, STROKES[digit])
    assert driver.find_element("id", "guess").text == digit
    shares = [float(each.text[:-2]) for each in driver.find_elements("css selector", "#bars span:nth-child(3n)")]
    assert len(shares) == 10
    assert shares[int(digit)] == max(shares) > 90
    assert complaints(driver) == []


def test_the_page_frames_a_drawing_as_photos_are(driver, paper):
    draw(driver, paper, STROKES["7"])

    def pixels_of(canvas: str, side: int, channel: int) -> np.ndarray:
        data = f"const d = {canvas}.getImageData(0, 0, {side}, {side}).data"
        values = driver.execute_script(f"{data}; return Array.from(d).filter((_, i) => i % 4 == {channel})")
        return np.array(values, np.float32).reshape(side, side)

    drawn, page = pixels_of("pen", 280, 3), pixels_of("seen", 28, 0)
    expected = photo.framed(drawn, "drawing").pixels.astype(int)
    assert np.abs(page - expected).max() <= 40  # of 255: cut out at another threshold, by less than a pixel of 280
    assert np.abs(page - expected).mean() < 1


def test_the_page_computes_what_the_net_does(driver, paper, mnist):
    net = folder.net("pretrained:mlp2")
    images = mnist.test_images[:40]
    logits = np.asarray(jax.jit(net.logits)(net.params, net.model_state, pixels.padded(images, 29)))
    script = "return arguments[0].map(frame => Array.from(forward(padded(frame))))"
    page = np.array(driver.execute_script(script, images[..., 0].tolist())) * net.temperature
    most = np.abs(logits).max()
    assert np.abs(page - logits).max() < 0.02 * most  # another order of sums, in which roundings to bfloat16 flip
    assert (page.argmax(axis=1) == logits.argmax(axis=1)).all()
