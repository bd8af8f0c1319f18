"""spawn - Whaley's spawn and stop against the same engine calls made back to back by a bare client.

Three take turns: Whaley with its network pool, Whaley that makes a network for each instance
(NETWORK_POOL_SIZE=0), and the bare client, which makes a network each time too. The image is ready.
"""
import concurrent.futures
import random
import time

import harness
import lib

PAIRS, AT_ONCE, ROUNDS = 12, 10, 4


class Contender:
    """spawn() and stop() of one seat each, and the process whose CPU time is counted, if any."""

    def __init__(self, name, seats, server=None):
        self.name, self.seats, self.server = name, seats, server
        self.spawns, self.stops, self.spawn_rates, self.stop_rates = [], [], [], []
        self.cpu_spawns, self.cpu_stops = [], []

    def settle(self):
        if self.server:
            lib.pool_settled(self.server)

    def cpu(self):
        return lib.cpu_ms(self.server.process.pid) if self.server else 0.0

    def one(self):
        before = self.cpu()
        ms, made = lib.timed(self.seats[0].spawn)
        between = self.cpu()
        self.spawns.append(ms)
        self.cpu_spawns.append(between - before)
        self.settle()
        before = self.cpu()
        self.stops.append(lib.timed(self.seats[0].stop, made)[0])
        self.cpu_stops.append(self.cpu() - before)
        self.settle()

    def many(self, pool):
        ms, made = lib.timed(lambda: list(pool.map(lambda seat: seat.spawn(), self.seats)))
        self.spawn_rates.append(AT_ONCE / ms * 1000)
        self.settle()
        ms, _ = lib.timed(lambda: list(pool.map(lambda pair: pair[0].stop(pair[1]), zip(self.seats, made))))
        self.stop_rates.append(AT_ONCE / ms * 1000)
        self.settle()


def bare_client(server):
    """Seats that repeat what the engine was asked for by Whaley."""
    seat = lib.Seat(server, "10.8.0.250")
    instance = seat.spawn()
    engine = harness.Engine()
    container = engine.inspect(engine.of_instance(instance)[0]["Id"])
    network = engine.inspect_network(container["HostConfig"]["NetworkMode"])
    seat.stop(instance)
    return [lib.BareEngine(container, network, number) for number in range(AT_ONCE)]


def report(figures, pooled, plain, bare):
    for who in (pooled, plain, bare):
        figures.median(f"{who.name}.spawn", who.spawns)
        figures.median(f"{who.name}.stop", who.stops)
    for who, target in ((pooled, 1.0), (plain, 1.3)):
        figures.ratios(f"{who.name}.spawn.of_bare", who.spawns, bare.spawns, at_most=target)
        figures.ratios(f"{who.name}.stop.of_bare", who.stops, bare.stops)
        figures.median(f"{who.name}.spawn.cpu", who.cpu_spawns, at_most=5)
        figures.median(f"{who.name}.stop.cpu", who.cpu_stops)
    for who in (pooled, plain, bare):
        figures.median(f"{who.name}.spawn.at_once", who.spawn_rates, "per s")
        figures.median(f"{who.name}.stop.at_once", who.stop_rates, "per s")
    for who in (pooled, plain):
        figures.ratios(f"{who.name}.spawn.at_once.of_bare", who.spawn_rates, bare.spawn_rates, at_least=0.9)
        figures.ratios(f"{who.name}.stop.at_once.of_bare", who.stop_rates, bare.stop_rates)


def measure(figures):
    servers = [lib.whaley(["tcp-vault"]), lib.whaley(["tcp-vault"], NETWORK_POOL_SIZE="0")]
    contenders = []
    for name, server in zip(("pool", "no_pool"), servers):
        server.start()
        seats = [lib.Seat(server, f"10.8.0.{i + 1}") for i in range(AT_ONCE)]
        seats[0].stop(seats[0].spawn())  # builds the image
        lib.pool_settled(server)
        contenders.append(Contender(name, seats, server))
    bare = Contender("bare", bare_client(servers[1]))
    contenders.append(bare)
    bare.seats[0].stop(bare.seats[0].spawn())
    order = random.Random(7)
    for _ in range(PAIRS):
        for who in order.sample(contenders, len(contenders)):
            who.one()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(ROUNDS):
            for who in order.sample(contenders, len(contenders)):
                who.many(pool)
                time.sleep(0.2)
    report(figures, *contenders)
