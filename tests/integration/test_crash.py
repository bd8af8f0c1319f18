"""kill -9 at every step of a life: nothing leaks, nothing is lost, and the next start says so.

The engine proxy stops time right before or right after a call, so that the kill lands exactly there.
"""
import shutil
import sqlite3
import subprocess
import threading

from engine_proxy import EngineProxy
from harness import Engine, Whaley, timeout, wait_for
from test_lifecycle import SLEEPER, listens

LONG = dict(SLEEPER, **{"instance.toml": SLEEPER["instance.toml"].replace("timeout = 10", "timeout = 600")})
BUILT = {
    "instance.toml": 'id = "built"\nports = [4000]\ntimeout = 600\n',
    "compose.yaml": 'services:\n  app:\n    build: .\n    ports: ["4000"]\n    volumes: ["keep:/keep"]\n'
                    "volumes:\n  keep: {}\n",
    "Dockerfile": "FROM whaley/base:busybox\nRUN echo built > /built\n"
                  'CMD ["sh", "-c", "exec nc -ll -p 4000 -e cat"]\n',
}


def rows(server, pool_too=False):
    """What the journal still holds: {table: rows}."""
    db = sqlite3.connect(f"file:{server.data_dir}/whaley.db?mode=ro", uri=True)
    try:
        found = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                 for table in ("instance_states", "instance_resources", "port_leases")}
        where = "" if pool_too else " WHERE holder <> 'pool'"
        found["subnet_leases"] = db.execute(f"SELECT count(*) FROM subnet_leases{where}").fetchone()[0]
        return found
    finally:
        db.close()


def assert_nothing_left(server):
    wait_for(lambda: not any(rows(server).values()), 30, f"an empty journal, but {rows(server)}")
    server.assert_clean()
    assert server.api("GET", "/health").body["ports_allocated"] == 0


def in_background(function, *args):
    def run():
        try:
            function(*args)
        except Exception:  # the server is killed under it
            pass
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def crash_at(method, pattern, when, name="built", files=BUILT, pool=0):
    """Kills at that call of a spawn, starts again: cleaned up, and the same call can be made again."""
    engine = Engine()
    engine.base_image()
    with EngineProxy(engine) as proxy:
        server = Whaley(challenges=[], env={
            "DOCKER_HOST": proxy.url, "NETWORK_POOL_SIZE": pool,
            # The engine may carry a call out after the restart has looked: the next sweep finds that.
            "SWEEP_INTERVAL": 5, "SWEEP_WINDOW": 1})
        server.write_challenge(name, files)
        gate = proxy.hold(method, pattern, when)
        server.start()
        player = server.player("10.8.0.1")
        in_background(player.try_spawn, name)
        gate.wait(60)
        server.kill9()
        gate.open()
        server.env["PORT"] = str(server.port)
        server.start()
        if any(i["status"] == "starting" for i in player.instances()):
            # A spawn of which nothing had been made yet is simply done now.
            instance = wait_for(lambda: next((i for i in player.instances() if i["status"] == "running"), None),
                                60, "the queued spawn goes on")
        else:
            assert_nothing_left(server)
            instance = player.spawn(name)
        assert listens(instance["ports"]["4000"])
        player.stop(instance["instance_id"])
        assert_nothing_left(server)
        server.close()


@timeout(180)
def test_during_the_build():
    crash_at("POST", r"/build", "before")


@timeout(180)
def test_before_the_network():
    crash_at("POST", r"/networks/create", "before")


@timeout(180)
def test_after_the_network():
    crash_at("POST", r"/networks/create", "after")


@timeout(180)
def test_after_the_volume():
    crash_at("POST", r"/volumes/create", "after")


@timeout(180)
def test_before_create():
    crash_at("POST", r"/containers/create", "before")


@timeout(180)
def test_after_create():
    crash_at("POST", r"/containers/create", "after")


@timeout(180)
def test_before_start():
    crash_at("POST", r"/containers/[0-9a-f]+/start", "before")


@timeout(180)
def test_after_start():
    crash_at("POST", r"/containers/[0-9a-f]+/start", "after")


@timeout(180)
def test_after_start_with_a_pooled_network():
    crash_at("POST", r"/containers/[0-9a-f]+/start", "after", pool=2)


