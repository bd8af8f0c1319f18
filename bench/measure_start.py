"""start - from exec to the first 200 of /health, with an empty table and with 1,000 instances."""
import socket
import subprocess
import time

import lib

RUNS = 7


def first_health(server):
    """Starts the server; ms until /health said 200. A plain socket: no client library's time."""
    port = lib.free_port()
    log = open(server.log_path, "ab")
    began = lib.now_ms()
    process = subprocess.Popen([server.binary, "serve"], env={**server.env, "PORT": str(port), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                               cwd=server.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    log.close()
    try:
        while lib.now_ms() - began < 30000:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
                    s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    if s.recv(16).startswith(b"HTTP/1.1 200"):
                        return lib.now_ms() - began
            except OSError:
                pass
            if process.poll() is not None:
                raise AssertionError(f"whaley ended:\n{server.log_tail()}")
            time.sleep(0.001)
        raise AssertionError("no /health within 30 s")
    finally:
        process.terminate()
        process.wait(30)


def measure(figures):
    for name, rows, target in (("empty", 0, {"at_most": 100}), ("1000_instances", 1000, {})):
        server = lib.whaley(["tcp-vault", "web-notes", "two-tier"])
        with server:  # makes the tables, builds the images and fills the pool: a first start
            warm = lib.Seat(server, "10.9.9.9")
            warm.stop(warm.spawn())
            lib.pool_settled(server)
            server.terminate()
            if rows:
                lib.add_rows(server, rows, lib.addresses(500))
            figures.median(name, [first_health(server) for _ in range(RUNS)], "ms", **target)
