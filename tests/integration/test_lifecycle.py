"""What players do, end to end: the real binary, the real engine, the bundled challenges."""
import concurrent.futures
import socket
import threading
import time

from harness import Engine, Whaley, timeout, wait_for

SLEEPER = {
    "instance.toml": 'id = "sleeper"\nname = "Sleeper"\ncategory = "misc"\nports = [4000]\n'
                     "timeout = 10\nextend_time = 5\n",
    "compose.yaml": 'services:\n  app:\n    image: whaley/base:busybox\n    ports: ["4000"]\n'
                    '    command: ["sh", "-c", "exec nc -ll -p 4000 -e cat"]\n',
}


def whaley(challenges=(), env=None, own=()):
    Engine().base_image()
    server = Whaley(challenges=list(challenges), env=env)
    for name, files in own:
        server.write_challenge(name, files)
    return server


def listens(port):
    """Whether an instance answers there: the engine's proxy alone accepts and closes at once."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as sock:
            sock.settimeout(0.2)
            try:
                return sock.recv(1) != b""
            except socket.timeout:
                return True
    except OSError:
        return False


def flow(name):
    with whaley([name]) as server:
        player = server.player("10.1.1.1")
        assert [c["id"] for c in player.challenges()] == [name]
        assert player.instances() == []
        instance = player.spawn(name)
        assert instance["status"] == "running" and instance["phase"] == "running"
        assert instance["container_ids"] == [] and instance["network_name"] is None
        assert server.solve(name, instance).startswith("FLAG{")
        assert [i["instance_id"] for i in player.instances()] == [instance["instance_id"]]
        assert player.instance(instance["instance_id"])["ports"] == instance["ports"]

        stranger = server.player("10.1.1.2")
        assert stranger.instances() == []
        assert stranger.api("GET", f"/instances/{instance['instance_id']}").status == 403
        assert stranger.api("DELETE", f"/instances/{instance['instance_id']}").status == 400
        early = player.extend(instance["instance_id"])
        assert early.status == 400 and early.body["code"] == "too_early", early.body

        assert player.stop(instance["instance_id"])["success"] is True
        assert player.instances() == []
        assert player.instance(instance["instance_id"]) is None
        server.assert_clean()


def test_player_flow_web_notes():
    flow("web-notes")


def test_player_flow_tcp_vault():
    flow("tcp-vault")


def test_player_flow_two_tier():
    flow("two-tier")


def test_same_ports_again():
    with whaley(["web-notes"]) as server:
        player, other = server.player("10.1.2.1"), server.player("10.1.2.2")
        first = player.spawn("web-notes")
        player.stop(first["instance_id"])
        other.spawn("web-notes")
        again = player.spawn("web-notes")
        assert again["ports"] == first["ports"]
        assert again["instance_id"] != first["instance_id"]


@timeout(240)
def test_thirty_owners_at_once():
    with whaley(own=[("sleeper", dict(SLEEPER, **{
            "instance.toml": SLEEPER["instance.toml"].replace("timeout = 10", "timeout = 600")}))]) as server:
        players = [server.player(f"10.2.0.{n}") for n in range(1, 31)]
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            instances = list(pool.map(lambda p: p.spawn("sleeper"), players))
        ports = {i["ports"]["4000"] for i in instances}
        assert len(ports) == 30, "every instance has a port of its own"
        assert len({i["instance_id"] for i in instances}) == 30
        assert all(listens(port) for port in ports)
        health = server.api("GET", "/health").body
        assert health["active_instances"] == 30 and health["ports_allocated"] == 30
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            list(pool.map(lambda pair: pair[0].stop(pair[1]["instance_id"]), zip(players, instances)))
        server.assert_clean()
        assert server.api("GET", "/health").body["ports_allocated"] == 0


@timeout(240)
def test_one_owner_ten_at_once():
    """Limits and duplicates are exact, whatever arrives together."""
    own = [(f"s{n}", {k: v.replace("sleeper", f"s{n}").replace("timeout = 10", "timeout = 600")
                      for k, v in SLEEPER.items()}) for n in range(5)]
    with whaley(own=own, env={"MAX_INSTANCES_PER_USER": 3}) as server:
        player = server.player("10.2.1.1")
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            answers = [a.body for a in pool.map(lambda n: player.try_spawn(f"s{n % 5}"), range(10))]
        started = [a for a in answers if a["success"]]
        refused = [a["code"] for a in answers if not a["success"]]
        assert len(started) == 3, answers
        assert len({a["instance"]["challenge_id"] for a in started}) == 3
        assert len(refused) == 7 and set(refused) <= {"already_running", "limit_reached"}, refused
        assert len(player.instances()) == 3
        duplicate = player.try_spawn(started[0]["instance"]["challenge_id"])
        assert duplicate.status == 200 and duplicate.body["code"] == "already_running"


def test_async_spawn_and_idempotency():
    with whaley(["web-notes", "tcp-vault"]) as server:
        player = server.player("10.1.3.1")
        first = player.spawn_async("web-notes", {"Idempotency-Key": "abc123"})
        assert first["status"] == "starting"
        again = player.spawn_async("web-notes", {"Idempotency-Key": "abc123"})
        assert again["instance_id"] == first["instance_id"]
        other = player.try_spawn("tcp-vault", {"Idempotency-Key": "abc123"})
        assert other.status == 422 and other.body["code"] == "invalid", other
        running = player.wait_status(first["instance_id"])
        assert running["endpoints"][0]["port"] == running["ports"]["8080"]


def test_expiry_is_exact_and_extension_moves_it():
    with whaley(own=[("sleeper", SLEEPER)]) as server:
        player, other = server.player("10.3.0.1"), server.player("10.3.0.2")
        kept, left = player.spawn("sleeper"), other.spawn("sleeper")
        began = time.time()
        refused = player.extend(kept["instance_id"])
        assert refused.status == 400 and refused.body["code"] == "too_early"
        wait_for(lambda: player.extend(kept["instance_id"]).status == 200, 8, "extension after half the time", 0.2)
        wait_for(lambda: other.instance(left["instance_id"]) is None, 12, "the other one expired", 0.1)
        assert 9 < time.time() - began < 14
        assert player.instance(kept["instance_id"])["status"] == "running"
        wait_for(lambda: player.extend(kept["instance_id"]).body.get("code") != "too_early", 8, "second step", 0.2)
        assert player.extend(kept["instance_id"]).body["code"] == "extend_cap"
        wait_for(lambda: player.instance(kept["instance_id"]) is None, 25, "it expired as well")
        server.assert_clean()


def test_container_death_is_shown_with_its_last_lines():
    files = dict(SLEEPER)
    files["compose.yaml"] = files["compose.yaml"].replace(
        "exec nc", "echo this-is-my-last-line; exec nc").replace("sleeper", "dying")
    files["instance.toml"] = files["instance.toml"].replace("sleeper", "dying").replace("= 10", "= 600")
    with whaley(own=[("dying", files)]) as server:
        player = server.player("10.3.1.1")
        stream = player.sse()
        instance = player.spawn("dying")
        server.engine.kill(server.engine.of_instance(instance["instance_id"])[0]["Id"])
        event = stream.wait_for(lambda e: e.type == "instance" and e.data["status"] == "error", 10)
        assert event.data["instance_id"] == instance["instance_id"]
        dead = player.wait_status(instance["instance_id"], "error", 10)
        assert "exit code 137" in dead["error_message"] and "this-is-my-last-line" in dead["error_message"]
        assert dead["error"]["code"] == "container_died"
        server.assert_clean()
        # It does not stand in the way, and can be dismissed or simply started again.
        again = player.spawn("dying")
        assert again["status"] == "running"
        assert [i["instance_id"] for i in player.instances()] == [again["instance_id"]]


def test_a_service_that_never_listens_fails_with_its_last_lines():
    files = {
        "instance.toml": 'id = "deaf"\nports = [4000]\ntimeout = 600\n',
        "compose.yaml": 'services:\n  app:\n    image: whaley/base:busybox\n    ports: ["4000"]\n'
                        '    command: ["sh", "-c", "echo cannot-open-the-door; exit 3"]\n',
    }
    silent = {k: v.replace("deaf", "silent").replace("echo cannot-open-the-door; exit 3", "sleep 600")
              for k, v in files.items()}
    with whaley(own=[("deaf", files), ("silent", silent)], env={"READY_TIMEOUT": 2}) as server:
        player = server.player("10.3.2.1")
        failed = player.try_spawn("deaf").body
        assert failed["success"] is False and failed["code"] == "container_died", failed
        assert "cannot-open-the-door" in failed["message"]
        failed = player.try_spawn("silent").body
        assert failed["code"] == "not_ready" and "4000" in failed["message"], failed
        server.assert_clean()


def test_a_service_that_gives_up_after_its_restarts_is_shown():
    def challenge(name, policy, command):
        return name, {
            "instance.toml": f'id = "{name}"\nports = [4000]\ntimeout = 600\n',
            "compose.yaml": 'services:\n  app:\n    image: whaley/base:busybox\n    ports: ["4000"]\n'
                            f'    restart: {policy}\n    command: ["sh", "-c", "{command}"]\n',
        }
    # The command runs again and again: its first lines are no help, its last are.
    own = [challenge("crashing", "always", "nc -ll -p 4000 -e cat & sleep 1; echo out-of-luck; exit 3"),
           challenge("hopeless", "unless-stopped", "echo no-luck-at-all; exit 4")]
    with whaley(own=own) as server:
        player = server.player("10.3.3.1")
        instance = player.spawn("crashing")
        container = server.engine.of_instance(instance["instance_id"])[0]["Id"]
        policy = server.engine.request("GET", f"/containers/{container}/json")[1]["HostConfig"]["RestartPolicy"]
        assert policy == {"Name": "on-failure", "MaximumRetryCount": 3}, policy
        dead = player.wait_status(instance["instance_id"], "error", 30)
        assert "exit code 3" in dead["error_message"] and "out-of-luck" in dead["error_message"], dead
        assert dead["error"]["code"] == "container_died"
        failed = player.try_spawn("hopeless").body
        assert failed["success"] is False and failed["code"] == "container_died", failed
        assert "exit code 4" in failed["message"] and "no-luck-at-all" in failed["message"], failed
        server.assert_clean()


def test_a_helper_may_end():
    files = dict(SLEEPER, **{
        "instance.toml": SLEEPER["instance.toml"].replace("timeout = 10", "timeout = 600"),
        "compose.yaml": SLEEPER["compose.yaml"] + "  seed:\n    image: whaley/base:busybox\n"
                                                  '    command: ["sh", "-c", "sleep 1; exit $$CODE"]\n'
                                                  "    environment: [CODE=0]\n"})
    worse = dict(files, **{"instance.toml": files["instance.toml"].replace('"sleeper"', '"worse"'),
                           "compose.yaml": files["compose.yaml"].replace("CODE=0", "CODE=3")})
    with whaley(own=[("sleeper", files), ("worse", worse)]) as server:
        player = server.player("10.1.13.1")
        instance = player.spawn("sleeper")
        bad = player.spawn("worse")
        player.wait_status(bad["instance_id"], "error", 10)
        assert player.instance(instance["instance_id"])["status"] == "running"
        helper = server.engine.of_instance(instance["instance_id"])
        assert sorted(c["State"] for c in helper) == ["exited", "running"], helper
        app = [c for c in helper if c["State"] == "running"][0]
        server.engine.request("POST", f"/containers/{app['Id']}/pause")  # by an organiser who looks at it
        server.restart(hard=True)
        assert player.instance(instance["instance_id"])["status"] == "running"
        server.engine.request("POST", f"/containers/{app['Id']}/unpause")
        assert listens(instance["ports"]["4000"])


def test_a_build_tells_players_nothing_but_the_step():
    files = dict(SLEEPER, **{
        "compose.yaml": 'services:\n  app:\n    build: .\n    ports: ["4000"]\n',
        "Dockerfile": "FROM whaley/base:busybox\nRUN sleep 1; echo 'FLAG{in the log}' | tee /flag\n"
                      "RUN sleep 1; cat /flag\nRUN echo 'FLAG{in the error}' && false\n"})
    with whaley(own=[("sleeper", files)]) as server:
        player = server.player("10.1.12.1")
        stream = player.sse()
        player.spawn_async("sleeper")
        seen = []
        stream.wait_for(lambda e: seen.append(e.data) or e.data.get("status") == "error", 30, "it fails")
        seen.append(player.try_spawn("sleeper").body)
        assert "FLAG{" not in str(seen), seen
        assert any(e.get("phase_detail", "").startswith("step ") for e in seen), seen
        assert seen[-1]["code"] == "build_failed", seen[-1]
        assert "FLAG{in the error}" in server.log()


def test_a_build_step_is_limited():
    files = {
        "instance.toml": 'id = "built"\nports = [4000]\ntimeout = 600\n',
        "compose.yaml": 'services:\n  app:\n    build: .\n    ports: ["4000"]\n'
                        '    command: ["nc", "-ll", "-p", "4000", "-e", "cat", "/limit"]\n',
        "Dockerfile": "FROM whaley/base:busybox\nRUN cat /sys/fs/cgroup/memory.max"
                      " /sys/fs/cgroup/memory/memory.limit_in_bytes > /limit 2>/dev/null || true\n",
    }
    with whaley(own=[("built", files)], env={"BUILD_MAX_MEMORY": "64m", "BUILD_MAX_CPU": "0.5"}) as server:
        player = server.player("10.3.4.1")
        instance = player.spawn("built")
        with socket.create_connection(("127.0.0.1", instance["ports"]["4000"]), timeout=5) as sock:
            assert sock.recv(100).strip() == b"67108864"
        player.stop(instance["instance_id"])
        server.assert_clean()


def test_events_with_reconnect():
    with whaley(["web-notes"]) as server:
        player, other = server.player("10.4.0.1"), server.player("10.4.0.2")
        stream, elsewhere = player.sse(), other.sse()
        assert stream.next().type == "snapshot"
        assert elsewhere.next().type == "snapshot"
        instance = player.spawn_async("web-notes")
        stream.wait_for(lambda e: e.type == "instance" and e.data["phase"] == "running", 60)
        seen = stream.last_id
        stream.close()
        player.stop(instance["instance_id"])
        resumed = player.sse(last_event_id=seen)
        gone = resumed.wait_for(lambda e: e.type == "gone", 10)
        assert gone.data["instance_id"] == instance["instance_id"]
        assert int(gone.id) > int(seen)
        # Another owner has heard nothing of it.
        other.spawn("web-notes")
        event = elsewhere.wait_for(lambda e: e.type in ("instance", "gone"), 30)
        assert event.data["instance_id"] != instance["instance_id"]
        streams = [player.sse() for _ in range(3)]
        assert sorted(s.status for s in streams) == [200, 200, 429]


def test_cancel_while_starting():
    files = {
        "instance.toml": 'id = "slow"\nports = [4000]\ntimeout = 600\n',
        "compose.yaml": 'services:\n  app:\n    image: whaley/base:busybox\n    ports: ["4000"]\n'
                        '    command: ["sh", "-c", "sleep 600"]\n',
    }
    with whaley(own=[("slow", files)]) as server:
        player = server.player("10.4.1.1")
        instance = player.spawn_async("slow")
        wait_for(lambda: player.instance(instance["instance_id"])["phase"] == "routing", 20, "it waits")
        assert player.stop(instance["instance_id"])["success"] is True
        assert player.instances() == []
        server.assert_clean()


def test_instances_cannot_reach_each_other_or_the_host():
    with whaley(own=[("sleeper", dict(SLEEPER, **{
            "instance.toml": SLEEPER["instance.toml"].replace("timeout = 10", "timeout = 600")}))]) as server:
        engine = server.engine
        one, two = server.player("10.5.0.1").spawn("sleeper"), server.player("10.5.0.2").spawn("sleeper")
        containers = [engine.inspect(engine.of_instance(i["instance_id"])[0]["Id"]) for i in (one, two)]
        networks = [next(iter(c["NetworkSettings"]["Networks"].values())) for c in containers]
        assert networks[0]["NetworkID"] != networks[1]["NetworkID"]

        def reach(host, port):
            out = engine.execute(containers[0]["Id"], ["sh", "-c", f"echo hi | nc -w 2 {host} {port} && echo REACHED"])
            return b"REACHED" in out

        assert reach("127.0.0.1", 4000), "the probe itself works"
        assert not reach(networks[1]["IPAddress"], 4000), "the neighbour's container"
        assert not reach(networks[0]["Gateway"], two["ports"]["4000"]), "the neighbour's published port"
        assert not reach(networks[0]["Gateway"], server.port), "a service of the host"
        assert not reach("169.254.169.254", 80), "the metadata address"
        assert server.api("GET", "/health").body["status"] == "healthy"
        host = containers[0]["HostConfig"]
        assert host["CapDrop"] == ["ALL"] and not host["Privileged"] and not host["Binds"]
        assert host["Dns"] == ["127.0.0.1"], "no question leaves by the host's own resolver"
        assert host["Memory"] == host["MemorySwap"] == 384 << 20 and host["PidsLimit"] == 256
        assert "no-new-privileges:true" in host["SecurityOpt"]


@timeout(180)
def test_isolation_holds_while_the_engine_rewrites_its_rules():
    """Making a network takes the engine's own isolation out for a moment; ours must not need it."""
    long = dict(SLEEPER, **{"instance.toml": SLEEPER["instance.toml"].replace("timeout = 10", "timeout = 600")})
    with whaley(own=[("sleeper", long)]) as server:
        engine = server.engine
        one, two = server.player("10.5.3.1").spawn("sleeper"), server.player("10.5.3.2").spawn("sleeper")
        probe, target = (engine.of_instance(i["instance_id"])[0]["Id"] for i in (one, two))
        address = next(iter(engine.inspect(target)["NetworkSettings"]["Networks"].values()))["IPAddress"]
        done = threading.Event()

        def rewrite():
            for n in range(40):
                made = engine.request("POST", "/networks/create", {
                    "Name": f"whaley-busy-{n}", "Driver": "bridge", "Labels": {"whaley.managed": "true"},
                    "IPAM": {"Config": [{"Subnet": f"10.197.{n}.0/28"}]}})[1]["Id"]
                engine.remove_network(made)
            done.set()

        thread = threading.Thread(target=rewrite, daemon=True)
        thread.start()
        # The moments are short: ten loops of impatient clients at once find them.
        knock = f"i=0; while [ $i -lt 4 ]; do timeout -s KILL 0.03 nc {address} 4000 </dev/null && echo REACHED; " \
                f"echo hi | timeout -s KILL 0.03 nc {address} 4000; i=$((i+1)); done"
        rounds = 0
        while not done.is_set():
            out = engine.execute(probe, ["sh", "-c", f"for j in 0 1 2 3 4 5 6 7 8 9; do ( {knock} ) & done; wait"])
            rounds += 1
            assert b"REACHED" not in out and b"hi" not in out, "the neighbour was reached"
        thread.join()
        assert rounds >= 2


