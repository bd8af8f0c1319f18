"""The engine goes away, comes back, refuses, or is not there at all."""
from engine_proxy import EngineProxy
from harness import Engine, Whaley, timeout, wait_for
from test_crash import BUILT, LONG, assert_nothing_left
from test_lifecycle import listens


def server_with(files=None, **env):
    Engine().base_image()
    server = Whaley(challenges=[], env=env)
    server.write_challenge("sleeper", files or LONG)
    return server


@timeout(180)
def test_engine_restart():
    server = server_with()
    server.start()
    player = server.player("10.9.0.1")
    instance = player.spawn("sleeper")
    server.engine.restart()  # an orderly restart stops the containers
    dead = player.wait_status(instance["instance_id"], "error", 30)
    assert dead["error"]["code"] == "container_died"
    wait_for(lambda: server.api("GET", "/health").body["status"] == "healthy", 30, "healthy again")
    again = player.spawn("sleeper")
    assert listens(again["ports"]["4000"])
    player.stop(again["instance_id"])
    assert_nothing_left(server)
    server.close()


@timeout(180)
def test_engine_gone_for_a_while():
    server = server_with()
    server.start()
    player = server.player("10.9.1.1")
    server.engine.crash()
    wait_for(lambda: server.api("GET", "/health").body["status"] == "degraded", 20, "it says so")
    refused = player.try_spawn("sleeper")
    assert refused.body["code"] == "docker_unavailable", refused
    assert player.instances() == []
    server.engine.start_again()
    wait_for(lambda: server.api("GET", "/health").body["status"] == "healthy", 30, "healthy again")
    assert player.spawn("sleeper")["status"] == "running"
    server.close()


def test_no_engine_at_all():
    server = Whaley(challenges=[], env={"DOCKER_HOST": "unix:///nonexistent/docker.sock"})
    assert server.start(expect_exit=True, seconds=40) == 1
    assert "/nonexistent/docker.sock" in server.log()
    server.close()


def test_a_refused_start_undoes_everything():
    engine = Engine()
    engine.base_image()
    with EngineProxy(engine) as proxy:
        server = Whaley(challenges=[], env={"DOCKER_HOST": proxy.url})
        server.write_challenge("sleeper", LONG)
        server.start()
        player = server.player("10.9.2.1")
        proxy.refuse("POST", r"/containers/[0-9a-f]+/start", 500, "no luck today")
        failed = player.try_spawn("sleeper").body
        assert failed["success"] is False and failed["code"] == "compose_failed", failed
        assert "no luck today" not in str(failed), "the engine's own words are for the log"
        assert "no luck today" in server.log()
        assert_nothing_left(server)
        proxy.refuse("POST", r"/containers/create", 500, "nor now")
        assert player.try_spawn("sleeper").body["success"] is False
        assert_nothing_left(server)
        # A port that is taken is tried again with another one, at most three times.
        taken = proxy.refuse("POST", r"/containers/[0-9a-f]+/start", 500,
                             "driver failed: Bind for 127.0.0.1:1 failed: port is already allocated", times=2)
        assert player.spawn("sleeper")["status"] == "running"
        assert taken.times == 0
        server.close()


def test_a_removal_that_fails_is_tried_again():
    engine = Engine()
    engine.base_image()
    with EngineProxy(engine) as proxy:
        server = Whaley(challenges=[], env={"DOCKER_HOST": proxy.url})
        server.write_challenge("sleeper", LONG)
        server.start()
        player = server.player("10.9.3.1")
        instance = player.spawn("sleeper")
        proxy.refuse("DELETE", r"/containers/", 500, "not now")
        answer = player.api("DELETE", f"/instances/{instance['instance_id']}")
        assert answer.status == 400, answer
        assert player.instance(instance["instance_id"])["status"] == "stopping"
        wait_for(lambda: player.instance(instance["instance_id"]) is None, 30, "it is gone after all")
        assert_nothing_left(server)
        server.close()


def test_a_slow_sweep_does_not_hold_up_expiry():
    engine = Engine()
    engine.base_image()
    with EngineProxy(engine) as proxy:
        server = Whaley(challenges=[], env={"DOCKER_HOST": proxy.url, "SWEEP_INTERVAL": 5})
        server.write_challenge("sleeper", dict(LONG, **{
            "instance.toml": LONG["instance.toml"].replace("timeout = 600", "timeout = 10")}))
        server.start()
        player = server.player("10.9.4.1")
        player.spawn("sleeper")
        stream = player.sse()
        gate = proxy.hold("GET", r"/containers/json", when="before")
        gate.wait(10)  # the sweep asks, and gets no answer
        stream.wait_for(lambda e: e.type == "gone", 12, "it expires all the same")
        gate.open()
        server.close()


def test_an_image_that_was_removed_is_built_again():
    server = server_with(BUILT)
    server.start()
    player = server.player("10.9.5.1")
    first = player.spawn("built")
    player.stop(first["instance_id"])
    for image in server.engine.images("whaley/built/app"):
        server.engine.request("DELETE", f"/images/{image['Id']}", query={"force": 1})
    assert listens(player.spawn("built")["ports"]["4000"])
    server.close()
