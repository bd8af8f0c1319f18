"""The HTTP API: shapes that old front ends rely on, refusals, limits, and hostile requests."""
import http.client
import json
import socket
import time

from harness import Engine, Whaley, wait_for

INSTANCE_KEYS = ["instance_id", "challenge_id", "user_id", "username", "team_id", "team_name", "owner_id", "status",
                 "ports", "created_at", "expires_at", "container_ids", "public_url", "public_urls", "network_name",
                 "error_message"]
HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}


def server_with(challenges=("web-notes",), env=None):
    Engine().base_image()
    return Whaley(challenges=list(challenges), env=env)


def test_shapes_of_the_drop_in_endpoints():
    with server_with() as server:
        player = server.player("10.10.0.1")

        def body(path):
            answer = player.api("GET", path)
            assert answer.status == 200, (path, answer)
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, (path, name)
            return answer.body

        api = body("/api")
        assert api["status"] == "ok" and api["auth_mode"] == "none" and api["service"] == "CTF Docker Instancer"
        health = body("/health")
        assert {"status", "challenges_loaded", "active_instances", "ports_allocated", "ports_available"} <= set(health)
        assert health["challenges_loaded"] == 1 and health["ports_available"] == 300
        config = body("/config")
        assert {k: config[k] for k in ("team_mode", "max_instances_per_user", "max_instances_per_team",
                                       "instance_timeout", "auth_mode")} == {
            "team_mode": False, "max_instances_per_user": 3, "max_instances_per_team": 5, "instance_timeout": 3600,
            "auth_mode": "none"}
        me = body("/me")
        assert me["user"]["user_id"] == "10.10.0.1" and me["instances"] == 0 and me["max_instances"] == 3
        assert me["user"]["team_id"] is None and me["team_mode"] is False
        assert body("/me/team") == {"team_mode": False}
        challenge = body("/challenges/web-notes")
        assert {k: challenge[k] for k in ("id", "name", "category", "ports")} == {
            "id": "web-notes", "name": "Notes", "category": "web", "ports": [8080]}
        instance = player.spawn("web-notes")
        assert list(instance)[:16] == INSTANCE_KEYS, "the keys of old clients come first, in order"
        port = instance["ports"]["8080"]
        assert instance["public_url"] == f"127.0.0.1:{port}" and instance["public_urls"] == {"8080": f"127.0.0.1:{port}"}
        assert instance["created_at"].endswith("Z") and instance["expires_at"].endswith("Z")
        assert body("/me")["instances"] == 1


def test_refusals():
    with server_with() as server:
        player = server.player("10.10.1.1")
        unknown = player.try_spawn("no-such-challenge")
        assert unknown.status == 200 and unknown.body["success"] is False
        assert unknown.body["code"] == "challenge_not_found" and unknown.body["instance"] is None
        for path in ("/challenges/no-such", "/instances/no-such", "/nowhere", "/instances/a/b/c"):
            answer = player.api("GET", path)
            assert answer.status == 404 and isinstance(answer.body["detail"], str), (path, answer)
        assert player.api("DELETE", "/instances/no-such").status == 400
        assert player.api("POST", "/instances/no-such/extend").status == 400
        wrong = player.api("PUT", "/challenges", {})
        assert wrong.status == 405 and "GET" in wrong.headers["Allow"]
        slash = player.api("GET", "/challenges/")
        assert slash.status == 307 and slash.headers["Location"].endswith("/challenges")
        assert player.api("GET", "/admin/api/stats").status in (401, 404)


