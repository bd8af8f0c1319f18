"""browser - a real Chromium, driven over the DevTools protocol with nothing but the standard library.

    with Browser() as browser:                      # Skip when no chromium is installed
        page = browser.page(width=1280, height=900)
        page.goto(url)
        page.wait("document.querySelectorAll('article').length === 3")
        page.press("Tab"); page.press("Enter")
        page.screenshot("home")                     # build/screenshots/home.png
        assert page.errors == []                    # console errors, exceptions, CSP reports
"""
import base64
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

from harness import ROOT, Skip

SWITCHES = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0"]
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}


class WebSocket:
    """Just enough of RFC 6455 for one local client: text frames, masked, no extensions."""

    def __init__(self, url):
        host, path = re.match(r"ws://([^/]+)(/.*)", url).groups()
        name, _, port = host.partition(":")
        self.sock = socket.create_connection((name, int(port)), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall((f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self._recv()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert b" 101 " in head.split(b"\r\n")[0], head

    def _recv(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("the browser has gone")
        return data

    def _exactly(self, n):
        while len(self.buffer) < n:
            self.buffer += self._recv()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def send(self, text):
        data = text.encode()
        mask = os.urandom(4)
        size = len(data)
        head = bytes([0x81]) + (bytes([0x80 | size]) if size < 126 else
                                bytes([0xFE]) + size.to_bytes(2, "big") if size < 65536 else
                                bytes([0xFF]) + size.to_bytes(8, "big"))
        self.sock.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        text = b""
        while True:
            first, second = self._exactly(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(self._exactly(2 if size == 126 else 8), "big")
            data = self._exactly(size)
            if first & 0x0F in (0, 1):
                text += data
                if first & 0x80:
                    return text.decode()


class Page:
    def __init__(self, websocket, width, height):
        self.socket, self.serial, self.errors = websocket, 0, []
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def call(self, method, **params):
        self.serial += 1
        self.socket.send(json.dumps({"id": self.serial, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.receive())
            if message.get("id") == self.serial:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self._note(message)

    def _note(self, message):
        params = message.get("params", {})
        if message["method"] == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif message["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
        elif message["method"] == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(str([a.get("value") for a in params["args"]]))

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def goto(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def wait(self, expression, seconds=20):
        end = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({expression})"):
            assert time.monotonic() < end, f"not within {seconds} s: {expression}\n{self.text()[-1500:]}"
            time.sleep(0.05)

    def text(self):
        return self.evaluate("document.body.innerText")

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            extra = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key], **extra)

    def tab_to(self, text, limit=40):
        """Moves the focus by Tab alone until it is on an element whose text or label says so."""
        seen = []
        for _ in range(limit):
            self.press("Tab")
            seen.append(self.evaluate("(document.activeElement.getAttribute('aria-label') || "
                                      "document.activeElement.textContent || '').trim().slice(0, 60)"))
            if seen[-1].startswith(text):
                return
        raise AssertionError(f"no {text!r} within {limit} Tabs, but {seen}")

    def screenshot(self, name):
        folder = ROOT / "build/screenshots"
        folder.mkdir(parents=True, exist_ok=True)
        data = self.call("Page.captureScreenshot", format="png")["data"]
        (folder / f"{name}.png").write_bytes(base64.b64decode(data))


class Browser:
    def __init__(self):
        self.binary = shutil.which("chromium") or shutil.which("chromium-browser")
        if not self.binary:
            raise Skip("chromium is not installed")

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="whaley-chromium-")
        self.process = subprocess.Popen([self.binary, *SWITCHES, f"--user-data-dir={self.profile}", "about:blank"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = pathlib.Path(self.profile, "DevToolsActivePort")
        end = time.monotonic() + 30
        while not (found.exists() and "\n" in found.read_text()):
            assert time.monotonic() < end and self.process.poll() is None, "chromium did not start"
            time.sleep(0.05)
        self.port = int(found.read_text().split("\n")[0])
        return self

    def page(self, width=1280, height=900):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return Page(WebSocket(json.load(answer)["webSocketDebuggerUrl"]), width, height)

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)