def test_services_of_one_instance_reach_each_other():
    with whaley(["two-tier"]) as server:
        instance = server.player("10.5.1.1").spawn("two-tier")
        front = next(c for c in server.engine.of_instance(instance["instance_id"])
                     if c["Labels"]["com.docker.compose.service"] == "front")
        out = server.engine.execute(front["Id"], ["sh", "-c", "nc -w 2 vault 9000 </dev/null && echo REACHED"])
        assert b"REACHED" in out


def test_bound_files_are_private_copies():
    files = {
        "instance.toml": 'id = "copies"\nports = [4000]\ntimeout = 600\n',
        "compose.yaml": 'services:\n  app:\n    image: whaley/base:busybox\n    ports: ["4000"]\n'
                        '    volumes: ["./data:/srv/data"]\n'
                        '    command: ["sh", "-c", "exec nc -ll -p 4000 -e cat /srv/data/note.txt"]\n',
        "data/note.txt": "private copy\n",
    }
    with whaley(own=[("copies", files)]) as server:
        instance = server.player("10.5.2.1").spawn("copies")
        container = server.engine.of_instance(instance["instance_id"])[0]["Id"]
        assert server.engine.inspect(container)["HostConfig"]["Binds"] in (None, [])
        with socket.create_connection(("127.0.0.1", instance["ports"]["4000"]), timeout=5) as sock:
            assert sock.recv(100) == b"private copy\n"
        server.engine.execute(container, ["sh", "-c", "echo changed > /srv/data/note.txt"])
        assert (server.challenges_dir / "copies/data/note.txt").read_text() == "private copy\n"
        mounts = server.engine.execute(container, ["cat", "/proc/self/mountinfo"]).decode()
        assert str(server.challenges_dir) not in mounts


