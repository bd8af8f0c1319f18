"""memory - resident memory of the daemon: idle, with 1,000 instances, and after being asked a lot."""
import time

import lib


def ask(server, n):
    for i in range(n):
        server.api("GET", "/instances", ip=f"10.50.0.{i % 200 + 1}")


def measure(figures):
    server = lib.whaley(["tcp-vault", "web-notes", "two-tier"])
    with server:
        warm = lib.Seat(server, "10.9.9.9")
        warm.stop(warm.spawn())
        lib.pool_settled(server)
        server.restart()
        time.sleep(1)
        figures.add("idle", lib.rss_mib(server.process.pid), "MiB", at_most=15)
        figures.add("idle.private", lib.rss_mib(server.process.pid, "RssAnon"), "MiB")
        for _ in range(10):
            warm = lib.Seat(server, "10.9.9.9")
            warm.stop(warm.spawn())
        figures.add("after_10_spawns", lib.rss_mib(server.process.pid), "MiB")
        server.terminate()
        lib.add_rows(server, 1000, lib.addresses(500))
        server.start()
        ask(server, 200)
        figures.add("1000_instances", lib.rss_mib(server.process.pid), "MiB", at_most=30)
        figures.add("1000_instances.private", lib.rss_mib(server.process.pid, "RssAnon"), "MiB")
