"""The harness itself: a stand-in for the server shows that a broken Whaley would be noticed, and the
real engine that leftovers are seen, removed, and that it can be restarted and crashed."""
import time

from harness import INSTANCE, MANAGED, Engine, Skip, Whaley, wait_for

STAND_IN = r'''#!/usr/bin/env python3
import http.server, json, os, signal, sys, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        if self.path == "/events":
            since = int(self.headers.get("Last-Event-ID") or 0)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b": ping\n\n")
            for number in (since + 1, since + 2):
                self.wfile.write(b'id: %d\nevent: tick\ndata: {"n":\ndata: %d}\n\n' % (number, number))
            self.wfile.flush()
            time.sleep(30)
            return
        body = json.dumps({"path": self.path, "ip": self.headers["X-Forwarded-For"],
                           "environment": dict(os.environ)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_DELETE = do_GET

if os.environ.get("REFUSE"):
    sys.exit("REFUSE is set")
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
server.daemon_threads = True
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print(f"listening on http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
server.serve_forever()
'''


def stand_in(**env):
    whaley = Whaley(env=env, challenges=["web-notes"])
    path = whaley.folder / "stand-in"
    path.write_text(STAND_IN)
    path.chmod(0o755)
    whaley.binary = str(path)
    return whaley


def fails(function, word):
    try:
        function()
    except AssertionError as error:
        assert word in str(error), f"{word!r} is not in: {error}"
        return
    raise AssertionError("it should have failed")


def test_start_and_requests():
    with stand_in() as whaley:
        answer = whaley.api("GET", "/x", ip="10.9.9.9")
        assert (answer.status, answer.body["path"], answer.body["ip"]) == (200, "/x", "10.9.9.9")
        environment = answer.body["environment"]
        assert environment["AUTH_MODE"] == "none" and environment["DATA_DIR"] == str(whaley.data_dir)
        assert "ENGINE_STATE" not in environment
        assert (whaley.challenges_dir / "web-notes/instance.toml").exists()
        folder = whaley.folder
    assert not folder.exists()


def test_restart_keeps_the_port():
    with stand_in() as whaley:
        port, first = whaley.port, whaley.process.pid
        whaley.restart(hard=True)
        assert whaley.port == port and whaley.process.pid != first
        assert whaley.terminate() == 0
        whaley.start()


def test_a_server_that_ends_is_a_failure():
    whaley = stand_in(REFUSE="1")
    fails(whaley.start, "ended with 1")
    assert whaley.start(expect_exit=True) == 1
    assert "REFUSE is set" in whaley.log()


def test_event_stream():
    with stand_in() as whaley:
        stream = whaley.sse()
        assert stream.next() == ("1", "tick", {"n": 1})
        assert stream.wait_for(lambda e: e.data["n"] == 2).id == "2"
        assert stream.pings == 1 and stream.last_id == "2"
        fails(lambda: stream.next(0.2), "no event")
        assert whaley.sse(last_event_id=stream.last_id).next().data == {"n": 3}
        began = time.monotonic()
        stream.close()
        assert time.monotonic() - began < 3


def test_wait_for_gives_up():
    fails(lambda: wait_for(lambda: False, 0.2, "pigs fly"), "pigs fly")


def make_leftovers(engine):
    engine.base_image()
    labels = {MANAGED: "true", INSTANCE: "x-1"}
    engine.request("POST", "/networks/create", {"Name": "left-net", "Labels": labels,
                                                "IPAM": {"Config": [{"Subnet": "10.199.1.0/28"}]}})
    engine.request("POST", "/networks/create", {"Name": "pool-net", "Labels": {MANAGED: "true"},
                                                "IPAM": {"Config": [{"Subnet": "10.199.2.0/28"}]}})
    engine.request("POST", "/volumes/create", {"Name": "left-vol", "Labels": labels})
    made = engine.request("POST", "/containers/create", {
        "Image": "whaley/base:busybox", "Cmd": ["sh", "-c", "echo hello; sleep 60"], "Labels": labels,
        "HostConfig": {"NetworkMode": "left-net"}}, query={"name": "left-box"})[1]["Id"]
    engine.request("POST", f"/containers/{made}/start")
    return made


def test_leftovers_are_seen_and_wiped():
    engine = Engine()
    box = make_leftovers(engine)
    try:
        assert sorted(engine.leftovers()) == ["container left-box", "network left-net", "volume left-vol"]
        assert [c["Id"] for c in engine.of_instance("x-1")] == [box]
        assert b"inside" in engine.execute(box, ["echo", "inside"])
        wait_for(lambda: engine.logs(box) == "hello\n", 5, "its log")
        engine.kill(box)
        wait_for(lambda: not engine.inspect(box)["State"]["Running"], 5, "it is dead")
    finally:
        engine.wipe()
    assert engine.leftovers() == [] and engine.networks() == []


def test_engine_restart_and_crash():
    engine = Engine()
    if not engine.state:
        raise Skip("needs a private engine")
    engine.restart()
    assert engine.ping()
    engine.crash()
    assert not engine.ping()
    engine.start_again()
    assert engine.ping()
