"""A real browser without a screen: what it shows is looked at, what it complains of fails the test."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Frame, Page

# Debian's. The flags keep it from looking for its makers' hosts; without a sandbox because tests may run as root.
_PROGRAM = "/usr/bin/chromium"
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)

# WCAG 2.2, 1.4.3: text of usual size has at least 4.5 to 1 against what is behind it.
LEAST_CONTRAST = 4.5
_CONTRASTS = """
() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return pen.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = rgba(getComputedStyle(at).backgroundColor);
      if (found[3] === 255) return found;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, .hidden, option")) continue;
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.textContent.trim().slice(0, 60)]);
  }
  return found;
}
"""
_HOLES = """
() => [...document.querySelectorAll(".figures")].filter((box) => {
  const end = box.getBoundingClientRect().right;
  const parts = [...box.children].map((part) => part.getBoundingClientRect());
  const ends = new Map(parts.map((part) => [part.top, part.right]));
  return [...ends.values()].some((right) => Math.abs(end - right) > 3)
    || [...box.children].some((part) => part.scrollWidth > part.clientWidth);
}).map((box) => box.innerText)
"""


@dataclass
class Screen:
    """A browser's page, all that it complained of, and every address that it asked for."""

    page: Page
    folder: Path
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def keep(self, name: str, *, full: bool = False) -> Path:
        """Take a picture and keep it, as long as its page or as high as the window."""
        path = self.folder / f"{name}.png"
        self.page.screenshot(path=path, full_page=full)
        return path


def is_too_wide(page: Page | Frame) -> bool:
    """Tell whether one must scroll sideways to see all of a page."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def holes(page: Page | Frame) -> list[str]:
    """Return the rows of figures that leave a part of their box empty, or have a figure cut, each by its text."""
    return [str(text) for text in page.evaluate(_HOLES)]


def faint_texts(page: Page | Frame) -> list[tuple[float, str]]:
    """Return the texts that are hard to read, with their contrast; the page must have some text."""
    found = [(round(float(contrast), 2), str(text)) for contrast, text in page.evaluate(_CONTRASTS)]
    assert found, "the page shows no text at all"
    return sorted({item for item in found if item[0] < LEAST_CONTRAST})


def _complaint(said: ConsoleMessage) -> list[str]:
    return [f"{said.location.get('url')}: {said.text}"] if said.type == "error" else []


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Yield a browser; of one module, because its event loop stands in the way of other tests' own."""
    from playwright.sync_api import sync_playwright

    if not Path(_PROGRAM).exists():
        pytest.fail(f"the tests of pages need a browser: {_PROGRAM} isn't there; `make setup-tests` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_PROGRAM, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_screen(chromium: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Screen]]:
    """Yield what opens a page of a size and theme. Pictures go to HEADRACE_SCREENSHOTS, or to the test's own folder."""
    chosen = os.environ.get("HEADRACE_SCREENSHOTS")
    folder = Path(chosen) / re.sub(r"\W+", "_", request.node.name) if chosen else tmp_path / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    contexts = []

    def opened(
        *,
        theme: Literal["light", "dark"] = "light",
        width: int = 1280,
        height: int = 720,
        storage: dict[str, str] | None = None,
        cookies: list[Any] | None = None,
    ) -> Screen:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, accept_downloads=True
        )
        # Pages of a machine that does much else take their time.
        context.set_default_timeout(120_000)
        contexts.append(context)
        context.add_cookies(cookies or [])
        for name, value in (storage or {}).items():
            context.add_init_script(f"localStorage.setItem({name!r}, {value!r})")
        screen = Screen(page=context.new_page(), folder=folder)
        page = screen.page
        page.on("console", lambda said: screen.complaints.extend(_complaint(said)))
        page.on("pageerror", lambda error: screen.complaints.append(f"{error}: {error.stack}"))
        page.on("dialog", lambda dialog: screen.complaints.append(f"a dialog: {dialog.message}"))
        page.on("request", lambda asked: screen.asked.append(asked.url))
        return screen

    yield opened
    for context in contexts:
        context.close()
