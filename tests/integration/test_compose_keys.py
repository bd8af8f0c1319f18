"""Every supported compose key on the real engine: what the engine says of the container, and what is
seen inside. Several keys share a challenge, so that the file stays quick."""
import time

from harness import Engine, Whaley, wait_for

LISTEN = '["sh", "-c", "exec nc -ll -p 4000 -e cat"]'
BASE = "whaley/base:busybox"


class Project:
    """One challenge, running: `project["service"]` inspects, `project.run("service", command)` looks."""

    def __init__(self, name, compose, files=None, config=""):
        self.name = name
        self.files = {"instance.toml": f'id = "{name}"\nname = "{name}"\ncategory = "misc"\n{config}',
                      "compose.yaml": compose, **(files or {})}

    def __enter__(self):
        Engine().base_image()
        self.server = Whaley(challenges=[])
        self.server.write_challenge(self.name, self.files)
        self.server.start()
        self.instance = self.server.player("10.9.1.1").spawn(self.name)
        self.engine = self.server.engine
        self.id = self.instance["instance_id"]
        return self

    def container(self, service, number=1):
        return f"{self.id}-{service}-{number}"

    def __getitem__(self, service):
        return self.engine.inspect(self.container(service))

    def run(self, service, *command):
        return self.engine.execute(self.container(service), list(command)).decode().replace("\r", "").strip()

    def __exit__(self, kind, *_):
        if kind is None:
            self.server.close()
        return False


def test_process_keys():
    """command, entrypoint, environment, env_file, user, working_dir, hostname, tty, init, labels ..."""
    compose = f"""
services:
  app:
    image: {BASE}
    entrypoint: [sh, -c]
    command: ['exec nc -ll -p 4000 -e cat']
    ports: ["4000"]
    environment: {{OWN: "one $$two", OVER: environment, ID: $INSTANCE_ID, PORT: $PORT_4000}}
    env_file: [{{path: app.env}}, {{path: none.env, required: false}}]
    user: "65534:65534"
    working_dir: /tmp
    hostname: inner
    domainname: test.example
    tty: true
    stdin_open: true
    init: true
    stop_signal: SIGINT
    stop_grace_period: 3s
    labels: {{note: "for $INSTANCE_ID"}}
    label_file: app.labels
    annotations: {{ignored: "yes"}}
    extra_hosts: ["other:10.1.2.3"]
    dns: 192.0.2.1
    dns_search: [example.org]
    dns_opt: ["ndots:2"]
    group_add: ["4242"]
    restart: always
    pull_policy: never
    logging: {{driver: syslog, options: {{syslog-address: "tcp://192.0.2.1:1"}}}}
"""
    files = {"app.env": "FROM_FILE='x y'\nOVER=file\n", "app.labels": "filed=yes\n"}
    with Project("process", compose, files) as p:
        c = p["app"]
        config, host = c["Config"], c["HostConfig"]
        assert config["Entrypoint"] == ["sh", "-c"] and config["Cmd"] == ["exec nc -ll -p 4000 -e cat"]
        env = dict(pair.split("=", 1) for pair in config["Env"])
        assert env["OWN"] == "one $two" and env["FROM_FILE"] == "x y" and env["OVER"] == "environment"
        assert env["ID"] == p.id and env["PORT"] == str(p.instance["ports"]["4000"]), env
        assert config["User"] == "65534:65534" and p.run("app", "id", "-u") == "65534"
        assert "4242" in p.run("app", "id", "-G").split()
        assert p.run("app", "pwd") == "/tmp"
        assert p.run("app", "hostname") == "inner" and config["Domainname"] == "test.example"
        assert config["Tty"] and config["OpenStdin"] and host["Init"]
        assert config["StopSignal"] == "SIGINT" and config["StopTimeout"] == 3
        assert config["Labels"]["note"] == f"for {p.id}" and config["Labels"]["filed"] == "yes"
        assert not host.get("Annotations")
        assert "10.1.2.3" in p.run("app", "grep", "other", "/etc/hosts")
        assert host["Dns"] == ["192.0.2.1"] and host["DnsSearch"] == ["example.org"]
        assert host["DnsOptions"] == ["ndots:2"]
        assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
        assert host["LogConfig"]["Type"] == "json-file" and host["LogConfig"]["Config"]["max-size"]