def crash_while_stopping(when, pool=0):
    engine = Engine()
    engine.base_image()
    with EngineProxy(engine) as proxy:
        server = Whaley(challenges=[], env={"DOCKER_HOST": proxy.url, "NETWORK_POOL_SIZE": pool})
        server.write_challenge("built", BUILT)
        server.start()
        player = server.player("10.8.1.1")
        instance = player.spawn("built")
        gate = proxy.hold("DELETE", r"/containers/", when)
        in_background(player.stop, instance["instance_id"])
        gate.wait(30)
        server.kill9()
        gate.open()
        server.env["PORT"] = str(server.port)
        server.start()
        assert_nothing_left(server)
        assert player.spawn("built")["ports"] == instance["ports"], "the same port again"
        server.close()


@timeout(180)
def test_while_stopping_before_removal():
    crash_while_stopping("before")


@timeout(180)
def test_while_stopping_after_removal():
    crash_while_stopping("after", pool=2)


@timeout(180)
def test_running_instances_are_adopted():
    """The promise: kill -9 and every instance is still there, with port, expiry and owner."""
    Engine().base_image()
    server = Whaley(challenges=["web-notes", "two-tier"])
    server.write_challenge("sleeper", LONG)
    server.start()
    player, other = server.player("10.8.2.1"), server.player("10.8.2.2")
    before = [player.spawn("web-notes"), player.spawn("two-tier"), other.spawn("sleeper")]
    containers = {c["Id"]: c["State"] for c in server.engine.containers(["whaley.instance_id"])}
    server.restart(hard=True)
    after = player.instances() + other.instances()
    for was, now in zip(before, after):
        for key in ("instance_id", "ports", "expires_at", "created_at", "owner_id", "public_urls", "status"):
            assert was[key] == now[key], (key, was[key], now[key])
    assert {c["Id"]: c["State"] for c in server.engine.containers(["whaley.instance_id"])} == containers
    assert server.solve("web-notes", before[0]) and server.solve("two-tier", before[1])
    duplicate = player.try_spawn("web-notes").body
    assert duplicate["code"] == "already_running"
    assert server.api("GET", "/health").body["ports_allocated"] == 3
    for who, instance in ((player, before[0]), (player, before[1]), (other, before[2])):
        who.stop(instance["instance_id"])
    assert_nothing_left(server)
    server.close()


@timeout(180)
def test_egress_outlives_a_restart_and_the_challenge():
    """What an instance may reach is its own, whatever became of its challenge meanwhile."""
    Engine().base_image()
    server = Whaley(challenges=[])
    out = dict(LONG, **{"instance.toml": LONG["instance.toml"] + "egress = true\n"})
    server.write_challenge("sleeper", out)
    server.start()
    server.player("10.8.9.1").spawn("sleeper")

    def let_out():
        rules = subprocess.run(["iptables", "-t", "mangle", "-S", server.env["NETWORK_PREFIX"].upper() + "-FORWARD"],
                               capture_output=True, text=True, check=True).stdout
        return [line for line in rules.splitlines() if line.endswith("-j RETURN") and " -s " in line]

    before = let_out()
    assert len(before) == 1, before
    server.kill9()
    shutil.rmtree(server.challenges_dir / "sleeper")
    server.env["PORT"] = str(server.port)
    server.start()
    assert let_out() == before
    server.close()


@timeout(180)
def test_what_died_meanwhile_is_told_and_cleaned():
    Engine().base_image()
    server = Whaley(challenges=[])
    server.write_challenge("sleeper", LONG)
    server.start()
    player = server.player("10.8.3.1")
    instance = player.spawn("sleeper")
    server.kill9()
    server.engine.kill(server.engine.of_instance(instance["instance_id"])[0]["Id"])
    server.env["PORT"] = str(server.port)
    server.start()
    dead = player.wait_status(instance["instance_id"], "error", 15)
    assert "while Whaley was away" in dead["error_message"]
    assert_nothing_left(server)
    server.close()


@timeout(180)
def test_expired_meanwhile():
    Engine().base_image()
    server = Whaley(challenges=[])
    server.write_challenge("sleeper", SLEEPER)
    server.start()
    player = server.player("10.8.4.1")
    instance = player.spawn("sleeper")
    server.kill9()
    import time
    time.sleep(11)
    server.env["PORT"] = str(server.port)
    server.start()
    wait_for(lambda: player.instance(instance["instance_id"]) is None, 15, "it has expired")
    assert_nothing_left(server)
    server.close()


@timeout(180)
def test_startup_policy_clean():
    Engine().base_image()
    server = Whaley(challenges=[])
    server.write_challenge("sleeper", LONG)
    server.start()
    player = server.player("10.8.5.1")
    player.spawn("sleeper")
    server.env["STARTUP_POLICY"] = "clean"
    server.restart(hard=True)
    assert_nothing_left(server)
    server.close()