def test_ports_and_subnets_run_out_kindly():
    sleeper = dict(SLEEPER, **{"instance.toml": SLEEPER["instance.toml"].replace("timeout = 10", "timeout = 600")})
    with whaley(own=[("sleeper", sleeper)], env={"PORT_RANGE_END": None}) as server:
        pass
    start = int(server.env["PORT_RANGE_START"])
    with whaley(own=[("sleeper", sleeper)],
                env={"PORT_RANGE_START": start, "PORT_RANGE_END": start + 1, "NETWORK_POOL_SIZE": 0}) as server:
        for n in (1, 2):
            server.player(f"10.6.0.{n}").spawn("sleeper")
        full = server.player("10.6.0.3").try_spawn("sleeper").body
        assert full["success"] is False and full["code"] == "no_ports", full
    with whaley(own=[("sleeper", sleeper)], env={
            "NETWORK_SUBNET_BASE": "10.199.0.0/27", "NETWORK_SUBNET_PREFIX": 28, "NETWORK_POOL_SIZE": 0}) as server:
        for n in (1, 2):
            server.player(f"10.6.1.{n}").spawn("sleeper")
        full = server.player("10.6.1.3").try_spawn("sleeper").body
        assert full["success"] is False and full["code"] == "no_subnets", full
        assert server.api("GET", "/health").body["ports_allocated"] == 2, "the failed one left nothing"


