"""A real browser without a window: Chromium, told what to do by its DevTools protocol."""

import base64
import io
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from websockets.sync.client import connect
from websockets.sync.connection import Connection

SECONDS = 120  # that a page may take to show what is waited for, on a busy machine
LONGEST = 1 << 26  # bytes of a message
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # which needs rights that a container does not give
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
    "--remote-debugging-port=0",
)
# Resolves once the page's text holds one of the texts that are waited for.
SHOWS = """new Promise(resolve => {
    const texts = %s
    const seen = () => document.body && texts.some(text => document.body.innerText.includes(text))
    if (seen()) return resolve(true)
    new MutationObserver((_, all) => { if (seen()) { all.disconnect(); resolve(true) } })
        .observe(document, {childList: true, subtree: true, characterData: true})
})"""
TEXT = "document.body.innerText"
# Resolves to the widths of the pictures of the page that hold their own data, once all are loaded.
PICTURES = """Promise.all([...document.images].filter(each => each.src.startsWith("data:image/svg"))
    .map(each => each.decode().then(() => each.naturalWidth)))"""
COLOURS = 64  # of a picture of a page
# Resolves once there is what can be clicked under a word, and it was.
PRESS = """word => new Promise(resolve => {
    const look = () => {
        const all = document.querySelectorAll("button, a, [role=option], .p-select-option, .p-button, .p-tab")
        const found = [...all].filter(each => each.innerText.trim() === word && !each.disabled)
        if (found.length) found[found.length - 1].click()
        return found.length > 0
    }
    if (look()) return resolve(true)
    new MutationObserver((_, all) => { if (look()) { all.disconnect(); resolve(true) } })
        .observe(document, {childList: true, subtree: true, characterData: true, attributes: true})
})"""
# Finds where a link leads that says a word.
LINK = "word => [...document.links].find(each => each.innerText.trim() === word).href"
# Finds the field under a label of a form, gives it the keyboard, and takes a choice in it, if it is one of choices.
FIELD = """(label, choice) => {
    const of = each => each.querySelector(".p-label__label")?.innerText.trim() === label
    const found = [...document.querySelectorAll(".p-label")].find(of)
    const field = found && found.querySelector("input, textarea, select")
    if (!field) return false
    field.focus()
    field.select?.()
    if (field.tagName !== "SELECT") return true
    field.selectedIndex = [...field.options].findIndex(each => each.text.trim() === choice)
    field.dispatchEvent(new Event("input", {bubbles: true}))
    field.dispatchEvent(new Event("change", {bubbles: true}))
    return field.selectedIndex >= 0
}"""

# Leaves the field under a label, and resolves to what it holds once the page has been drawn.
LEAVE = """label => new Promise(resolve => {
    document.activeElement.blur()
    const of = each => each.querySelector(".p-label__label")?.innerText.trim() === label
    const field = () => [...document.querySelectorAll(".p-label")].find(of).querySelector("input, textarea, select")
    const held = () => field().selectedOptions ? field().selectedOptions[0]?.text.trim() : field().value
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(held())))
})"""


class Browser:
    """One page of Chromium.

    ``asked``: the address of every request that it made; ``failed``: what came of those that a server could not answer.
    """

    def __init__(self, socket: Connection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self.asked: list[str] = []
        self.failed: list[str] = []
        target = self._do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Network", "Page", "Runtime"):
            self._do(f"{domain}.enable")

    def visit(self, url: str, text: str) -> str:
        """Open a page, wait until it shows a text, and return all that it shows."""
        self._do("Page.navigate", url=url)
        try:
            self._evaluate(SHOWS % json.dumps([text]))
        except TimeoutError:
            pytest.fail(f"{url} does not show {text!r} but:\n{self._evaluate(TEXT)}")
        return str(self._evaluate(TEXT))

    def wait_for(self, *texts: str) -> str:
        """Wait until the page shows one of some texts, and return all that it shows."""
        try:
            self._evaluate(SHOWS % json.dumps(texts))
        except TimeoutError:
            pytest.fail(f"The page does not show {' or '.join(texts)} but:\n{self._evaluate(TEXT)}\n{self.failed}")
        return str(self._evaluate(TEXT))

    def press(self, word: str) -> None:
        """Click the last button or choice that says just this word, once there is one."""
        assert self._evaluate(f"({PRESS})({json.dumps(word)})")

    def follow(self, word: str, text: str) -> str:
        """Open in this window where a link leads that says just this word, and wait until a text is shown."""
        return self.visit(str(self._evaluate(f"({LINK})({json.dumps(word)})")), text)

    def fill(self, label: str, text: str) -> None:
        """Type into the field under a label, and leave it; again, if the page has just drawn it anew."""
        for _ in range(5):
            assert self._evaluate(f"({FIELD})({json.dumps(label)}, null)"), f"{label}: {self._evaluate(TEXT)}"
            self._do("Input.insertText", text=text)
            if self._evaluate(f"({LEAVE})({json.dumps(label)})") == text:
                return
        pytest.fail(f"The field {label!r} does not take {text!r}:\n{self._evaluate(TEXT)}")

    def choose(self, label: str, choice: str) -> None:
        """Take a choice in the field under a label, and leave it; again, if the page has just drawn it anew."""
        for _ in range(5):
            known = self._evaluate(f"({FIELD})({json.dumps(label)}, {json.dumps(choice)})")
            assert known, f"{label}: {self._evaluate(TEXT)}"
            if self._evaluate(f"({LEAVE})({json.dumps(label)})") == choice:
                return
        pytest.fail(f"The field {label!r} does not take {choice!r}:\n{self._evaluate(TEXT)}")

    def _note(self, response: dict[str, Any]) -> None:
        if response["status"] >= 500:
            self.failed.append(f"{response['status']} {response['url']}")

    def pictures(self) -> list[int]:
        """Return the widths of the drawn pictures that the page shows."""
        return list(self._evaluate(PICTURES))

    def photograph(self, path: Path) -> None:
        """Write what the window shows as a small PNG file."""
        content = base64.b64decode(self._do("Page.captureScreenshot", format="png")["data"])
        with Image.open(io.BytesIO(content)) as picture:
            picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)

    def _evaluate(self, expression: str) -> Any:
        found = self._do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return found["result"]["value"]

    def _do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, take note of what happens meanwhile, and return what the browser answers."""
        number = next(self._numbers)
        of_page = {"sessionId": self._session} if self._session else {}
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters, **of_page}))
        deadline = time.monotonic() + SECONDS
        while True:
            message = json.loads(self._socket.recv(timeout=max(0.0, deadline - time.monotonic())))
            if message.get("method") == "Network.requestWillBeSent":
                self.asked.append(message["params"]["request"]["url"])
            if message.get("method") == "Network.responseReceived":
                self._note(message["params"]["response"])
            if message.get("method") == "Network.loadingFailed":
                self.failed.append(str(message["params"].get("errorText")))
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message}"
                result: dict[str, Any] = message["result"]
                return result


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start a browser that keeps its files in a folder, and end it."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("Chromium is not installed (Debian's package chromium).")
    command = [program, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stderr is not None
            listens = next(line for line in process.stderr if line.startswith("DevTools listening on "))
            address = listens.removeprefix("DevTools listening on ").strip()
            with connect(
                address, max_size=LONGEST, open_timeout=SECONDS, ping_interval=None, compression=None
            ) as socket:
                yield Browser(socket)
        finally:
            process.kill()
            process.stderr and process.stderr.close()