def test_limits_and_hardening():
    """mem_limit, cpus, pids_limit, deploy, shm_size, ulimits, sysctls, cap_drop, read_only, tmpfs, healthcheck ..."""
    compose = f"""
services:
  app:
    image: {BASE}
    command: {LISTEN}
    ports: ["4000"]
    mem_limit: 64m
    mem_reservation: 32m
    cpus: 0.25
    pids_limit: 20
    shm_size: 8m
    ulimits: {{nofile: {{soft: 100, hard: 200}}, nproc: 500}}
    sysctls: {{net.core.somaxconn: 333}}
    cap_drop: [KILL, CAP_CHOWN]
    cap_add: [SETPCAP, SYS_PTRACE]
    security_opt: ["no-new-privileges:true"]
    read_only: true
    tmpfs: ["/scratch:size=1m,mode=0711,uid=7,noexec"]
    volumes: [{{type: tmpfs, target: /mem, tmpfs: {{size: 2m, mode: 0o755}}}}]
    healthcheck: {{test: [CMD, "true"], interval: 5s, timeout: 2s, retries: 4, start_period: 1s}}
  small:
    image: {BASE}
    command: [sleep, "600"]
    deploy: {{resources: {{limits: {{cpus: "0.1", memory: 48M, pids: 9}}}}}}
    cap_drop: [ALL]
    healthcheck: {{disable: true}}
"""
    with Project("limits", compose, config="[allow]\ncapabilities = ['SYS_PTRACE']\n") as p:
        host = p["app"]["HostConfig"]
        assert host["Memory"] == host["MemorySwap"] == 64 << 20 and host["MemoryReservation"] == 32 << 20
        assert host["NanoCpus"] == 250_000_000 and host["PidsLimit"] == 20 and host["ShmSize"] == 8 << 20
        limits = {u["Name"]: (u["Soft"], u["Hard"]) for u in host["Ulimits"]}
        assert limits == {"nofile": (100, 200), "nproc": (500, 500)}
        assert p.run("app", "sh", "-c", "ulimit -n") == "100"
        assert p.run("app", "cat", "/proc/sys/net/core/somaxconn") == "333"
        assert "ALL" in [c.removeprefix("CAP_") for c in host["CapDrop"]]
        caps = {c.removeprefix("CAP_") for c in host["CapAdd"]}
        assert {"SETPCAP", "SYS_PTRACE"} <= caps and not caps & {"KILL", "CHOWN", "NET_RAW"}, caps
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["ReadonlyRootfs"] and "Read-only" in p.run("app", "touch", "/x")
        scratch = p.run("app", "grep", " /scratch ", "/proc/mounts")
        assert all(o in scratch for o in ("size=1024k", "mode=711", "uid=7", "noexec")), scratch
        assert "size=2048k" in p.run("app", "grep", " /mem ", "/proc/mounts")
        health = p["app"]["Config"]["Healthcheck"]
        assert health["Test"] == ["CMD", "true"] and health["Interval"] == 5 * 10**9
        assert health["Timeout"] == 2 * 10**9 and health["Retries"] == 4 and health["StartPeriod"] == 10**9
        small = p["small"]
        assert small["HostConfig"]["Memory"] == 48 << 20 and small["HostConfig"]["NanoCpus"] == 100_000_000
        assert small["HostConfig"]["PidsLimit"] == 9 and not small["HostConfig"]["CapAdd"]
        assert small["Config"]["Healthcheck"]["Test"] == ["NONE"]