def test_a_port_somebody_else_has_is_avoided():
    sleeper = dict(SLEEPER, **{"instance.toml": SLEEPER["instance.toml"].replace("timeout = 10", "timeout = 600")})
    with whaley(own=[("sleeper", sleeper)]) as server:
        player = server.player("10.6.2.1")
        first = player.spawn("sleeper")
        port = first["ports"]["4000"]
        player.stop(first["instance_id"])
        with socket.socket() as taken:
            wait_for(lambda: taken.bind(("127.0.0.1", port)) is None, 5, "the port is free again")
            taken.listen()
            second = player.spawn("sleeper")
            assert second["ports"]["4000"] != port


def test_many_networks():
    """More networks than the engine's own 30 address pools hold (decisions B7)."""
    sleeper = {
        "instance.toml": 'id = "many"\nports = [4000]\ntimeout = 600\n',
        "compose.yaml": "networks:\n  a: {}\n  b: {}\nservices:\n  app:\n    image: whaley/base:busybox\n"
                        '    ports: ["4000"]\n    networks: [a, b]\n'
                        '    command: ["sh", "-c", "exec nc -ll -p 4000 -e cat"]\n',
    }
    with whaley(own=[("many", sleeper)]) as server:
        players = [server.player(f"10.7.0.{n}") for n in range(1, 18)]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            instances = list(pool.map(lambda p: p.spawn("many"), players))
        assert all(listens(i["ports"]["4000"]) for i in instances)
        attached = server.engine.inspect(server.engine.of_instance(instances[0]["instance_id"])[0]["Id"])
        assert len(attached["NetworkSettings"]["Networks"]) == 2


def test_subnets_of_others_are_avoided_while_they_have_them():
    with whaley(env={"NETWORK_POOL_SIZE": 0, "NETWORK_SUBNET_PREFIX": 24, "SWEEP_INTERVAL": 5,
                     "NETWORK_SUBNET_BASE": "10.198.0.0/23"}, own=[("sleeper", SLEEPER)]) as server:
        player = server.player("10.1.14.1")
        taken = server.engine.request("POST", "/networks/create", {
            "Name": "whaley-test-other", "IPAM": {"Config": [{"Subnet": "10.198.0.0/23"}]}})[1]["Id"]
        try:
            assert player.try_spawn("sleeper").body["code"] in ("no_subnets", "network_failed")
        finally:
            server.engine.remove_network(taken)
        wait_for(lambda: player.try_spawn("sleeper").body["success"], 30, "its subnets are free again")
