"""A person's browser, and all that it has asked for and complained about."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, ConsoleMessage, Page, Request

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Where pictures are left for somebody to look at; unset: none are taken.
PICTURES = os.environ.get("SCREENSHOTS")
CONTRAST = """([text, back]) => {
    const linear = (part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    const number = (value) => linear(value / 255);
    const light = (color) => { const [r, g, b] = color.match(/[0-9.]+/g).map(Number).map(number);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b };
    const [more, less] = [light(text), light(back)].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05)
}"""
#: Every text with the color behind it.
COLORS = """() => [...document.querySelectorAll("h1, p, dt, dd, button")].map((one) => {
    let behind = one;
    while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
    return [getComputedStyle(one).color, getComputedStyle(behind).backgroundColor]
})"""


def chromium() -> str | None:
    """The Chromium of this system, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


@dataclass
class Visit:
    """One page in a browser of its own. `requests` are method and address; `complaints` what the console shows."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def _asked(self, request: Request) -> None:
        self.requests.append(f"{request.method} {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        # The browser itself says of every answer from 400 on that it could not be loaded.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    @property
    def hosts(self) -> set[str]:
        return {request.partition("://")[2].partition("/")[0] for request in self.requests}

    async def heading(self) -> str:
        assert await self.page.locator("h1").count() == 1
        heading = await self.page.locator("h1").inner_text()
        assert await self.page.title() == heading
        return heading

    async def picture(self, name: str) -> None:
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES) / f"{name}.png")

    async def least_contrast(self) -> float:
        colors = await self.page.evaluate(COLORS)
        assert colors
        return min([float(await self.page.evaluate(CONTRAST, pair)) for pair in colors])


async def visit(
    browser: Browser, *, dark: bool = False, width: int = 900, javascript: bool = False, height: int = 620
) -> Visit:
    """A browser without memory; and, unless asked for, without JavaScript."""
    context = await browser.new_context(
        java_script_enabled=javascript,
        color_scheme="dark" if dark else "light",
        viewport={"width": width, "height": height},
        locale="en-GB",
    )
    found = Visit(await context.new_page())
    found.page.on("request", found._asked)
    found.page.on("console", found._said)
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    return found