@timeout(180)
def test_orphans_without_a_row_are_swept():
    """The database is lost: what carries our prefix goes, what carries another's stays."""
    Engine().base_image()
    server = Whaley(challenges=[])
    server.write_challenge("sleeper", LONG)
    server.start()
    server.player("10.8.6.1").spawn("sleeper")
    server.kill9()
    for file in server.data_dir.glob("whaley.db*"):
        file.unlink()
    foreign = server.engine.request("POST", "/networks/create", {
        "Name": "whaley-foreign-net", "Driver": "bridge", "Labels": {"whaley.managed": "true", "whaley.prefix": "other"},
        "IPAM": {"Config": [{"Subnet": "10.198.0.0/28"}]}})[1]["Id"]
    server.env["PORT"] = str(server.port)
    server.start()
    wait_for(lambda: not server.engine.containers(["whaley.instance_id"]), 20, "the orphan is gone")
    assert server.engine.inspect_network(foreign)["Name"] == "whaley-foreign-net"
    server.close()


def chains(server):
    """Of this Whaley, in both tables."""
    rules = "".join(subprocess.run(["iptables", "-t", table, "-S"], capture_output=True, text=True, check=True).stdout
                    for table in ("filter", "mangle"))
    return sorted({line.split()[1] for line in rules.splitlines()
                   if line.startswith("-N " + server.env["NETWORK_PREFIX"].upper())})


@timeout(180)
def test_firewall_stays_as_long_as_instances_do():
    Engine().base_image()
    server = Whaley(challenges=[])
    server.write_challenge("sleeper", LONG)
    server.start()
    player = server.player("10.8.8.1")
    instance = player.spawn("sleeper")
    both = chains(server)
    assert len(both) == 2, both
    server.terminate()
    assert chains(server) == both, "the instance runs on"
    server.env["PORT"] = str(server.port)
    server.start()
    player.stop(instance["instance_id"])
    server.terminate()
    assert chains(server) == [], "nothing is left to keep apart"
    server.close()


@timeout(180)
def test_graceful_end_leaves_instances():
    Engine().base_image()
    server = Whaley(challenges=[])
    server.write_challenge("sleeper", LONG)
    server.start()
    player = server.player("10.8.7.1")
    instance = player.spawn("sleeper")
    stream = player.sse()
    assert server.terminate() == 0
    assert any(e.type == "notice" and e.data.get("kind") == "restart" for e in stream)
    assert listens(instance["ports"]["4000"])
    server.env["PORT"] = str(server.port)
    server.start()
    assert player.instances()[0]["instance_id"] == instance["instance_id"]
    server.close()


@timeout(180)
def test_what_cannot_be_removed_does_not_keep_whaley_from_starting():
    engine = Engine()
    engine.base_image()
    with EngineProxy(engine) as proxy:
        server = Whaley(challenges=[], env={"DOCKER_HOST": proxy.url, "NETWORK_POOL_SIZE": 0,
                                            "SWEEP_INTERVAL": 5, "SWEEP_WINDOW": 0})
        server.write_challenge("sleeper", LONG)
        server.start()
        server.player("10.8.9.1").spawn("sleeper")
        server.kill9()
        for file in server.data_dir.iterdir():  # the database is lost: all of it is leftovers
            file.unlink()
        proxy.refuse("DELETE", r"/containers/", 500, "device or resource busy", times=1)
        server.start()  # its network is in use as well
        assert "stays for now" in server.log()
        assert_nothing_left(server)
        wait_for(lambda: not engine.networks(), 20, "the network too")
        server.close()


def test_a_database_that_takes_nothing_keeps_no_instance_running():
    server = Whaley(challenges=[])
    server.engine.base_image()
    server.write_challenge("sleeper", LONG)
    server.start()
    player = server.player("10.8.10.1")
    instance_id = player.spawn("sleeper")["instance_id"]
    db = sqlite3.connect(f"{server.data_dir}/whaley.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")  # nobody else can write now
    answer = player.api("DELETE", f"/instances/{instance_id}")
    assert answer.status == 400 and answer.body["code"] == "cleanup_failed", answer
    assert server.engine.of_instance(instance_id) == [], "it is stopped, as the answer says"
    db.execute("ROLLBACK")
    db.close()
    wait_for(lambda: player.instance(instance_id) is None, 40, "it is gone")
    assert_nothing_left(server)
    server.close()
