"""Films the explorer's page for the README: python docs/film_explorer.py PAGE.html FILM.gif.

A headless Chromium draws a seven, looks at a layer, follows a window over it and edits a weight.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

WIDTH, HEIGHT = 1120, 700  # of the window
SCALE = 0.72  # of the film to the window
COLOURS = 64
LAYER = "lenet5/C3"
SEVEN = [(-70, -70), (140, 0), (-80, 150)]  # a start, then strokes from there, in pixels


class Film:
    """Frames of a page, and how long each is shown."""

    def __init__(self, browser: webdriver.Chrome):
        self.browser = browser
        self.frames: list[Image.Image] = []
        self.milliseconds: list[int] = []

    def run(self, script: str, *arguments):
        """Return what a script in the page returns."""
        return self.browser.execute_script(script, *arguments)

    def until(self, script: str) -> None:
        """Wait until a script returns something true."""
        WebDriverWait(self.browser, 20).until(lambda browser: browser.execute_script(script))

    def scroll_to(self, selector: str) -> None:
        """Put an element at the top of the window."""
        self.run(
            "document.documentElement.style.scrollBehavior = 'auto';"
            "document.querySelector(arguments[0]).scrollIntoView()",
            selector,
        )

    def shoot(self, milliseconds: int) -> None:
        """Add the window as it is, once the page has drawn what it was told."""
        self.browser.execute_async_script(
            "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
        )
        image = Image.open(io.BytesIO(self.browser.get_screenshot_as_png())).convert("RGB")
        size = (round(WIDTH * SCALE), round(HEIGHT * SCALE))
        self.frames.append(image.resize(size, Image.Resampling.LANCZOS))
        self.milliseconds.append(milliseconds)

    def save(self, path: Path) -> None:
        """Write an animated GIF with one palette, so that what stays does not flicker."""
        strip = Image.new("RGB", (self.frames[0].width, self.frames[0].height * len(self.frames)))
        for number, frame in enumerate(self.frames):
            strip.paste(frame, (0, number * frame.height))
        palette = strip.quantize(COLOURS)
        first, *rest = [
            frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self.frames
        ]
        first.save(
            path,
            save_all=True,
            append_images=rest,
            duration=self.milliseconds,
            loop=0,
            optimize=True,
        )


def browser() -> webdriver.Chrome:
    """Open a headless Chromium."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu"):
        options.add_argument(argument)
    opened = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(shutil.which("chromedriver"))
    )
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False},
    )
    return opened


def draw_a_digit(film: Film) -> None:
    """Draw, stroke by stroke, and show the answer after each."""
    film.run("document.querySelector('.tools button').click()")  # clears the paper
    paper = film.browser.find_element(By.CSS_SELECTOR, ".drawing")
    pen = ActionChains(film.browser).move_to_element_with_offset(paper, *SEVEN[0]).click_and_hold()
    pen.perform()
    for across, down in SEVEN[1:]:
        for _ in range(4):
            ActionChains(film.browser).move_by_offset(across // 4, down // 4).perform()
        film.shoot(500)
    ActionChains(film.browser).release().perform()
    film.shoot(1500)


def look_closer(film: Film) -> None:
    """Choose a layer, and follow its window over the picture."""
    film.scroll_to("#overview-title")
    film.shoot(1500)
    film.run(f"document.querySelector(`[data-layer='{LAYER}'] .layer-name`).click()")
    name = LAYER.split("/")[1]
    film.until(f"return document.querySelector('#closer').textContent.includes('{name}')")
    film.shoot(1500)
    film.scroll_to("#closer")
    film.until("return document.querySelectorAll('.closer .grid').length >= 3")
    film.shoot(2500)
    made = film.browser.find_elements(By.CSS_SELECTOR, ".closer canvas[role=application]")[1]
    for key in (Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN):
        made.send_keys(key)
        film.shoot(700)


def change_a_weight(film: Film) -> None:
    """Change a weight of the kernel, and see what becomes of the answer."""
    film.run(
        "const field = document.querySelector(`.closer input[aria-label^='Kernel, row 3']`);"
        "field.value = '−8'; field.dispatchEvent(new Event('change'))"
    )
    film.shoot(1500)
    film.scroll_to("#explorer")
    film.shoot(2500)


def main(page: str, target: str) -> None:
    """Film a page."""
    opened = browser()
    try:
        opened.get(Path(page).resolve().as_uri())
        film = Film(opened)
        film.until("return document.querySelector('.headline b')?.textContent")
        draw_a_digit(film)
        look_closer(film)
        change_a_weight(film)
        film.save(Path(target))
    finally:
        opened.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
