"""lib - what the measurements share: figures, clocks, rows without containers, calls to the engine.

The daemon under test is the release binary, started as the integration tests start it.
"""
import http.client
import json
import os
import pathlib
import socket
import sqlite3
import statistics
import subprocess
import sys
import time

import harness

ROOT = harness.ROOT
OUT = ROOT / "build/bench"


def say(text):
    print(f"# {text}", flush=True)


# --- figures -------------------------------------------------------------------------------------


class Figures:
    """Named values; printed as they come, kept for JSON. A target is a limit and its direction."""

    def __init__(self, part):
        self.part, self.failed = part, False
        self.rows, self.raw = [], {}

    def add(self, name, value, unit, at_most=None, at_least=None):
        name = f"{self.part}.{name}"
        row = {"name": name, "value": round(value, 3), "unit": unit}
        if at_most is not None:
            row.update(target=f"<= {at_most}", met=value <= at_most)
        if at_least is not None:
            row.update(target=f">= {at_least}", met=value >= at_least)
        self.rows.append(row)
        verdict = f"   # target {row['target']}: {'met' if row['met'] else 'MISSED'}" if "met" in row else ""
        print(f"{name} {row['value']:g} {unit}{verdict}", flush=True)

    def median(self, name, values, unit="ms", **target):
        self.raw[name] = values
        self.add(name, statistics.median(values), unit, **target)

    def ratios(self, name, ours, theirs, **target):
        """ours/theirs pair by pair: what disturbs the machine disturbs both halves of a pair."""
        pairs = [a / b for a, b in zip(ours, theirs)]
        self.raw[name] = pairs
        self.add(name, statistics.median(pairs), "x", **target)
        self.add(name + ".min", min(pairs), "x")
        self.add(name + ".max", max(pairs), "x")

    def write(self, seconds):
        OUT.mkdir(parents=True, exist_ok=True)
        say(f"{self.part} took {seconds:.0f} s")
        (OUT / f"{self.part}.json").write_text(json.dumps(
            {"part": self.part, "failed": self.failed, "seconds": round(seconds, 1),
             "cores": os.cpu_count(), "load_average": os.getloadavg(), "figures": self.rows, "raw": self.raw},
            indent=1) + "\n")


def summary(parts):
    rows = [row for figures in parts for row in figures.rows if "met" in row]
    missed = [row for row in rows if not row["met"]]
    say(f"{len(rows) - len(missed)} of {len(rows)} targets met; all figures in build/bench/*.json")
    for row in missed:
        say(f"missed: {row['name']} is {row['value']:g} {row['unit']}, target {row['target']}")


def prepare():
    load = os.getloadavg()[0]
    say(f"{os.cpu_count()} cores, load average {load:.1f}. Other load disturbs; ratios and medians less "
        "than single times.")
    harness.Engine().base_image()


# --- processes -----------------------------------------------------------------------------------


def now_ms():
    return time.monotonic_ns() / 1e6


def cpu_ms(pid):
    """CPU time of a process with all its threads, the ended ones too (what utime + stime of
    /proc/PID/stat say, in nanoseconds instead of ticks: its CPU clock, clock_getcpuclockid(3))."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e6


def rss_mib(pid, which="VmRSS"):
    """Resident memory; which="RssAnon" without the pages of libraries, which processes share."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(which + ":"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no {which} of {pid}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def whaley(challenges=(), **env):
    """A daemon as it is deployed (log level, pool), not yet started."""
    return harness.Whaley(list(challenges), env={
        "LOG_LEVEL": "info", "NETWORK_POOL_SIZE": None, "MAX_INSTANCES_PER_USER": "50", **env})


def close_all():
    for server in list(harness.Whaley.alive):
        server.close()


# --- rows without containers ---------------------------------------------------------------------


def add_rows(server, n, owners, expires_in=lambda i: 3600, challenge="tcp-vault"):
    """Writes n running instances into the database of a server that does not run.

    Their records name no container, so none is missing when the server adopts them. owners is a
    list of addresses; they take turns.
    """
    stamp = lambda s: time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(s)) + f".{int(s % 1 * 1e6):06d}"
    now = time.time()
    rows = []
    for i in range(n):
        owner, port = owners[i % len(owners)], 50000 + i % 10000
        rows.append((
            f"{challenge}-{owner.replace('.', '-')}-{i:08x}", challenge, owner, "user_bench", owner, "user",
            "running", "running", json.dumps({"1337": port}), json.dumps({"1337": f"127.0.0.1:{port}"}), "[]",
            json.dumps({"name": "Vault", "timeout": 3600, "extend": 1800, "containers": [], "networks": [],
                        "ports": [{"internal": 1337, "external": port, "protocol": 1, "label": None}]}),
            stamp(now - 60), stamp(now + expires_in(i)), 0))
    with sqlite3.connect(server.data_dir / "whaley.db") as db:
        db.executemany(
            "INSERT INTO instance_states (instance_id, challenge_id, user_id, username, owner_id, owner_kind,"
            " status, phase, ports_json, public_urls_json, container_ids_json, spec_json, created_at,"
            " expires_at, extended_s) VALUES (" + ", ".join("?" * 15) + ")", rows)
    db.close()
    return [row[0] for row in rows]