def test_files_and_volumes():
    """volumes (bind, named, nocopy, anonymous), secrets and configs with owner and mode."""
    compose = f"""
services:
  app:
    image: {BASE}
    command: {LISTEN}
    ports: ["4000"]
    volumes:
      - ./data:/data:ro
      - store:/store
      - {{type: volume, source: other, target: /other, read_only: true, volume: {{nocopy: true}}}}
      - /anonymous
    secrets: [key, {{source: word, target: word.txt, uid: "7", gid: "8", mode: 0400}}]
    configs: [plain, {{source: text, target: /etc/app/text.conf, mode: 0640}}]
secrets:
  key: {{file: ./key.txt}}
  word: {{environment: WORD}}
configs:
  plain: {{file: key.txt}}
  text: {{content: "id=$INSTANCE_ID word=$WORD\\n"}}
volumes: {{store: , other: }}
"""
    files = {"data/in/file.txt": "inside\n", "key.txt": "secret key\n", ".env": "WORD=swordfish\n"}
    with Project("files", compose, files) as p:
        assert p.run("app", "cat", "/data/in/file.txt") == "inside"
        assert p.run("app", "cat", "/run/secrets/key") == "secret key"
        assert p.run("app", "stat", "-c", "%a %u %g", "/run/secrets/key") == "444 0 0"
        assert p.run("app", "cat", "/run/secrets/word.txt") == "swordfish"
        assert p.run("app", "stat", "-c", "%a %u %g", "/run/secrets/word.txt") == "400 7 8"
        assert p.run("app", "cat", "/plain") == "secret key"
        assert p.run("app", "cat", "/etc/app/text.conf") == f"id={p.id} word=swordfish"
        assert p.run("app", "stat", "-c", "%a", "/etc/app/text.conf") == "640"
        mounts = {m["Destination"]: m for m in p["app"]["Mounts"]}
        assert mounts["/store"]["Name"] == f"{p.id}_store" and mounts["/store"]["RW"]
        assert mounts["/other"]["Name"] == f"{p.id}_other" and not mounts["/other"]["RW"]
        assert mounts["/anonymous"]["Type"] == "volume"
        given = [m for m in p["app"]["HostConfig"]["Mounts"] if m["Target"] == "/other"]
        assert given[0]["VolumeOptions"]["NoCopy"], given
        assert "/data" not in mounts, "files of the challenge are copied, not bound"
        assert str(p.server.folder) not in p.run("app", "cat", "/proc/self/mountinfo")


def test_networks_and_peers():
    """networks, aliases, internal, links, container_name, expose, namespaces of services, depends_on."""
    compose = f"""
services:
  app:
    image: {BASE}
    command: {LISTEN}
    ports: ["4000", "4001/udp"]
    expose: [4002]
    networks: {{front: {{priority: 10}}, back: }}
    links: ["db:store"]
    depends_on: {{db: {{condition: service_healthy, restart: true}}, once: {{condition: service_completed_successfully}}}}
    ipc: shareable
  db:
    image: {BASE}
    command: [sleep, "600"]
    container_name: database
    networks: {{back: {{aliases: [data]}}}}
    healthcheck: {{test: "true", interval: 5s, start_period: 1s}}
  once: {{image: {BASE}, command: ["true"], network_mode: none}}
  side: {{image: {BASE}, command: [sleep, "600"], network_mode: "service:app", pid: "service:app", ipc: "service:app"}}
networks: {{front: , back: {{internal: true}}}}
"""
    with Project("nets", compose) as p:
        app, db, side = p["app"], p["db"], p["side"]
        networks = app["NetworkSettings"]["Networks"]
        assert len(networks) == 2
        assert app["HostConfig"]["NetworkMode"] in [n["NetworkID"] for n in networks.values()] + list(networks)
        back = [n for n in db["NetworkSettings"]["Networks"].values()][0]
        assert {"db", "database", "data", "store"} <= set(back["Aliases"]), back["Aliases"]
        assert p.engine.inspect_network(back["NetworkID"])["Internal"]
        address = p.run("app", "sh", "-c", "nslookup store 127.0.0.11 2>&1 | tail -n 4")
        assert back["IPAddress"] in address, address
        assert set(app["Config"]["ExposedPorts"]) == {"4000/tcp", "4001/udp", "4002/tcp"}
        assert list(p["app"]["HostConfig"]["PortBindings"]) == ["4000/tcp"]
        for mode in ("NetworkMode", "PidMode", "IpcMode"):
            assert side["HostConfig"][mode] == f"container:{app['Id']}", side["HostConfig"][mode]
        assert "nc -ll" in p.run("side", "ps")
        assert p.run("side", "readlink", "/proc/self/ns/net") == p.run("app", "readlink", "/proc/self/ns/net")
        assert p["once"]["State"]["ExitCode"] == 0 and p["once"]["HostConfig"]["NetworkMode"] == "none"
        order = app["Config"]["Labels"]["com.docker.compose.depends_on"].split(",")
        assert sorted(order) == ["db:service_healthy:true", "once:service_completed_successfully:false"], order


