"""harness - what integration tests are made of: a real Whaley, a real engine, players.

    from harness import Engine, Whaley, wait_for

    def test_spawn_and_stop():
        with Whaley(challenges=["web-notes"]) as whaley:      # starts, waits until it listens
            player = whaley.player("10.1.1.1")                # an owner: the address it comes from
            instance = player.spawn("web-notes")              # asserts success, returns the instance
            assert whaley.solve("web-notes", instance).startswith("FLAG{")
            player.stop(instance["instance_id"])
            wait_for(lambda: not whaley.leftovers(), 20, "everything of it is gone")

Run them with `make test ONLY=integration K=word`, or by hand:

    make build && scripts/engine.sh with --isolated tests/integration/run.py [-k WORD] [FILE...]

A test is a function test_* of a file test_*.py (a unittest.TestCase works too). It fails by raising,
is skipped by raising Skip, and is given TIMEOUT seconds (@timeout(300) for another limit). Every file
runs in a process of its own. Whatever a test leaves (servers, streams, containers, networks, volumes)
is removed after it; a failing test prints the tail of its servers' logs.

Environment
    WHALEY_BIN    the binary under test (build/whaley)
    DOCKER_HOST   the engine, as set by scripts/engine.sh
    ENGINE_STATE  its state folder when it is private: then Engine.restart() and Engine.crash() work

Standard library only. All traffic stays on 127.0.0.1 and unix sockets.
"""
import collections
import http.client
import io
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MANAGED = "whaley.managed"          # label on everything Whaley makes
INSTANCE = "whaley.instance_id"     # label on everything of one instance
TIMEOUT = 120                       # seconds for one test

Answer = collections.namedtuple("Answer", "status headers body")
Event = collections.namedtuple("Event", "id type data")


class Skip(Exception):
    """Raised by a test that cannot run here, with the reason."""


def timeout(seconds):
    """Decorator: gives one test another limit than TIMEOUT."""
    def mark(function):
        function.timeout = seconds
        return function
    return mark


def wait_for(predicate, seconds=10, what="the condition", every=0.05):
    """Polls until predicate() is true and returns its value; AssertionError after `seconds`.

    An AssertionError or OSError inside the predicate counts as "not yet" and is shown at the end.
    """
    end = time.monotonic() + seconds
    while True:
        last = None
        try:
            value = predicate()
            if value:
                return value
        except (AssertionError, OSError, http.client.HTTPException) as error:
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}" + (f" ({last})" if last else ""))
        time.sleep(every)