def test_bad_bodies_change_nothing():
    with server_with() as server:
        player = server.player("10.10.2.1")
        rows = [
            (b"", 422), (b"{", 422), (b"[]", 422), (b"null", 422), (b'"x"', 422), (b"{}", 422),
            (b'{"challenge_id":7}', 422), (b'{"challenge_id":null}', 422), (b'{"challenge_id":["a"]}', 422),
            (b"[" * 10000, 422), (b'{"challenge_id":"\xff\xfe"}', 422), (b'{"a":1,"a":2}', 422),
            (b'{"challenge_id":"' + b"a" * 2000 + b'"}', 200),
            (json.dumps({"challenge_id": "../../etc/passwd"}).encode(), 200),
            (json.dumps({"challenge_id": "a\u0000b"}).encode(), 422),
            (json.dumps({"challenge_id": "x\n\r\t\u202e<script>"}).encode(), 200),
            (b'{"challenge_id":"x"}' + b" " * (2 << 20), 413),
        ]
        for sent, wanted in rows:
            answer = player.api("POST", "/instances/spawn", sent)
            assert answer.status == wanted, (sent[:40], wanted, answer)
            if wanted == 200:
                assert answer.body["success"] is False, answer
        plain = player.api("POST", "/instances/spawn", b'{"challenge_id":"web-notes"}',
                           headers={"Content-Type": "text/plain"})
        assert plain.status in (415, 422), plain
        assert player.instances() == [] and server.leftovers() == []


