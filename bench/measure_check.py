"""check - reading challenges: how long 200 take, and what their plans weigh in the daemon."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import lib

N, RUNS = 200, 7
TOML = """id = "made-{i}"
name = "Made {i}"
category = "web"
description = "A challenge like many others, number {i}."
ports = [8080]
timeout = 3600
extend_time = 1800
"""
# Three services in two networks, as a larger web challenge has them.
COMPOSE = """x-common: &common
  image: whaley/base:busybox
  restart: unless-stopped
  mem_limit: 128m
  cpus: 0.25
  pids_limit: 64
  logging: {{driver: json-file}}
services:
  web:
    <<: *common
    command: ["httpd", "-f", "-p", "8080", "-h", "/srv"]
    ports: ["${{PORT_8080:-8080}}:8080"]
    environment: {{FLAG: "${{FLAG:-}}", DATABASE: "postgres://app:app@database/app", NUMBER: "{i}"}}
    volumes: ["./www:/srv:ro"]
    networks: [front, back]
    depends_on:
      database: {{condition: service_healthy}}
      cache: {{condition: service_started}}
    healthcheck: {{test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8080/"], interval: 5s, retries: 3}}
  database:
    <<: *common
    command: sleep infinity
    environment: [USER=app, PASSWORD=app, "NAME=app_{i}"]
    volumes: ["data:/var/lib/data"]
    networks: [back]
    healthcheck: {{test: "true", interval: 2s}}
  cache:
    <<: *common
    command: sleep infinity
    tmpfs: ["/tmp:size=16m"]
    networks: [back]
networks:
  front:
  back: {{internal: true}}
volumes:
  data:
"""


def make_challenges(folder):
    """20 files of 4 KB and one of 256 KB beside the two that are parsed."""
    for i in range(N):
        www = folder / f"made-{i}" / "www"
        www.mkdir(parents=True)
        (www.parent / "instance.toml").write_text(TOML.format(i=i))
        (www.parent / "compose.yaml").write_text(COMPOSE.format(i=i))
        for k in range(20):
            (www / f"page-{k}.html").write_text(f"<p>Page {k} of challenge {i}</p>\n" * 110)
        (www / "picture.bin").write_bytes(os.urandom(256 << 10))


def check(server, folder):
    """ms of one `whaley check`, and its answer."""
    began = lib.now_ms()
    done = subprocess.run([server.binary, "check", "--format=json", str(folder)], capture_output=True, cwd=server.folder,
                          env={"PATH": "/usr/bin:/bin"}, timeout=120)
    took = lib.now_ms() - began
    answer = json.loads(done.stdout)
    assert done.returncode == 0 and len(answer["challenges"]) == N, done.stdout[-500:]
    return took


def reload(server):
    """ms of one reload, from the signal to the log line: every file is hashed, parsed and compared."""
    name = "made-0/www/page-0.html"
    (server.challenges_dir / name).write_text(f"{time.monotonic_ns()}\n")
    lines = server.log().count("challenges read again")
    began = lib.now_ms()
    server.process.send_signal(1)
    while server.log().count("challenges read again") == lines:
        assert lib.now_ms() - began < 30000, "no reload within 30 s"
        time.sleep(0.001)
    return lib.now_ms() - began


def measure(figures):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="whaley-bench-"))
    try:
        make_challenges(folder)
        server = lib.whaley([], CHALLENGES_SETTLE_MS="60000")
        with server:
            server.restart()
            time.sleep(1)
            before = lib.rss_mib(server.process.pid, "RssAnon")
            figures.median(f"{N}_challenges", [check(server, folder) for _ in range(RUNS)], "ms", at_most=1000)
            server.terminate()
            shutil.copytree(folder, server.challenges_dir, dirs_exist_ok=True)
            server.start()
            time.sleep(3)
            after = lib.rss_mib(server.process.pid, "RssAnon")
            figures.add(f"{N}_challenges.memory", after - before, "MiB", at_most=10)
            figures.add("one_challenge.memory", (after - before) * 1024 / N, "KiB")
            figures.median(f"{N}_challenges.reload", [reload(server) for _ in range(RUNS)], "ms")
    finally:
        shutil.rmtree(folder)
