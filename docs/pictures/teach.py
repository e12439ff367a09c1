"""Pictures of the teaching page, for the documentation: python docs/pictures/teach.py (Chromium and Playwright)."""

import shutil
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parents[1] / "_static"
PORT = 8497
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WAIT_MS = 180_000


def at_hour(page: Page, hour: int, query: str = "") -> None:
    """Open the page and wait until the day is simulated and an hour is shown."""
    page.goto(f"http://127.0.0.1:{PORT}/{query}")
    for key, reached in (
        ("", "Gate closure"),
        ("End", "hour 24 "),
        *[("ArrowLeft", f"hour {h} ") for h in range(23, hour - 1, -1)],
    ):
        if key:
            page.keyboard.press(key)
        page.wait_for_function("reached => document.querySelector('.why')?.innerText.includes(reached)", arg=reached)
    page.wait_for_timeout(1500)  # charts move to where they belong


def save(png: bytes, name: str) -> None:
    """Write a picture with 256 colours, which is a third as large."""
    image = Image.open(BytesIO(png)).convert("RGB").quantize(256, kmeans=1, dither=Image.Dither.NONE)
    image.save(FOLDER / name, optimize=True)


def main() -> None:
    """Serve the page and take its pictures."""
    command = [sys.executable, "-m", "experiments", "teach", "--port", str(PORT)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        server.stdout.readline()  # it serves
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1600, "height": 900})
            page.set_default_timeout(WAIT_MS)
            page.wait_for_timeout(3000)
            at_hour(page, 17)
            page.set_viewport_size({"width": 1600, "height": 1150})
            page.wait_for_timeout(1500)
            save(page.screenshot(), "teach_day.png")
            page.set_viewport_size({"width": 1600, "height": 900})
            at_hour(page, 24, "?lesson=01_imbalance")
            save(page.screenshot(), "teach_lesson.png")
            page.locator(".run.first button.number").nth(1).click()
            page.wait_for_timeout(1000)
            box = page.locator(".q-card .formula").bounding_box()
            around = {"x": box["x"] - 12, "y": box["y"] - 12, "width": box["width"] + 24, "height": box["height"] + 24}
            save(page.screenshot(clip=around), "teach_formula.png")
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


if __name__ == "__main__":
    main()