def test_other_origins_are_refused():
    with server_with() as server:
        player = server.player("10.10.3.1")
        evil = player.try_spawn("web-notes", headers={"Origin": "http://evil.example"})
        assert evil.status == 403, evil
        assert "Access-Control-Allow-Origin" not in player.api("GET", "/challenges").headers
        own = player.try_spawn("web-notes", headers={"Origin": server.url})
        assert own.body["success"] is True
    with server_with(env={"CORS_ALLOW_ORIGINS": "https://ctf.example"}) as server:
        answer = server.api("GET", "/challenges", headers={"Origin": "https://ctf.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://ctf.example"


def test_only_known_names_when_named():
    with server_with(env={"ALLOWED_HOSTS": "ctf.example"}) as server:
        assert server.api("GET", "/health", headers={"Host": "ctf.example"}).status == 200
        assert server.api("GET", "/health").status == 200, "an address always passes"
        rebound = server.api("GET", "/instances", headers={"Host": "evil.example"})
        assert rebound.status == 421 and rebound.body["code"] == "forbidden"


def test_rate_limits():
    env = {"USER_RATE_LIMIT": 5, "PARTICIPANT_IP_RATE_LIMIT": 1000}
    with server_with(env=env) as server:
        player = server.player("10.10.4.1")
        codes = [player.api("DELETE", "/instances/none").status for _ in range(7)]
        assert codes == [400] * 5 + [429] * 2, codes
        limited = player.try_spawn("web-notes")
        assert limited.status == 429 and 1 <= int(limited.headers["Retry-After"]) <= 60
        assert player.api("GET", "/instances").status == 200, "reading is not limited"
        assert server.player("10.10.4.2").api("DELETE", "/instances/none").status == 400, "nor is somebody else"


def test_forwarded_headers_only_from_trusted_proxies():
    with server_with(env={"TRUSTED_PROXIES": "192.0.2.1"}) as server:
        assert server.api("GET", "/me", ip="10.10.5.1").body["user"]["user_id"] == "127.0.0.1"
    with server_with() as server:
        me = server.api("GET", "/me", ip="6.6.6.6, 10.10.5.2").body["user"]["user_id"]
        assert me == "10.10.5.2", "the address the proxy saw, not the one the client claims"


def raw(port, data, seconds=3):
    """Everything the server answers to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as sock:
        sock.sendall(data)
        answer = b""
        try:
            while True:
                piece = sock.recv(65536)
                if not piece:
                    break
                answer += piece
        except (socket.timeout, ConnectionError):
            pass
        return answer


def test_malformed_http():
    with server_with() as server:
        host = b"Host: 127.0.0.1\r\nConnection: close\r\n"
        rows = [
            (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b" 400"),
            (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", b" 400"),
            (b"POST /instances/spawn HTTP/1.1\r\n" + host + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             b" 400"),
            (b"POST /instances/spawn HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", b" 400"),
            (b"GET /health%00 HTTP/1.1\r\n" + host + b"\r\n", b" 400"),
            (b"GET /instances/%ff%fe HTTP/1.1\r\n" + host + b"\r\n", b" 400"),
            (b"GET /health HTTP/1.1\r\n" + host + b"X: " + b"a" * 40000 + b"\r\n\r\n", b" 431"),
        ]
        for sent, wanted in rows:
            answer = raw(server.port, sent)
            assert answer.split(b"\r\n")[0].endswith(wanted) or wanted in answer.split(b"\r\n")[0] or answer == b"", \
                (sent[:60], answer[:80])
        for garbage in (b"\x00" * 100, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET", b"\r\n\r\n\r\n", b"A" * 70000):
            raw(server.port, garbage, 1)
        assert server.api("GET", "/health").status == 200, "it still serves"


def test_pages():
    with server_with() as server:
        home = server.api("GET", "/")
        assert home.status == 200 and "text/html" in home.headers["Content-Type"]
        csp = home.headers["Content-Security-Policy"]
        assert "default-src 'none'" in csp and "unsafe" not in csp
        again = server.api("GET", "/", headers={"If-None-Match": home.headers["ETag"]})
        assert again.status == 304
        for path in ("/static/page.css", "/static/page.js", "/instance/web-notes"):
            assert server.api("GET", path).status == 200, path
        assert server.api("GET", "/static/../../etc/passwd").status in (400, 404)


def test_bad_settings_stop_the_start_with_all_errors_at_once():
    server = Whaley(challenges=[], env={"INSTANCE_TIMEOUT": "soon", "PORT_RANGE_START": "70000", "AUTH_MODE": "magic"})
    assert server.start(expect_exit=True) == 1
    log = server.log()
    for name in ("INSTANCE_TIMEOUT", "PORT_RANGE_START", "AUTH_MODE"):
        assert name in log, log
    server.close()


def test_two_on_one_data_folder():
    with server_with(challenges=()) as server:
        second = Whaley(challenges=[], env={"DATA_DIR": str(server.data_dir)})
        assert second.start(expect_exit=True) == 1
        assert "another Whaley" in second.log()
        second.close()


def test_reload_and_broken_challenges():
    """A broken challenge is refused with a reason for the organisers, and hurts nobody else."""
    with server_with() as server:
        player = server.player("10.10.6.1")
        stream = player.sse()
        server.write_challenge("broken", {"instance.toml": 'id = "broken"\nports = [0, 70000]\n',
                                          "compose.yaml": "services:\n  a:\n    image: x\n    privileged: true\n"})
        stream.wait_for(lambda e: e.type == "challenge", 10)
        wait_for(lambda: "broken" in server.log() and "instance.toml:2" in server.log(), 5, "the reason in the log")
        assert player.try_spawn("broken").body["code"] in ("challenge_broken", "challenge_not_found")
        assert player.spawn("web-notes")["status"] == "running"
        server.write_challenge("broken", {
            "instance.toml": 'id = "broken"\nports = [4000]\ntimeout = 600\n',
            "compose.yaml": 'services:\n  a:\n    image: whaley/base:busybox\n    ports: ["4000"]\n'
                            '    command: ["nc", "-ll", "-p", "4000", "-e", "cat"]\n'})
        wait_for(lambda: player.try_spawn("broken").body.get("success"), 20, "it works once mended", 0.5)


def test_a_client_that_leaves_changes_nothing():
    """Pulled cables: the spawn goes on, and its owner finds it."""
    with server_with() as server:
        player = server.player("10.10.7.1")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("POST", "/instances/spawn", json.dumps({"challenge_id": "web-notes"}),
                           {"Content-Type": "application/json", "X-Forwarded-For": "10.10.7.1"})
        wait_for(player.instances, 5, "it was accepted")
        connection.close()
        instance = wait_for(lambda: [i for i in player.instances() if i["status"] == "running"], 30, "it runs")[0]
        time.sleep(0.2)
        assert server.solve("web-notes", instance).startswith("FLAG{")