# --- the engine ----------------------------------------------------------------------------------


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("engine", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class EngineError(AssertionError):
    def __init__(self, status, message):
        super().__init__(f"engine answered {status}: {message}")
        self.status = status


class Engine:
    """The container engine, asked behind Whaley's back: what is really there?"""

    def __init__(self, url=None):
        self.url = url or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        self.state = os.environ.get("ENGINE_STATE")

    def request(self, method, path, body=None, query=None, timeout=60, content_type="application/json"):
        """(status, parsed JSON or bytes). Raises EngineError from 400 up."""
        scheme, _, rest = self.url.partition("://")
        if scheme == "unix":
            connection = UnixConnection(rest, timeout)
        else:
            connection = http.client.HTTPConnection(rest, timeout=timeout)
        if query:
            path += "?" + urllib.parse.urlencode(
                {k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in query.items()})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            connection.request(method, path, body, {"Content-Type": content_type} if body is not None else {})
            answer = connection.getresponse()
            data = answer.read()
            if "application/json" in (answer.getheader("Content-Type") or "") and data:
                try:
                    data = json.loads(data)
                except ValueError:
                    pass  # a stream of JSON lines
            if answer.status >= 400:
                raise EngineError(answer.status, data.get("message") if isinstance(data, dict) else data)
            return answer.status, data
        finally:
            connection.close()

    def ping(self):
        try:
            return self.request("GET", "/_ping", timeout=3)[1] == b"OK"
        except (OSError, http.client.HTTPException, EngineError):
            return False

    # Lists: `labels` is a list of "name" or "name=value".
    def containers(self, labels=(MANAGED,), all=True):
        return self.request("GET", "/containers/json", query={"all": int(all), "filters": {"label": list(labels)}})[1]

    def networks(self, labels=(MANAGED,)):
        return self.request("GET", "/networks", query={"filters": {"label": list(labels)}})[1]

    def volumes(self, labels=(MANAGED,)):
        return self.request("GET", "/volumes", query={"filters": {"label": list(labels)}})[1]["Volumes"] or []

    def images(self, reference=None):
        query = {"filters": {"reference": [reference]}} if reference else None
        return self.request("GET", "/images/json", query=query)[1]

    def of_instance(self, instance_id):
        """Containers of one instance, running or not."""
        return self.containers([f"{INSTANCE}={instance_id}"])

    def inspect(self, container):
        return self.request("GET", f"/containers/{container}/json")[1]

    def inspect_network(self, network):
        return self.request("GET", f"/networks/{network}")[1]

    def kill(self, container, sig="KILL"):
        self.request("POST", f"/containers/{container}/kill", query={"signal": sig})

    def remove(self, container):
        self._gone("DELETE", f"/containers/{container}", {"force": 1, "v": 1})

    def remove_network(self, network):
        self._gone("DELETE", f"/networks/{network}")

    def remove_volume(self, volume):
        self._gone("DELETE", f"/volumes/{volume}", {"force": 1})

    def _gone(self, method, path, query=None):
        try:
            self.request(method, path, query=query)
        except EngineError as error:
            if error.status not in (404, 409):
                raise

    def execute(self, container, command):
        """Runs a command (list) inside; its output as bytes, stdout and stderr mixed (a tty)."""
        made = self.request("POST", f"/containers/{container}/exec",
                            {"Cmd": command, "AttachStdout": True, "AttachStderr": True, "Tty": True})[1]
        return self.request("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": True})[1]

    def logs(self, container, tail=100):
        data = self.request("GET", f"/containers/{container}/logs", query={"stdout": 1, "stderr": 1, "tail": tail})[1]
        out = b""
        while len(data) >= 8:  # frames: type, 3 zero bytes, length
            size = int.from_bytes(data[4:8], "big")
            out, data = out + data[8:8 + size], data[8 + size:]
        return out.decode(errors="replace")

    def build(self, folder, tag, labels=None):
        """Builds the folder with the classic builder, without network; raises with the last lines."""
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as tar:
            tar.add(folder, arcname=".")
        data = self.request("POST", "/build", context.getvalue(),
                            {"t": tag, "networkmode": "none", "rm": 1, "forcerm": 1, "labels": labels or {}},
                            content_type="application/x-tar", timeout=120)[1]
        text = data if isinstance(data, bytes) else json.dumps(data).encode()
        if b'"errorDetail"' in text:
            raise AssertionError("build failed: " + text[-2000:].decode(errors="replace"))

    def base_image(self):
        """Makes whaley/base:busybox, which the bundled challenges are built on."""
        subprocess.run([str(ROOT / "scripts/base-image.sh")], check=True, timeout=120,
                       env={**os.environ, "DOCKER_HOST": self.url})

    def leftovers(self):
        """Names of what Whaley made and still exists; idle pool networks do not count."""
        found = ["container " + c["Names"][0].lstrip("/") if c.get("Names") else "container " + c["Id"][:12]
                 for c in self.containers()]
        for network in self.networks():
            labels = network.get("Labels") or {}
            if labels.get(INSTANCE) or self._attached(network["Id"]):
                found.append("network " + network["Name"])
        return found + ["volume " + v["Name"] for v in self.volumes()]

    def _attached(self, network):
        try:
            return self.inspect_network(network).get("Containers")
        except EngineError:
            return None

    def wipe(self):
        """Removes every container, network and volume that Whaley made; what a test ends with."""
        for container in self.containers():
            self.remove(container["Id"])
        for network in self.networks():
            self.remove_network(network["Id"])
        for volume in self.volumes():
            self.remove_volume(volume["Name"])

    # Only with a private engine.
    def _script(self, verb):
        if not self.state:
            raise Skip("needs a private engine: scripts/engine.sh with --isolated ...")
        subprocess.run([str(ROOT / "scripts/engine.sh"), verb, self.state], check=True, timeout=120,
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def restart(self):
        """An orderly restart: containers are stopped, the socket comes back at the same path."""
        self._script("restart")

    def crash(self):
        """kill -9 of the engine; start_again() brings it back."""
        self._script("kill")

    def start_again(self):
        self._script("start")


# --- Whaley --------------------------------------------------------------------------------------


class Whaley:
    """The real binary with a data folder, challenges, ports and subnets of its own.

    challenges  names of folders in challenges/, or paths; copied, so a test may change them
                (whaley.challenges_dir). Default: all bundled ones. [] starts empty.
    env         settings over the defaults below; None removes one.
    Attributes  url, port, process, folder, data_dir, challenges_dir, log_path, engine
    """

    _serial = 0
    alive = []  # every Whaley that was started and not closed; cleaned by the runner

    def __init__(self, challenges=None, env=None, engine=None, binary=None):
        Whaley._serial += 1
        self.engine = engine or Engine()
        self.binary = binary or os.environ.get("WHALEY_BIN") or str(ROOT / "build/whaley")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="whaley-test-"))
        self.data_dir = self.folder / "data"
        self.challenges_dir = self.folder / "challenges"
        self.log_path = self.folder / "whaley.log"
        self.data_dir.mkdir()
        self.challenges_dir.mkdir()
        self.process = self.url = self.port = None
        self._streams = []
        self._log_start = 0
        names = sorted(p.parent.name for p in (ROOT / "challenges").glob("*/instance.toml"))
        for challenge in names if challenges is None else challenges:
            self.add_challenge(challenge)
        number = (os.getpid() * 7 + Whaley._serial) % 40  # several test processes on one engine
        self.env = {
            "HOST": "127.0.0.1",
            "PORT": "0",
            "AUTH_MODE": "none",
            "LOG_LEVEL": "debug",
            "PUBLIC_HOST": "127.0.0.1",
            "PUBLISH_ADDRESS": "127.0.0.1",
            "DOCKER_HOST": self.engine.url,
            "DATA_DIR": str(self.data_dir),
            "CHALLENGES_DIR": str(self.challenges_dir),
            "CHALLENGES_SETTLE_MS": "100",
            "LOG_FILE": str(self.folder / "events.jsonl"),
            "USER_PORTS_FILE": str(self.folder / "user_ports.json"),
            "FORENSICS_LOG_DIR": str(self.folder / "forensics"),
            "TRUSTED_PROXIES": "127.0.0.1",
            "USER_RATE_LIMIT": "100000",
            "PARTICIPANT_IP_RATE_LIMIT": "100000",
            "PORT_RANGE_START": str(20000 + 300 * number),
            "PORT_RANGE_END": str(20000 + 300 * number + 299),
            "NETWORK_PREFIX": f"wt{os.getpid()}x{Whaley._serial}",
            "NETWORK_SUBNET_BASE": f"10.{200 + number}.0.0/16",
            "NETWORK_POOL_SIZE": "2",
            "SHUTDOWN_GRACE": "10",
        }
        for key, value in (env or {}).items():
            if value is None:
                self.env.pop(key, None)
            else:
                self.env[key] = str(value)

    # --- the process
    def start(self, seconds=30, expect_exit=False):
        """Starts and waits until it listens. expect_exit: waits for its end instead, returns the code."""
        assert self.process is None, "it runs already"
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        log = open(self.log_path, "ab")
        # Nothing of the caller's environment but what a program needs.
        env = {k: os.environ[k] for k in ("PATH", "HOME", "LANG", "TZ", "ASAN_OPTIONS", "TSAN_OPTIONS",
                                         "UBSAN_OPTIONS") if k in os.environ}
        self.process = subprocess.Popen([self.binary, "serve"], env={**env, **self.env}, cwd=self.folder,
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()
        if self not in Whaley.alive:
            Whaley.alive.append(self)
        if expect_exit:
            code = self.process.wait(seconds)
            self.process = None
            return code
        end = time.monotonic() + seconds
        while True:
            found = re.search(r"listening on http://\S*?:(\d+)", self.log(since_start=True))
            if found:
                self.port = int(found.group(1))
                self.url = f"http://127.0.0.1:{self.port}"
                return self
            if self.process.poll() is not None:
                code, self.process = self.process.returncode, None
                raise AssertionError(f"whaley ended with {code} before it listened:\n{self.log_tail()}")
            if time.monotonic() > end:
                raise AssertionError(f"whaley did not listen within {seconds} s:\n{self.log_tail()}")
            time.sleep(0.02)

    def kill9(self):
        """As a crash: no chance to tidy up. Containers go on."""
        self.process.kill()
        self.process.wait(10)
        self.process = None

    def terminate(self, seconds=40):
        """SIGTERM, as an upgrade. Returns the exit code (0 when it drained)."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self.process = None
        return code

    def restart(self, hard=False):
        """Down (kill -9 when hard) and up again on the same port, data and challenges."""
        self.kill9() if hard else self.terminate()
        self.env["PORT"] = str(self.port)
        return self.start()

    def close(self):
        """Ends the process and removes everything it made. Safe to call twice."""
        if self in Whaley.alive:
            Whaley.alive.remove(self)
        for stream in self._streams:
            stream.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None
        if self.engine.ping():
            self.engine.wipe()
        self._drop_firewall()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _drop_firewall(self):
        """Its chains stay when it ends, by design (instances run on); a test takes them away."""
        prefix = self.env["NETWORK_PREFIX"].upper()
        for table, hook in (("filter", "INPUT"), ("mangle", "FORWARD")):
            chain = f"{prefix}-{hook}"
            for rule in (["-D", hook, "-j", chain], ["-F", chain], ["-X", chain]):
                subprocess.run(["iptables", "-w", "5", "-t", table, *rule], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()  # after a failure the runner closes it, once it has shown the log
        return False

    def log(self, since_start=False):
        try:
            with open(self.log_path, "rb") as file:
                file.seek(self._log_start if since_start else 0)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def log_tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])

    # --- challenges
    def add_challenge(self, challenge, name=None):
        """Copies a bundled challenge (by name) or a folder (by path), under `name` if given."""
        source = pathlib.Path(challenge)
        if not source.is_absolute():
            source = ROOT / "challenges" / challenge
        target = self.challenges_dir / (name or source.name)
        shutil.copytree(source, target, symlinks=True)
        return target

    def write_challenge(self, name, files):
        """Makes a challenge folder from {path: text}."""
        for path, text in files.items():
            target = self.challenges_dir / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            if text.startswith("#!"):
                target.chmod(0o755)
        return self.challenges_dir / name

    # --- HTTP
    def api(self, method, path, json_body=None, ip="10.0.0.1", headers=None, timeout=90):
        """One request as the player at `ip`. Answer(status, headers, body); JSON bodies are parsed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = {"X-Forwarded-For": ip}
        body = None
        if method not in ("GET", "HEAD"):
            sent["Content-Type"] = "application/json"
        if json_body is not None:
            body = json_body if isinstance(json_body, bytes) else json.dumps(json_body).encode()
        sent.update(headers or {})
        try:
            try:
                connection.request(method, path, body, {k: v for k, v in sent.items() if v is not None})
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all of the body was sent: the answer is there all the same
            answer = connection.getresponse()
            data = answer.read()
            if "application/json" in (answer.getheader("Content-Type") or "") and data:
                data = json.loads(data)
            return Answer(answer.status, answer.headers, data)
        finally:
            connection.close()

    def sse(self, ip="10.0.0.1", last_event_id=None, path="/events", headers=None):
        """Opens an event stream; see EventStream."""
        stream = EventStream(self.port, path, {"X-Forwarded-For": ip, **(headers or {})}, last_event_id)
        self._streams.append(stream)
        return stream

    def player(self, ip):
        return Player(self, ip)

    # --- looking behind
    def leftovers(self):
        return self.engine.leftovers()

    def assert_clean(self, seconds=30):
        """Nothing of any instance remains on the engine (idle pool networks may)."""
        wait_for(lambda: not self.leftovers(), seconds, f"nothing left over, but: {self.leftovers()}")

    def solve(self, challenge, instance, internal_port=None, seconds=20):
        """Runs the challenge's solve.py against the instance as a player would; the flag."""
        ports = instance["ports"]
        port = ports[str(internal_port)] if internal_port else next(iter(ports.values()))
        return solve(challenge, "127.0.0.1", port, seconds)


def solve(challenge, host, port, seconds=20):
    done = subprocess.run([sys.executable, str(ROOT / "challenges" / challenge / "solve.py"), host, str(port)],
                          capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"solve.py of {challenge}: {done.stderr.strip()}"
    return done.stdout.strip()


class Player:
    """An owner in AUTH_MODE=none: everybody who comes from one address."""

    def __init__(self, whaley, ip):
        self.whaley, self.ip = whaley, ip

    def api(self, method, path, json_body=None, **more):
        return self.whaley.api(method, path, json_body, ip=self.ip, **more)

    def challenges(self):
        return self._ok(self.api("GET", "/challenges")).body["challenges"]

    def instances(self):
        return self._ok(self.api("GET", "/instances")).body["instances"]

    def instance(self, instance_id):
        """The instance, or None when there is none of that id."""
        answer = self.api("GET", f"/instances/{instance_id}")
        return None if answer.status == 404 else self._ok(answer).body

    def try_spawn(self, challenge, headers=None, timeout=150):
        """The whole Answer: for refusals. A refusal for a business reason is 200 success:false."""
        return self.api("POST", "/instances/spawn", {"challenge_id": challenge}, headers=headers, timeout=timeout)

    def spawn(self, challenge, **more):
        """Waits for the end of the spawn and returns the running instance."""
        body = self._ok(self.try_spawn(challenge, **more)).body
        assert body["success"], f"spawn of {challenge} refused: {body}"
        return body["instance"]

    def spawn_async(self, challenge, headers=None):
        """202 at once; the instance in `starting`."""
        answer = self.try_spawn(challenge, {"Prefer": "respond-async", **(headers or {})})
        assert answer.status == 202, f"wanted 202, got {answer.status}: {answer.body}"
        return answer.body["instance"]

    def wait_status(self, instance_id, status="running", seconds=60):
        def reached():
            instance = self.instance(instance_id)
            return instance if instance and instance["status"] == status else None
        return wait_for(reached, seconds, f"{instance_id} is {status}")

    def stop(self, instance_id):
        return self._ok(self.api("DELETE", f"/instances/{instance_id}")).body

    def extend(self, instance_id):
        return self.api("POST", f"/instances/{instance_id}/extend")

    def sse(self, last_event_id=None):
        return self.whaley.sse(self.ip, last_event_id)

    @staticmethod
    def _ok(answer):
        assert answer.status == 200, f"wanted 200, got {answer.status}: {answer.body}"
        return answer


class EventStream:
    """A Server-Sent Events stream, read by a thread.

    Iterating yields Event(id, type, data), data parsed when it is JSON, and ends with the stream.
    next(seconds) and wait_for(predicate, seconds) raise AssertionError when nothing comes; last_id
    is what a resuming stream would send. Comments (pings) are counted in `pings`.
    """

    def __init__(self, port, path, headers, last_event_id=None):
        self.last_id, self.pings, self.ended = last_event_id, 0, False
        self._events = queue.Queue()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
        sent = {"Accept": "text/event-stream", **headers}
        if last_event_id is not None:
            sent["Last-Event-ID"] = str(last_event_id)
        self._connection.request("GET", path, headers=sent)
        sock = self._connection.sock  # getresponse() may let go of it
        self.answer = self._connection.getresponse()
        self.status = self.answer.status
        self._sock = sock
        if self.status != 200:
            self.body = self.answer.read()
            self.ended = True
            self._connection.close()
            return
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        fields = {"data": []}
        try:
            for raw in self.answer:
                line = raw.decode(errors="replace").rstrip("\r\n")
                if line == "":
                    self._dispatch(fields)
                    fields = {"data": []}
                elif line.startswith(":"):
                    self.pings += 1
                else:
                    name, _, value = line.partition(":")
                    value = value[1:] if value.startswith(" ") else value
                    if name == "data":
                        fields["data"].append(value)
                    else:
                        fields[name] = value
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # closed by either side
        self.ended = True
        self._events.put(None)

    def _dispatch(self, fields):
        if "id" in fields:
            self.last_id = fields["id"]
        if not fields["data"]:
            return
        data = "\n".join(fields["data"])
        try:
            data = json.loads(data)
        except ValueError:
            pass
        self._events.put(Event(fields.get("id"), fields.get("event", "message"), data))

    def next(self, seconds=10):
        try:
            event = self._events.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"no event within {seconds} s") from None
        if event is None:
            self._events.put(None)
            raise AssertionError("the stream has ended")
        return event

    def wait_for(self, predicate, seconds=30, what="a matching event"):
        """The first event from here on that the predicate likes; the ones before are dropped."""
        end = time.monotonic() + seconds
        seen = []
        while time.monotonic() < end:
            try:
                event = self.next(max(0.05, end - time.monotonic()))
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}; seen {[e.type for e in seen]}") from None
            if predicate(event):
                return event
            seen.append(event)
        raise AssertionError(f"not within {seconds} s: {what}; seen {[e.type for e in seen]}")

    def __iter__(self):
        while True:
            event = self._events.get()
            if event is None:
                return
            yield event

    def close(self):
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass
        if not self.ended:
            self._thread.join(5)
        self._connection.close()
