"""expiry - how long after expires_at an instance's status leaves `running`, as its player sees it."""
import sqlite3
import time

import lib

ROWS, REAL = 60, 3


def expire_soon(server, instance_ids, first):
    """Moves the expiry of real instances of a server that does not run."""
    with sqlite3.connect(server.data_dir / "whaley.db") as db:
        for i, instance_id in enumerate(instance_ids):
            at = time.time() + first + i
            text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e6):06d}"
            db.execute("UPDATE instance_states SET expires_at = ? WHERE instance_id = ?", (text, instance_id))
    db.close()


def expiries(server):
    """{instance id: expires_at as seconds since the epoch}"""
    with sqlite3.connect(server.data_dir / "whaley.db") as db:
        rows = db.execute("SELECT instance_id, strftime('%s', expires_at) || substr(expires_at, 20) FROM instance_states").fetchall()
    db.close()
    return {name: float(at) for name, at in rows}


def measure(figures):
    ip = "10.7.7.7"
    server = lib.whaley(["tcp-vault", "web-notes", "two-tier"])
    with server:
        seats = [lib.Seat(server, ip, challenge) for challenge in ("tcp-vault", "web-notes", "two-tier")]
        real = [seat.spawn() for seat in seats[:REAL]]
        server.kill9()  # the containers go on; the next start takes them over
        lib.add_rows(server, ROWS, [ip], lambda i: 4 + i * 0.1)
        expire_soon(server, real, 4.5)
        due = expiries(server)
        server.start()
        stream, seen, gone = server.sse(ip), {}, set()
        end = time.monotonic() + 40
        while len(gone) < ROWS + REAL and time.monotonic() < end:
            event = stream.next(20)
            at = time.time()
            if event.type == "instance" and event.data["status"] != "running":
                seen.setdefault(event.data["instance_id"], at)
            elif event.type == "gone":
                seen.setdefault(event.data["instance_id"], at)
                gone.add(event.data["instance_id"])
        lags = [(at - due[name]) * 1000 for name, at in seen.items() if name in due]
        if len(lags) != ROWS + REAL:
            raise AssertionError(f"{len(lags)} of {ROWS + REAL} instances were seen to expire")
        figures.median("lag", lags, "ms", at_most=250)
        figures.add("lag.max", max(lags), "ms", at_most=250)
        figures.add("lag.with_containers.max", max((seen[n] - due[n]) * 1000 for n in real), "ms", at_most=250)
