"""The bundled challenges against the engine alone: they build offline, listen at once, live within
the limits Whaley sets, are solvable, and take a flag from outside."""
import pathlib
import re
import socket
import time

from harness import ROOT, Engine, solve, wait_for

CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "KILL", "NET_BIND_SERVICE", "SYS_CHROOT",
                "FSETID"]
LABEL = "whaley.test.challenges"
# challenge -> (services in start order: name -> folder, the published one, its port)
CHALLENGES = {
    "web-notes": ({"web": "."}, "web", 8080),
    "tcp-vault": ({"vault": "."}, "vault", 1337),
    "two-tier": ({"vault": "vault", "front": "front"}, "front", 8080),
}


class Stack:
    """One challenge, started by hand the way Whaley starts it."""

    def __init__(self, name, flag=None):
        self.engine, self.name = Engine(), name
        self.services, self.published, self.inner = CHALLENGES[name]
        self.env = [f"FLAG={flag or ''}"]

    def __enter__(self):
        self.clean()
        self.engine.base_image()
        self.engine.request("POST", "/networks/create", {
            "Name": "whaley-test-net", "Driver": "bridge", "Labels": {LABEL: "1"},
            "IPAM": {"Config": [{"Subnet": "10.199.0.0/28"}]},
            "Options": {"com.docker.network.bridge.enable_ip_masquerade": "false"}})
        for service, folder in self.services.items():
            self.start(service, ROOT / "challenges" / self.name / folder)
        return self

    def start(self, service, folder):
        tag = f"whaley-test/{self.name}-{service}"
        self.engine.build(folder, tag)
        body = {
            "Image": tag, "Env": self.env, "Labels": {LABEL: "1"},
            "HostConfig": {
                "NetworkMode": "whaley-test-net", "CapDrop": ["ALL"], "CapAdd": CAPABILITIES,
                "SecurityOpt": ["no-new-privileges:true"], "NanoCpus": 500_000_000, "Memory": 384 << 20,
                "MemorySwap": 384 << 20, "PidsLimit": 256},
            "NetworkingConfig": {"EndpointsConfig": {"whaley-test-net": {"Aliases": [service]}}}}
        if service == self.published:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            body["ExposedPorts"] = {f"{self.inner}/tcp": {}}
            body["HostConfig"]["PortBindings"] = {
                f"{self.inner}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(self.port)}]}
        made = self.engine.request("POST", "/containers/create", body)[1]["Id"]
        self.engine.request("POST", f"/containers/{made}/start")
        self.started = time.monotonic()
        if service == self.published:
            self.pid = self.engine.inspect(made)["State"]["Pid"]

    def wait_listening(self):
        """Looks into the container's own socket table: the engine's proxy accepts before it listens."""
        def listens():
            tables = (pathlib.Path(f"/proc/{self.pid}/net/{name}").read_text() for name in ("tcp", "tcp6"))
            return any(re.search(rf":{self.inner:04X} \S+ 0A ", table) for table in tables)
        wait_for(listens, 5, f"{self.name} listens", every=0.005)
        return time.monotonic() - self.started

    def clean(self):
        for container in self.engine.containers([LABEL]):
            self.engine.remove(container["Id"])
        for network in self.engine.networks([LABEL]):
            self.engine.remove_network(network["Id"])

    def __exit__(self, *_):
        self.clean()


def check(name):
    with Stack(name) as stack:
        seconds = stack.wait_listening()
        # A new challenge should be up long before anybody notices; half a second leaves room for
        # a busy machine.
        assert seconds < 0.5, f"{name} took {seconds:.2f} s to listen"
        flag = solve(name, "127.0.0.1", stack.port)
        placeholder = [p for p in (ROOT / "challenges" / name).rglob("flag") if p.read_text().strip() == flag]
        assert placeholder, f"{flag} is not the flag of {name}"
        assert flag not in pathlib.Path(ROOT / "challenges" / name / "solve.py").read_text(), "hard-coded"
    with Stack(name, "CTF{from-outside_1}") as stack:
        stack.wait_listening()
        assert solve(name, "127.0.0.1", stack.port) == "CTF{from-outside_1}"


def test_web_notes():
    check("web-notes")


def test_tcp_vault():
    check("tcp-vault")


def test_two_tier():
    check("two-tier")


def test_every_bundled_challenge_is_tested():
    assert sorted(p.parent.name for p in (ROOT / "challenges").glob("*/instance.toml")) == sorted(CHALLENGES)
