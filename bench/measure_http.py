"""http - requests per second of Whaley against nginx serving the same bytes, with 64 connections."""
import json
import re
import shutil
import statistics
import subprocess
import tempfile
import time

import lib

ROUTES = ["instances", "challenges", "health"]
SECONDS, ROUNDS = 2, 2
RETURN_MAX = 3500  # nginx takes no longer parameter


class Nginx:
    """nginx as Debian ships it: a file per route in /file, the same bytes by `return` in /return."""

    def __init__(self, bodies):
        self.folder = tempfile.mkdtemp(prefix="whaley-nginx-")
        self.port = lib.free_port()
        places = []
        for name, body in bodies.items():
            with open(f"{self.folder}/{name}", "wb") as file:
                file.write(body)
            if len(body) <= RETURN_MAX:
                text = body.decode().replace("\\", "\\\\").replace("'", "\\'")
                places.append(f"location = /return/{name} {{ default_type application/json; return 200 '{text}'; }}")
        with open(f"{self.folder}/nginx.conf", "w") as file:
            file.write(f"""
user root; daemon off; worker_processes auto; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/json; keepalive_requests 1000000;
  client_body_temp_path {self.folder}/b; proxy_temp_path {self.folder}/p; fastcgi_temp_path {self.folder}/f;
  uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
  server {{
    listen 127.0.0.1:{self.port};
    location /file/ {{ alias {self.folder}/; }}
    {' '.join(places)}
  }}
}}
""")
        self.process = subprocess.Popen([lib.program("nginx"), "-c", f"{self.folder}/nginx.conf"],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def wrk(port, path):
    """(requests per second, milliseconds at the 99th percentile)"""
    done = subprocess.run(["wrk", "-t2", "-c64", f"-d{SECONDS}s", "--latency", f"http://127.0.0.1:{port}/{path}"],
                          capture_output=True, text=True, timeout=60)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", done.stdout)
    if done.returncode != 0 or bad:
        raise AssertionError(f"wrk of {path}: {done.stdout[-400:]}{done.stderr}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout).groups()
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def body_of(server, route):
    """What wrk will get: it comes from 127.0.0.1, without a header that says otherwise."""
    answer = server.api("GET", "/" + route, headers={"X-Forwarded-For": None})
    if answer.status != 200:
        raise AssertionError(f"GET /{route}: {answer.status}")
    return json.dumps(answer.body, separators=(",", ":")).encode()


def compare(figures, server, route, name, nginx, has_return):
    ours, files, returns, tails = [], [], [], []
    for _ in range(ROUNDS):
        rate, tail = wrk(server.port, route)
        ours.append(rate)
        tails.append(tail)
        files.append(wrk(nginx.port, f"file/{route}")[0])
        if has_return:
            returns.append(wrk(nginx.port, f"return/{route}")[0])
    target = {"at_least": 0.5} if route == "instances" else {}
    figures.median(f"{name}.rate", ours, "requests/s")
    figures.median(f"{name}.p99", tails, "ms")
    figures.median(f"{name}.nginx_file.rate", files, "requests/s")
    figures.median(f"{name}.of_nginx_file", [a / b for a, b in zip(ours, files)], "x", **target)
    if returns:
        figures.median(f"{name}.of_nginx_return", [a / b for a, b in zip(ours, returns)], "x")


def measure(figures):
    server = lib.whaley(["tcp-vault", "web-notes", "two-tier"], NETWORK_POOL_SIZE="0")
    with server:
        warm = lib.Seat(server, "10.9.9.9")
        warm.stop(warm.spawn())
        for rows in (0, 2000):
            if rows:
                server.terminate()
                lib.add_rows(server, rows - 3, lib.addresses(667))
                lib.add_rows(server, 3, ["127.0.0.1"], challenge="web-notes")
                server.start()
            bodies = {route: body_of(server, route) for route in ROUTES}
            nginx = Nginx(bodies)
            time.sleep(0.3)
            try:
                for route in ROUTES:
                    name = f"{route}.{rows}_instances"
                    figures.add(f"{name}.body", len(bodies[route]), "bytes")
                    compare(figures, server, route, name, nginx, len(bodies[route]) <= RETURN_MAX)
            finally:
                nginx.close()
        figures.add("rss_after", lib.rss_mib(server.process.pid), "MiB")