def test_projects_and_replicas():
    """extends, include, profiles, interpolation, scale, build in full."""
    compose = f"""
name: ignored
x-common: &common {{restart: "no", tty: true}}
include: [more/compose.yaml]
services:
  app:
    <<: *common
    extends: {{file: more/base.yaml, service: base}}
    environment: {{OVER: here}}
    ports: ["4000"]
  many: {{image: {BASE}, command: [sleep, "600"], scale: 3}}
  hidden: {{image: {BASE}, profiles: [never]}}
  seen: {{image: {BASE}, command: [sleep, "600"], profiles: [bot]}}
  built:
    build:
      context: src
      dockerfile_inline: |
        FROM {BASE}
        ARG WORD=none
        COPY . /copied
        RUN echo $$WORD > /word
        FROM {BASE}
        COPY --from=0 /word /copied /result/
        LABEL from=dockerfile
      args: ['WORD=${{TEXT:-given}}']
      labels: {{made: "by compose"}}
      network: none
    command: [sleep, "600"]
"""
    files = {
        "more/base.yaml": f"services:\n  base:\n    image: {BASE}\n    command: {LISTEN}\n"
                          "    env_file: base.env\n    volumes: ['./in:/in']\n    environment: [OVER=base]\n",
        "more/base.env": "FILED=1\n",
        "more/in/x": "included\n",
        "more/compose.yaml": f"services: {{extra: {{image: {BASE}, command: [sleep, '600'], "
                             "environment: {NAME: $NAME}}}\n",
        "more/.env": "NAME=inner\n",
        "src/keep": "kept\n", "src/drop": "dropped\n", "src/.dockerignore": "drop\n",
    }
    with Project("whole", compose, files, 'profiles = ["bot"]\n') as p:
        env = p["app"]["Config"]["Env"]
        assert "OVER=here" in env and "FILED=1" in env and p["app"]["Config"]["Tty"]
        assert p.run("app", "cat", "/in/x") == "included"
        assert "NAME=inner" in p["extra"]["Config"]["Env"]
        names = {c["Names"][0].lstrip("/").removeprefix(p.id + "-") for c in p.engine.of_instance(p.id)}
        assert names == {"app-1", "many-1", "many-2", "many-3", "seen-1", "built-1", "extra-1"}, names
        third = p.engine.inspect(p.container("many", 3))["Config"]["Labels"]
        assert third["com.docker.compose.container-number"] == "3"
        assert third["com.docker.compose.service"] == "many"
        assert p.run("built", "cat", "/result/word") == "given"
        assert p.run("built", "ls", "/result").split() == ["keep", "word"]
        labels = p["built"]["Config"]["Labels"]
        assert labels["from"] == "dockerfile" and labels["made"] == "by compose"


def test_names_that_look_alike():
    """Services whose names differ in dots or case only have images of their own."""
    compose = "services:\n" + "".join(
        f"  {name}: {{build: {{context: ., dockerfile_inline: 'FROM {BASE}\\nRUN echo {word} > /word\\n'}}, "
        "command: [sleep, '600']}\n" for name, word in (("a.b", "dot"), ("a-b", "dash"), ("A-B", "upper")))
    compose = compose.replace("'FROM", '"FROM').replace("\\n'}", '\\n"}')
    with Project("alike", compose) as p:
        assert [p.run(name, "cat", "/word") for name in ("a.b", "a-b", "A-B")] == ["dot", "dash", "upper"]


def test_waiting_for_health_that_never_comes():
    """A dependency on the health of a service without a health check fails at once, and says why."""
    compose = (f"services:\n  app: {{image: {BASE}, command: [sleep, '600'], "
               f"depends_on: {{db: {{condition: service_healthy}}}}}}\n"
               f"  db: {{image: {BASE}, command: [sleep, '600']}}\n")
    Engine().base_image()
    server = Whaley(challenges=[], env={"SPAWN_TIMEOUT": "60"})
    server.write_challenge("idle", {"instance.toml": 'id = "idle"\nname = "idle"\ncategory = "misc"\n',
                                    "compose.yaml": compose})
    with server:
        began = time.monotonic()
        answer = server.player("10.9.1.3").try_spawn("idle")
        assert not answer.body["success"] and time.monotonic() - began < 20, answer.body
        assert "db has no health check" in server.log(), server.log_tail()
        wait_for(lambda: not server.leftovers(), 20, "everything of it is gone")


def test_refused_keys_never_start():
    """What is refused breaks the challenge with a sentence that says where."""
    compose = f"services:\n  app:\n    image: {BASE}\n    pid: '${{P:-host}}'\n"
    Engine().base_image()
    server = Whaley(challenges=[])
    server.write_challenge("bad", {"instance.toml": 'id = "bad"\nname = "bad"\ncategory = "misc"\n',
                                   "compose.yaml": compose})
    with server:
        answer = server.player("10.9.1.2").try_spawn("bad")
        assert answer.body["code"] == "challenge_broken", answer.body
        assert "compose.yaml:4:" in server.log(), server.log_tail()
