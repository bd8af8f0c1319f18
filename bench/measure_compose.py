"""compose - Whaley's spawn against what an instancer that shells out does for each player.

`up -d --build` with a flag file of the player's own (what such instancers run), `up -d` with the image
ready, and `down`. For docker-compose and for `docker compose`, where they are installed.
"""
import os
import pathlib
import resource
import secrets
import shutil
import subprocess
import tempfile

import lib

ROUNDS = 4


class Compose:
    def __init__(self, name, command):
        self.name, self.command = name, command
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="whaley-compose-"))
        shutil.copytree(lib.ROOT / "challenges/tcp-vault", self.folder / "vault")
        (self.folder / "vault/compose.yaml").write_text(
            'version: "3"\nservices:\n  vault:\n    build: .\n    ports: ["127.0.0.1:45900:1337"]\n')
        self.ups, self.builds, self.downs, self.cpu_ups = [], [], [], []

    def run(self, *args):
        """Milliseconds of wall clock, and of the client's own CPU."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ms, done = lib.timed(lambda: subprocess.run(
            [*self.command, "-f", "compose.yaml", "-p", "benchcompose", *args], cwd=self.folder / "vault",
            env={**os.environ, "DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"},
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise AssertionError(f"{self.name} {' '.join(args)}: {(done.stderr or done.stdout)[-600:]}")
        return ms, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000

    def down(self):
        return self.run("down", "-t", "0", "-v")[0]

    def round(self):
        (self.folder / "vault/flag").write_text(f"FLAG{{{secrets.token_hex(8)}}}\n")
        self.builds.append(self.run("up", "-d", "--build")[0])
        self.down()
        ms, cpu = self.run("up", "-d")
        self.ups.append(ms)
        self.cpu_ups.append(cpu)
        self.downs.append(self.down())

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def installed():
    found = []
    if lib.program("docker-compose"):
        found.append(Compose("docker-compose", ["docker-compose"]))
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        found.append(Compose("docker_compose", ["docker", "compose"]))
    return found


def take_turns(figures, server, seat, tool):
    spawns, stops = [], []
    tool.run("up", "-d", "--build")  # its first build also reads the base image
    tool.down()
    for _ in range(ROUNDS):
        ms, made = lib.timed(seat.spawn)
        spawns.append(ms)
        lib.pool_settled(server)
        stops.append(lib.timed(seat.stop, made)[0])
        lib.pool_settled(server)
        tool.round()
    figures.median("whaley.spawn", spawns)
    figures.median("whaley.stop", stops)
    figures.median(f"{tool.name}.up", tool.ups)
    figures.median(f"{tool.name}.up.cpu", tool.cpu_ups)
    figures.median(f"{tool.name}.up_build", tool.builds)
    figures.median(f"{tool.name}.down", tool.downs)
    figures.ratios(f"{tool.name}.up.of_spawn", tool.ups, spawns)
    figures.ratios(f"{tool.name}.down.of_stop", tool.downs, stops)
    figures.ratios(f"{tool.name}.up_build.of_spawn", tool.builds, spawns, at_least=2.4)


def measure(figures):
    tools = installed()
    if not tools:
        lib.say("neither docker-compose nor `docker compose` is installed; nothing to compare with")
        return
    with lib.whaley(["tcp-vault"]) as server:
        seat = lib.Seat(server, "10.6.6.6")
        seat.stop(seat.spawn())
        lib.pool_settled(server)
        for tool in tools:
            try:
                take_turns(figures, server, seat, tool)
            finally:
                tool.close()
