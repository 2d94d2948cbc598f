"""The explorer's page as a test uses it: what a reader sees and does."""

import json

import numpy as np


class ExplorerPage:
    def __init__(self, browser, address, model):
        self.browser, self.address, self.model = browser, address, model

    def open(self, width=1300, scheme="light"):
        """Open the page anew, and wait for the first answer."""
        self.browser.get_log("performance")
        self.browser.get_log("browser")
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.browser.get(self.address)
        self.until("return document.querySelector('.headline b')?.textContent")
        return self

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def until(self, script, *arguments):
        """Return what a script returns as soon as that is true."""
        from selenium.webdriver.support.ui import WebDriverWait

        wait = WebDriverWait(self.browser, 20, poll_frequency=0.05)
        return wait.until(lambda browser: browser.execute_script(script, *arguments))

    def find(self, selector):
        from selenium.webdriver.common.by import By

        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def probabilities(self):
        return np.array(
            self.run(
                "return [...document.querySelectorAll('.answer .bars li')]"
                ".map(item => Number(item.dataset.value))"
            )
        )

    def until_probabilities(self, expected, atol=1e-4):
        """Wait for an answer, and say what came instead."""
        from selenium.common.exceptions import TimeoutException
        from selenium.webdriver.support.ui import WebDriverWait

        def has_come(_):
            return np.abs(self.probabilities() - expected).max() < atol

        try:
            WebDriverWait(self.browser, 10, poll_frequency=0.05).until(has_come)
        except TimeoutException:
            np.testing.assert_allclose(self.probabilities(), expected, atol=atol)

    def look_at(self, layer):
        self.run(
            "document.querySelector(`[data-layer='${arguments[0]}'] .layer-name`).click()", layer
        )
        self.until(
            "return document.querySelector('#closer').textContent.includes(arguments[0])", layer
        )

    def choose_map(self, number, cell=None):
        """Choose a map and a cell, both counted from 0."""
        self.run(
            "const field = document.querySelector('.map-number'); field.value = arguments[0] + 1;"
            "field.dispatchEvent(new Event('change'))",
            number,
        )
        if cell:
            self.until(f"return document.querySelector('.map-number').value === '{number + 1}'")

    def grid(self, title):
        """The numbers of a table in the closer look, in full precision."""
        return np.array(
            self.run(
                "const figure = [...document.querySelectorAll('.closer .grid')].find(each =>"
                "  each.querySelector('figcaption').textContent === arguments[0]);"
                "return [...figure.querySelectorAll('tr')].map(row => [...row.children].map(cell =>"
                "  Number((cell.firstElementChild ?? cell).dataset.value)))",
                title,
            )
        )

    def number(self, name, where=".closer"):
        text = self.until(
            f"return document.querySelector(`{where} [data-name='${{arguments[0]}}']`)?.dataset.value",
            name,
        )
        return float(text)

    def position(self):
        """Map, row and column of the closer look, counted from 0."""
        found = self.until(
            "return document.querySelector('.closer').textContent"
            ".match(/map (\\d+), row (\\d+), column (\\d+)/)"
        )
        return tuple(int(each) - 1 for each in found[1:])

    def requests(self):
        """The addresses that were asked for since the page was opened."""
        addresses = []
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                addresses.append(message["params"]["request"]["url"])
        return addresses
