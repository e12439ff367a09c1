"""Teaching page in a real browser: headless Chromium, driven by Playwright, on a server of its own.

Screenshots are kept in pytest's temporary folder, or in the folder that TIELINE_SCREENSHOTS names.
"""

import os
import re
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest
from cli import begun

import experiments
from experiments.teach.formulas import money
from experiments.teach.handout import write_handout

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: pip install 'tieline[test]'"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]

LONG_MS = 240_000
"""Longest wait for a simulation on a busy machine. [ms]"""


STUDIES = Path(experiments.__file__).parent / "studies"
OWN = "---\ntitle: Own\nstudy: mine.yaml\nquestions:\n  - {text: Profit, answer: {quantity: profit}}\n---\nText"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve the page with a hostile lesson and one that has a study of its own; return its address."""
    lessons = tmp_path_factory.mktemp("lessons")
    hostile = "title: <b>Hostile</b>\nquestions:\n  - {text: <img src=x onerror=hit()>, answer: {quantity: profit}}"
    (lessons / "99_hostile.md").write_text(f"---\n{hostile}\n---\n<script>hit()</script>", encoding="utf-8")
    study = (STUDIES / "microgrid33.yaml").read_text(encoding="utf-8").replace("name: microgrid33", "name: mine")
    (lessons / "mine.yaml").write_text(study, encoding="utf-8")
    (lessons / "98_own.md").write_text(OWN, encoding="utf-8")
    (lessons / "97_bad.md").write_text(OWN.replace("title: Own", "titel: Own"), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}  # NiceGUI looks for it
    process = begun("teach", "--port", port, "--lessons", lessons, env=environment)
    assert "http://127.0.0.1" in process.stdout.readline()
    address = f"http://127.0.0.1:{port}/"
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield address
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "leaked" not in err
    assert "this lesson is left out" in err


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory):
    folder = os.environ.get("TIELINE_SCREENSHOTS")
    return Path(folder) if folder else tmp_path_factory.mktemp("screenshots")


@pytest.fixture
def tab(chromium, server):
    """Open a tab that may say nothing in its console and ask no other host; return a function that opens one."""
    opened, wrong = [], []

    def _open(query="", width=1600, height=900):
        page = chromium.new_context(viewport={"width": width, "height": height}).new_page()
        page.set_default_timeout(LONG_MS)
        page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda asked: wrong.append(asked.url) if not asked.url.startswith((server, "data:")) else None
        )
        page.goto(server + query)
        page.wait_for_function("document.querySelector('.why')?.innerText.startsWith('Gate closure')")
        opened.append(page)
        return page

    yield _open
    for page in opened:
        page.context.close()
    assert wrong == []


def go_to(page, hour):
    """Go to the end of the day and back to an hour by keys, and wait until it is shown."""
    page.keyboard.press("End")
    reached(page, 24)
    for back in range(23, hour - 1, -1):
        page.keyboard.press("ArrowLeft")
        reached(page, back)


def reached(page, hour):
    page.wait_for_function(f"document.querySelector('.bar .hour').innerText.startsWith('hour {hour}')")
    page.wait_for_function(f"document.querySelector('.why').innerText.includes('hour {hour} ')")


def whole(page, file):
    """Take a picture of the whole page, with the charts that nobody has seen yet."""
    page.wait_for_function("waiting.size === 0")
    page.screenshot(path=file, full_page=True)


def amounts(page, term):
    """Return the amounts of a term in the table of the money: both runs and their difference."""
    rows = page.evaluate(
        "[...document.querySelectorAll('.money-row')].map(row => [...row.children].map(c => c.innerText))"
    )
    return next(amounts for name, *amounts in rows if name == term)


def test_it_shows_the_same_money_as_a_run_and_both_runs_side_by_side(tab, screenshots, run_of):
    page = tab()
    page.screenshot(path=screenshots / "wide_gate_closure.png")
    go_to(page, 24)
    first, second = (run_of(bidding=bidding).money for bidding in ("basic", "anm_aware"))
    for term in first.index:
        assert amounts(page, term.replace("_", " "))[:2] == [money(first[term]), money(second[term])]
    assert "the ANM-aware bid has earned" in page.locator(".why").inner_text()
    whole(page, screenshots / "wide.png")


@pytest.fixture(scope="module")
def run_of():
    from experiments.simulate import run

    return lambda **options: run("microgrid33", **options)


def test_it_steps_and_plays_through_a_day_by_keys_alone(tab):
    page = tab()
    for hour in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        reached(page, hour)
    page.keyboard.press("ArrowLeft")
    reached(page, 2)
    for _ in range(3):
        page.keyboard.press("+")
    page.keyboard.press(" ")
    reached(page, 24)
    page.keyboard.press("r")
    page.wait_for_function("document.querySelector('.why').innerText.startsWith('Gate closure')")


def test_every_control_is_reached_by_the_tab_key_and_shows_its_focus(tab):
    page = tab()
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.closest('[aria-label]')?.getAttribute('aria-label')"))
    assert {
        "reset",
        "back",
        "play",
        "step",
        "hour of the day",
        "settings",
        "lessons",
        "market rule",
        "Money, key 6",
    } <= seen


def test_another_rule_changes_the_numbers(tab):
    page = tab()
    go_to(page, 24)
    before = amounts(page, "imbalance")
    page.locator(".run.first .choose-rule").click()
    page.get_by_role("option", name="nguyen").click()
    page.wait_for_function("document.querySelector('.run.first h2').innerText.includes('nguyen')")
    reached(page, 24)
    page.wait_for_function(f"!document.querySelector('.run.first').innerText.includes('{before[0]}')")
    after = amounts(page, "imbalance")
    assert after[0] != before[0]
    assert after[1] == before[1]
    page.keyboard.press("s")
    band = page.get_by_role("slider", name="tolerance band")
    before = float(band.get_attribute("aria-valuenow"))
    band.locator("[tabindex='0']").focus()
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.bar .hour').innerText.includes('going to hour 24')")
    reached(page, 24)
    assert float(band.get_attribute("aria-valuenow")) == pytest.approx(before + 0.07)
    assert f"± {100 * before + 7:g} % of the bid" in page.locator(".sliders").inner_text()


def test_a_number_shows_its_formula_and_a_bus_its_day(tab, screenshots):
    page = tab()
    go_to(page, 17)
    page.get_by_label("imbalance, first run: formula").click()
    page.wait_for_selector(".q-dialog .formula")
    text = page.locator(".q-dialog").inner_text()
    assert "(15), (16)" in text
    assert "metered P = " in text
    page.screenshot(path=screenshots / "formula.png")
    page.keyboard.press("Escape")
    page.wait_for_selector(".q-dialog", state="detached")
    page.keyboard.press("2")
    page.wait_for_selector(".panel.large canvas")
    page.screenshot(path=screenshots / "network.png")
    canvas = page.locator(".panel.large canvas").first
    box = canvas.bounding_box()
    for x in range(10, int(box["width"]), 14):  # the main feeder is a straight line somewhere in the middle
        canvas.click(position={"x": x, "y": box["height"] * 0.54})
        page.wait_for_timeout(200)
        if page.locator(".q-dialog").count():
            break
    page.wait_for_selector(".q-dialog canvas")


def test_a_lesson_is_played_to_its_end(tab, screenshots):
    page = tab("?lesson=01_imbalance")
    go_to(page, 24)
    assert page.locator(".panel.large").is_visible()
    assert page.locator(".run.first .choose-rule").is_visible()
    inputs, checks = (
        page.locator(".question input[inputmode=decimal]"),
        page.locator(".question button:has-text('check')"),
    )
    inputs.nth(0).fill("1")
    checks.nth(0).click()
    page.wait_for_selector(".verdict.wrong")
    inputs.nth(0).fill(amounts_large(page)[0])
    checks.nth(0).click()
    page.wait_for_selector(".verdict.right")
    page.screenshot(path=screenshots / "lesson.png")
    for number in range(1, 4):
        answer(page, page.locator(".question").nth(number))
    page.wait_for_function("document.body.innerText.includes('the lesson is done')")


def amounts_large(page):
    return [page.locator(f".run.{which} .fact").nth(1).inner_text().split("\n")[0] for which in ("first", "second")]


def answer(page, question):
    """Answer a question: try every choice, or the numbers the simulation gives (from the lesson's own test)."""
    check, verdict = question.locator("button:has-text('check')"), question.locator(".verdict")
    radios = question.get_by_role("radio")
    tries = [radios.nth(k).click for k in range(radios.count())] or [
        lambda number=number: question.locator("input").fill(number) for number in RIGHT
    ]
    for choose in tries:
        choose()
        page.wait_for_function("at => at.innerText === ''", arg=verdict.element_handle())
        check.click()
        page.wait_for_function("at => /^(Right|Not yet)/.test(at.innerText)", arg=verdict.element_handle())
        if verdict.inner_text().startswith("Right"):
            return
    raise AssertionError(question.inner_text())


RIGHT = ("17", "66.92")
"""Answers to the questions of the first lesson that ask for numbers."""


def test_a_lesson_may_have_a_study_of_its_own(tab):
    page = tab("?lesson=98_own")
    page.keyboard.press("ArrowRight")
    reached(page, 1)
    assert "mine" in page.locator(".bar .study").inner_text()
    assert page.locator(".q-notification").count() == 0


def test_a_hostile_lesson_is_shown_as_text(tab):
    page = tab()
    page.keyboard.press("l")
    assert "97_bad.md: titel: unknown key" in page.locator(".aside").inner_text()
    page.get_by_text("<b>Hostile</b>").click()
    page.wait_for_function("document.querySelector('.aside').innerText.includes('<script>hit()</script>')")
    assert "<img src=x onerror=hit()>" in page.locator(".aside").inner_text()


@pytest.mark.parametrize(("name", "width", "height"), [("projector", 1280, 720), ("phone", 390, 844)])
def test_it_fits_a_projector_and_a_phone(tab, screenshots, name, width, height):
    page = tab(width=width, height=height)
    go_to(page, 20)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=screenshots / f"{name}.png")
    whole(page, screenshots / f"{name}_whole.png")


@pytest.mark.parametrize(("name", "most"), [("01_imbalance", 1), ("07_misbid", 2)])
def test_a_hand_out_fits_its_paper_and_a_phone(chromium, tmp_path, name, most):
    file = write_handout(name, tmp_path / "sheet.html")
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))) <= most
    page.close()


@pytest.mark.long
def test_microgrids_show_exchange_price_and_cars(tab, screenshots):
    page = tab()
    page.get_by_label("study", exact=True).click()
    page.get_by_role("option", name="networked33", exact=True).click()
    page.wait_for_selector("text=price they pay")
    go_to(page, 20)
    assert "trade" in page.locator(".money-row").nth(2).inner_text()
    whole(page, screenshots / "networked33.png")


def test_ten_tabs_step_at_once_and_one_that_is_closed_harms_no_other(tab):
    pages = [tab() for _ in range(10)]
    go_to(pages[0], 24)
    pages[0].keyboard.press("r")
    for page in pages:
        page.keyboard.press("ArrowRight")
    for page in pages:
        reached(page, 1)
    pages[9].context.close()
    for page in pages[:9]:
        page.keyboard.press("ArrowRight")
    for page in pages[:9]:
        reached(page, 2)
