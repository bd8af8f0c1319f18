"""The players' page in a real Chromium: by keyboard, on a phone, live, and honest when things fail."""
from browser import Browser
from harness import Engine, Whaley, timeout, wait_for

ME = "127.0.0.1"  # the browser comes without a proxy: its address is its owner


def button(text):
    return f"[...document.querySelectorAll('button')].some(b => !b.disabled && b.textContent.startsWith('{text}'))"


@timeout(180)
def test_start_and_stop_by_keyboard():
    Engine().base_image()
    with Browser() as browser, Whaley(challenges=["web-notes", "tcp-vault"]) as server:
        page = browser.page()
        page.goto(server.url + "/")
        page.wait(button("Start"))
        page.wait("document.body.innerText.includes('Nothing is running')")
        page.tab_to("Start")
        page.press("Enter")
        page.wait("/\\d left/.test(document.querySelector('#instances').innerText)", 60)
        page.screenshot("page-running-1280")
        instance = server.player(ME).instances()[0]
        address = f"127.0.0.1:{next(iter(instance['ports'].values()))}"
        assert address in page.text() or address.replace(":", " ") in page.text(), page.text()
        assert page.evaluate("document.querySelector('#live').textContent") != "", "phases are announced"
        page.tab_to("Stop")
        page.press("Enter")
        page.wait("document.querySelector('dialog').open")
        page.screenshot("page-confirm-1280")
        assert page.evaluate("document.activeElement.id") == "confirm-no", "the harmless choice has the focus"
        page.press("Escape")
        page.wait("!document.querySelector('dialog').open")
        assert server.player(ME).instances()[0]["status"] == "running"
        page.tab_to("Stop")
        page.press("Enter")
        page.tab_to("Stop it")
        page.press("Enter")
        page.wait("document.body.innerText.includes('Nothing is running')", 30)
        assert server.player(ME).instances() == []
        assert page.errors == [], page.errors


@timeout(180)
def test_on_a_phone():
    Engine().base_image()
    with Browser() as browser, Whaley(challenges=["web-notes", "two-tier"]) as server:
        server.player(ME).spawn("two-tier")
        page = browser.page(320, 700)
        page.goto(server.url + "/")
        page.wait("/\\d left/.test(document.querySelector('#instances').innerText)")
        assert page.evaluate("document.documentElement.scrollWidth <= 320"), "no sideways scrolling"
        small = page.evaluate("[...document.querySelectorAll('button')].filter(b => b.offsetParent && "
                              "(b.offsetHeight < 24 || b.offsetWidth < 24)).map(b => b.textContent)")
        assert small == [], f"too small to hit: {small}"
        page.screenshot("page-running-320")
        page.goto(server.url + "/instance/web-notes")
        page.wait("document.body.innerText.includes('Notes')")
        assert page.errors == [], page.errors


@timeout(180)
def test_failures_are_told():
    Engine().base_image()
    with Browser() as browser, Whaley(challenges=["web-notes"], env={"MAX_INSTANCES_PER_USER": 1}) as server:
        server.write_challenge("mute", {
            "instance.toml": 'id = "mute"\nname = "<b>Mute</b> & co"\nports = [4000]\ntimeout = 600\n',
            "compose.yaml": 'services:\n  app:\n    image: whaley/base:busybox\n    ports: ["4000"]\n'
                            '    command: ["sh", "-c", "echo \\"<img src=x onerror=alert(1)>\\"; exit 3"]\n'})
        page = browser.page()
        page.goto(server.url + "/")
        page.wait("document.body.innerText.includes('<b>Mute</b> & co')")
        page.evaluate("document.querySelector('button[data-challenge=mute]').click()")
        page.wait("document.body.innerText.includes('exit code 3')", 30)
        assert "<img src=x" in page.text(), "hostile text is text"
        assert page.evaluate("document.querySelectorAll('img[src=\"x\"]').length") == 0
        page.screenshot("page-failed-1280")
        page.tab_to("Dismiss")
        page.press("Enter")
        page.wait("document.body.innerText.includes('Nothing is running')", 10)
        server.kill9()
        page.wait("!document.querySelector('#banner').hidden", 30)
        page.screenshot("page-offline-1280")
        server.env["PORT"] = str(server.port)
        server.start()
        page.wait("document.querySelector('#banner').hidden", 40)
        wait_for(lambda: server.player(ME).instances() == [], 5, "nothing runs")
        unexpected = [e for e in page.errors if "ERR_CONNECTION_REFUSED" not in e and "ERR_INCOMPLETE" not in e
                      and "ERR_EMPTY" not in e and "ERR_CONNECTION_RESET" not in e]
        assert unexpected == [], unexpected
