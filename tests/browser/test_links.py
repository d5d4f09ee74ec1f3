"""What a person sees who follows a link, in a real browser that runs no JavaScript."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from adapter.resume import DELIVERY
from tests.browser.conftest import Scene
from tests.browser.visits import Visit, visit
from tests.conformance.stack import TOKEN_KEYS, adapter
from tests.linked import Linked
from worker.client import TidegateClient

pytestmark = pytest.mark.timeout(120)
DATA = {"orderId": "1001"}


async def clicked(scene: Scene, browser: Browser, url: str) -> Visit:
    """A person who has clicked a link in a mail, on another site."""
    found = await visit(browser)
    await found.page.goto(scene.site.send_mail(url))
    await found.page.click("text=Approve")
    return found


def alone(scene: Scene, found: Visit) -> None:
    """Nothing but the mail's site and ours was asked for anything, and the browser had nothing to complain about."""
    assert found.complaints == []
    assert found.hosts <= {scene.host, f"localhost:{scene.site.port}"}


async def test_a_click_resumes_and_says_thank_you(scene: Scene, browser: Browser) -> None:
    url = await scene.links.link()
    found = await clicked(scene, browser, f"{url}?approve=true")
    assert await found.heading() == "Thank you"
    await found.picture("thank-you")
    assert (await scene.links.outcome(url)).output["value"] == {**DATA, "event": {"approve": "true"}}
    alone(scene, found)
    assert [one for one in found.requests if scene.host in one] == [f"GET {url}?approve=true"]


async def test_a_used_link_says_so(scene: Scene, browser: Browser) -> None:
    url = await scene.links.link()
    await clicked(scene, browser, f"{url}?approve=true")
    for other in (f"{url}?approve=false", f"{scene.stack.address}/resume/tg1.forged"):
        found = await clicked(scene, browser, other)
        assert await found.heading() == "This link cannot be used"
        alone(scene, found)
    await found.picture("used")
    assert (await scene.links.outcome(url)).output["value"]["event"] == {"approve": "true"}


async def test_a_redirect_leads_to_the_other_site_and_tells_it_nothing(scene: Scene, browser: Browser) -> None:
    url = await scene.links.link(redirect=scene.site.at("/approved?order=1001"))
    found = await clicked(scene, browser, url)
    assert await found.heading() == "Welcome"
    assert found.complaints == []
    scene_host, other = scene.host, {f"localhost:{scene.site.port}", f"127.0.0.1:{scene.site.port}"}
    assert found.hosts == {scene_host, *other}
    assert [one.path for one in scene.site.received][-2:] == ["/approved?order=1001", "/welcome"]
    assert all("/resume/" not in one.headers.get("referer", "") for one in scene.site.received)
    await found.picture("redirected")


async def test_a_redirect_to_elsewhere_is_not_followed(scene: Scene, browser: Browser) -> None:
    url = await scene.links.link(redirect="https://evil.example/approved")
    found = await clicked(scene, browser, url)
    assert await found.heading() == "Thank you"
    alone(scene, found)


async def test_a_confirm_link_waits_for_its_button(scene: Scene, browser: Browser) -> None:
    url = await scene.links.link(confirm=True)
    found = await clicked(scene, browser, f"{url}?approve=true&note=Looks+good%2C+%3Cb%3Ethanks%3C%2Fb%3E")
    assert await found.heading() == "Please confirm"
    await found.picture("confirm")
    assert await found.page.locator("dd").all_inner_texts() == ["true", "Looks good, <b>thanks</b>"]
    assert (await scene.links.outcome(url, 0.2)).state == "pending"
    await found.page.reload()
    await found.page.keyboard.press("Tab")
    assert await found.page.evaluate("document.activeElement.tagName") == "BUTTON"
    await found.picture("confirm-focus")
    await found.page.keyboard.press("Enter")
    await found.page.wait_for_selector("text=Thank you")
    event = {"approve": "true", "note": "Looks good, <b>thanks</b>"}
    assert (await scene.links.outcome(url)).output["value"] == {**DATA, "event": event}
    alone(scene, found)
    await found.page.go_back()
    assert await found.heading() == "Please confirm"
    await found.page.click("button")
    await found.page.wait_for_selector("text=This link cannot be used")
    alone(scene, found)


async def test_a_confirm_link_without_data(scene: Scene, browser: Browser) -> None:
    url = await scene.links.link(confirm=True)
    found = await clicked(scene, browser, url)
    await found.picture("confirm-bare")
    await found.page.click("button")
    await found.page.wait_for_selector("text=Thank you")
    assert (await scene.links.outcome(url)).output["value"] == {**DATA, "event": None}
    alone(scene, found)


async def test_a_confirm_link_leads_on_through_several_sites(scene: Scene, browser: Browser) -> None:
    url = await scene.links.link(confirm=True, redirect=scene.site.at("/approved"))
    found = await clicked(scene, browser, f"{url}?approve=true")
    await found.page.click("button")
    await found.page.wait_for_url("**/welcome")
    assert await found.heading() == "Welcome"
    assert found.complaints == []
    assert (await scene.links.outcome(url)).output["value"]["event"] == {"approve": "true"}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 900])
async def test_pages_can_be_read(scene: Scene, browser: Browser, dark: bool, width: int) -> None:
    url = await scene.links.link(confirm=True)
    found = await visit(browser, dark=dark, width=width)
    long = "a" * 300
    for number, address in enumerate(
        (f"{url}?approve=true&{long}=x&note={long}", f"{scene.stack.address}/resume/none")
    ):
        await found.page.goto(address)
        assert await found.page.get_attribute("html", "lang") == "en"
        assert await found.least_contrast() >= 4.5
        assert await found.page.evaluate("document.documentElement.scrollWidth") <= width
        await found.picture(f"read-{number}-{width}-{'dark' if dark else 'light'}")
    assert found.complaints == []


async def test_away_offers_to_try_again(scene: Scene, browser: Browser) -> None:
    """The worker is away: the page's button repeats the call, which is the same one, and it counts once."""
    client = scene.stack.temporal
    async with adapter(client, rpc_seconds=1.0) as stack:
        links = Linked(TidegateClient(client, stack.queue))
        keys = {"token_keys": TOKEN_KEYS, "public_url": stack.address}
        async with stack.worker(**keys):
            url = await links.link()
        found = await visit(browser)
        await found.page.goto(f"{url}?approve=true")
        assert await found.heading() == "Please try again in a moment"
        await found.picture("away")
        assert await found.page.locator(f"input[name={DELIVERY}]").count() == 1
        async with stack.worker(**keys):
            await found.page.click("button")
            await found.page.wait_for_selector("text=Thank you")
            assert (await links.outcome(url)).output["value"]["event"] == {"approve": "true"}
        assert found.complaints == []