def addresses(n):
    return [f"10.50.{i // 250}.{i % 250 + 1}" for i in range(n)]


# --- the engine by hand --------------------------------------------------------------------------


class Kept:
    """A connection that is kept between calls, and made anew when it has been idle for long: either
    side may have closed it then."""

    IDLE_S = 4

    def __init__(self, connection):
        self.connection, self.used = connection, 0.0

    def request(self, method, path, body, headers):
        if time.monotonic() - self.used > self.IDLE_S:
            self.connection.close()  # the next request opens it
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        self.used = time.monotonic()
        return answer.status, data


class BareEngine:
    """The calls a spawn and a stop cannot do without, back to back on one kept connection.

    The bodies are those of an instance that Whaley made, so that the engine does the same work.
    """

    def __init__(self, container, network, number=0):
        self.kept = Kept(harness.UnixConnection(harness.Engine().url.partition("://")[2], 60))
        self.number, self.serial = number, 0
        host = dict(container["HostConfig"])
        host.pop("PortBindings")
        self.body = {"Image": container["Image"], "Env": container["Config"]["Env"],
                     "ExposedPorts": container["Config"]["ExposedPorts"], "HostConfig": host,
                     "Labels": {"bench." + k: v for k, v in container["Config"]["Labels"].items()}}
        self.inner = next(iter(container["Config"]["ExposedPorts"]))
        self.network_body = {"CheckDuplicate": True, "Driver": "bridge", "Options": network["Options"],
                             "Labels": {"bench." + k: v for k, v in network["Labels"].items()}}

    def call(self, method, path, body=None, ok=(200, 201, 204)):
        data = None if body is None else json.dumps(body).encode()
        status, got = self.kept.request(method, "/v1.41" + path, data, {"Content-Type": "application/json"} if data else {})
        if status not in ok:
            raise AssertionError(f"engine: {method} {path}: {status} {got[:300]}")
        return json.loads(got) if got else None

    def spawn(self):
        """Network, create, start, inspect, and wait for the listener. Returns what stop() takes."""
        self.serial += 1
        name = f"bench-{os.getpid()}-{self.number}-{self.serial}"
        subnet = f"10.199.{self.number}.{self.serial % 16 * 16}/28"
        network = self.call("POST", "/networks/create", {
            **self.network_body, "Name": name, "IPAM": {"Driver": "default", "Config": [{"Subnet": subnet}]}})["Id"]
        body = dict(self.body, HostConfig=dict(
            self.body["HostConfig"], NetworkMode=name,
            PortBindings={self.inner: [{"HostIp": "127.0.0.1", "HostPort": str(40000 + self.number * 50 + self.serial % 50)}]}))
        container = self.call("POST", f"/containers/create?name={name}", body)["Id"]
        self.call("POST", f"/containers/{container}/start")
        pid = self.call("GET", f"/containers/{container}/json")["State"]["Pid"]
        self._wait_listening(pid, int(self.inner.partition("/")[0]))
        return container, network

    @staticmethod
    def _wait_listening(pid, port):
        wanted, end = f":{port:04X} ", time.monotonic() + 30
        while time.monotonic() < end:
            for table in ("tcp", "tcp6"):
                for line in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines():
                    if " 0A " in line and wanted in line:
                        return
            time.sleep(0.005)
        raise AssertionError(f"nothing listens on port {port}")

    def stop(self, made):
        container, network = made
        self.call("DELETE", f"/containers/{container}?force=1&v=1")
        self.call("DELETE", f"/networks/{network}")


class Seat:
    """One player with a kept connection, who spawns and stops through the API, blocking."""

    def __init__(self, server, ip, challenge="tcp-vault"):
        self.kept = Kept(http.client.HTTPConnection("127.0.0.1", server.port, timeout=120))
        self.headers = {"Content-Type": "application/json", "X-Forwarded-For": ip}
        self.body = json.dumps({"challenge_id": challenge}).encode()

    def _call(self, method, path, body=None):
        status, got = self.kept.request(method, path, body, self.headers)
        value = json.loads(got)
        if status != 200 or not value.get("success"):
            raise AssertionError(f"{method} {path}: {status} {got[:400]}")
        return value

    def spawn(self):
        return self._call("POST", "/instances/spawn", self.body)["instance"]["instance_id"]

    def stop(self, instance_id):
        self._call("DELETE", f"/instances/{instance_id}")


def timed(function, *args):
    began = now_ms()
    value = function(*args)
    return now_ms() - began, value


def pool_settled(server, seconds=15):
    """Until the daemon has filled and emptied its network pool: its work must not fall into what
    is measured next."""
    end, last, same = time.monotonic() + seconds, None, 0
    while time.monotonic() < end and same < 4:
        cpu = cpu_ms(server.process.pid)
        same = same + 1 if last is not None and cpu - last < 0.5 else 0
        last = cpu
        time.sleep(0.06)


def program(name):
    """Path of a program, or None."""
    done = subprocess.run(["sh", "-c", f"PATH=$PATH:/usr/sbin:/sbin command -v {name}"], capture_output=True, text=True)
    return done.stdout.strip() or None


if __name__ == "__main__":
    sys.exit("lib.py is a part of bench/run")
