#include "fixture.h"

/* One row per construct of a service that is taken, with what it becomes. */
static const struct {
    const char *body, *json;
} taken[] = {
    { "", "{\"services\":{\"web\":{\"image\":\"alpine\",\"networks\":{\"default\":{}}}}" },
    { "x-note: {any: thing}", "\"image\":\"alpine\",\"networks\"" },
    { "privileged: false\ncap_add: []\ndevices: null\nipc: private", "\"image\":\"alpine\"" },
    { "privileged: \"${X:-false}\"", "\"image\":\"alpine\"" },

    /* command, entrypoint */
    { "command: [a, 'b c']", "\"command\":[\"a\",\"b c\"]" },
    { "command: a 'b c' \"d \\\"e\\\" \\n\" f\\ g",
      "[\"a\",\"b c\",\"d \\\"e\\\" \\\\n\",\"f g\"]" },
    { "command: \"sh -c 'echo $$HOME'\"", "[\"sh\",\"-c\",\"echo $$HOME\"]" },
    { "command: []", "\"command\":[]" },
    { "command:", "\"image\":\"alpine\",\"networks\"" },
    { "entrypoint: ''", "\"entrypoint\":[]" },
    { "command: run ${FLAG:-a b}", "[\"run\",\"${FLAG:-placeholder}\"]" },
    { "command: run ${INSTANCE_ID:-a b}", "[\"run\",\"${INSTANCE_ID:-a b}\"]" },

    /* environment, env_file */
    { "environment: {A: 1, B: true, C: , D: ''}",
      "\"environment\":{\"A\":\"1\",\"B\":\"true\",\"C\":null,\"D\":\"\"}" },
    { "environment: [A=1, B=x=y, C, LOCAL, A=2]",
      "{\"A\":\"2\",\"B\":\"x=y\",\"C\":null,\"LOCAL\":\"here\"}" },
    { "environment: [FLAG, PORT_80]",
      "{\"FLAG\":\"${FLAG-placeholder}\",\"PORT_80\":\"${PORT_80}\"}" },
    { "environment: {URL: 'http://${HOST}:${PORT_80:-80}/'}",
      "\"URL\":\"http://host:${PORT_80:-80}/\"" },
    { "env_file: app.env",
      "{\"A\":\"1\",\"B\":\"two words\",\"C\":\"here\",\"D\":\"${FLAG-placeholder}\","
      "\"LOCAL\":\"here\"}" },
    { "env_file: [./app.env]\nenvironment: {A: own}", "{\"A\":\"own\",\"B\":\"two words\"" },
    { "env_file: [{path: none.env, required: false}]", "\"image\":\"alpine\",\"networks\"" },
    { "env_file: [{path: raw.env, format: raw}]", "{\"A\":\"\\\"$$FLAG\\\"\"}" },

    /* ports */
    { "ports: [80]", "\"ports\":[{\"target\":80,\"protocol\":\"tcp\"}]" },
    { "ports: ['8080:80']", "\"ports\":[{\"target\":80,\"protocol\":\"tcp\"}]" },
    { "ports: [8080:80]", "\"ports\":[{\"target\":80,\"protocol\":\"tcp\"}]" },
    { "ports: ['127.0.0.1:8080:80/udp']", "[{\"target\":80,\"protocol\":\"udp\"}]" },
    { "ports: ['[::1]:8080:80']", "[{\"target\":80,\"protocol\":\"tcp\"}]" },
    { "ports: ['127.0.0.1::80']", "[{\"target\":80,\"protocol\":\"tcp\"}]" },
    { "ports: ['0.0.0.0:${PORT_80:-8080}:80/tcp']", "[{\"target\":80,\"protocol\":\"tcp\"}]" },
    { "ports: ['${PORT_80}:80']", "[{\"target\":80,\"protocol\":\"tcp\"}]" },
    { "ports: ['8000-8001:90-91']",
      "[{\"target\":90,\"protocol\":\"tcp\"},{\"target\":91,\"protocol\":\"tcp\"}]" },
    { "ports: ['8000-8009:80']", "[{\"target\":80,\"protocol\":\"tcp\"}]" },
    { "ports: ['80', '8080:80', '80/udp']",
      "[{\"target\":80,\"protocol\":\"tcp\"},{\"target\":80,\"protocol\":\"udp\"}]" },
    { "ports: [{target: 80, published: '${PORT_80:-1}', host_ip: 1.2.3.4, mode: host}]",
      "[{\"target\":80,\"protocol\":\"tcp\"}]" },
    { "ports: [{target: '53', protocol: udp}]", "[{\"target\":53,\"protocol\":\"udp\"}]" },
    { "ports: [80]\nexpose: [80, '81/udp', 90-91]",
      "\"expose\":[\"81/udp\",\"90/tcp\",\"91/tcp\"]" },

    /* networks */
    { "networks: [front, back]", "\"networks\":{\"back\":{},\"front\":{}}" },
    { "networks: {back: {priority: 1}, front: {priority: 5, aliases: [www, a.b]}}",
      "\"networks\":{\"front\":{\"aliases\":[\"www\",\"a.b\"]},\"back\":{}}" },
    { "networks: [back]", "\"networks\":{\"back\":{\"internal\":true}}" },
    { "networks: {back: , default: }", "\"networks\":{\"back\":{},\"default\":{}}" },
    { "network_mode: none", "\"network_mode\":\"none\"" },
    { "network_mode: bridge", "\"networks\":{\"default\":{}}" },
    { "networks: []", "\"networks\":{\"default\":{}}" },

    /* volumes, tmpfs */
    { "volumes: ['./src:/app']", "[{\"type\":\"bind\",\"source\":\"./src\",\"target\":\"/app\"}]" },
    { "volumes: ['./src/./flag.txt:/a//b/:ro']",
      "{\"type\":\"bind\",\"source\":\"./src/flag.txt\",\"target\":\"/a/b\",\"read_only\":true}" },
    { "volumes: ['./:/app']", "{\"type\":\"bind\",\"source\":\"./.\",\"target\":\"/app\"}" },
    { "volumes: ['./src:/app:ro,z']", "\"target\":\"/app\",\"read_only\":true" },
    { "volumes: ['data:/data']",
      "[{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/data\"}]" },
    { "volumes: ['v:/v']", "[{\"type\":\"volume\",\"source\":\"v\",\"target\":\"/v\"}]" },
    { "volumes: ['data:/data']", "\"volumes\":{\"data\":{}}}" },
    { "volumes: [/cache]", "[{\"type\":\"volume\",\"target\":\"/cache\"}]" },
    { "volumes: [{type: bind, source: src, target: /app, bind: {create_host_path: true}}]",
      "[{\"type\":\"bind\",\"source\":\"./src\",\"target\":\"/app\"}]" },
    { "volumes: [{type: volume, source: d, target: /d, read_only: true}]",
      "[{\"type\":\"volume\",\"source\":\"d\",\"target\":\"/d\",\"read_only\":true}]" },
    { "volumes: [{type: volume, target: /d}]", "[{\"type\":\"volume\",\"target\":\"/d\"}]" },
    { "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1m}}]",
      "[{\"type\":\"tmpfs\",\"target\":\"/t\",\"tmpfs\":{\"size\":1048576}}]" },
    { "tmpfs: /run", "[{\"type\":\"tmpfs\",\"target\":\"/run\",\"tmpfs\":{\"size\":67108864}}]" },
    { "tmpfs: ['/run:size=16m,mode=1777', /tmp]",
      "\"tmpfs\":{\"size\":16777216,\"options\":\"mode=1777\"}" },
    { "tmpfs: ['/run:size=8g']", "\"tmpfs\":{\"size\":268435456}" },
    { "read_only: true\ntmpfs: /tmp\nvolumes: ['data:/data']", "\"read_only\":true" },

    /* restart, names */
    { "restart: always", "\"restart\":\"on-failure:3\"" },
    { "restart: unless-stopped", "\"restart\":\"on-failure:3\"" },
    { "restart: on-failure", "\"restart\":\"on-failure:3\"" },
    { "restart: on-failure:2", "\"restart\":\"on-failure:2\"" },
    { "restart: on-failure:0", "\"restart\":\"on-failure:3\"" },
    { "restart: 'no'\nhostname: h", "\"networks\":{\"default\":{}},\"hostname\":\"h\"" },
    { "container_name: my_app", "\"container_name\":\"my_app\"" },
    { "container_name: 'app-${INSTANCE_ID}'\nhostname: h", "{}},\"hostname\":\"h\"" },
    { "user: '1000:1000'\nworking_dir: /app\nstop_signal: SIGINT\nplatform: linux/amd64",
      "\"user\":\"1000:1000\",\"working_dir\":\"/app\",\"stop_signal\":\"SIGINT\",\"platform\":"
      "\"linux/amd64\"" },
    { "tty: true\nstdin_open: yes\ninit: '1'", "\"tty\":true,\"stdin_open\":true,\"init\":true" },

    /* limits */
    { "mem_limit: 64m\ncpus: 0.5\npids_limit: 100\nshm_size: 1gb",
      "\"mem_limit\":67108864,\"cpus\":0.5,\"pids_limit\":100,\"shm_size\":268435456" },
    { "mem_limit: 1.5GiB", "\"mem_limit\":1610612736" },
    { "mem_limit: 512mb", "\"mem_limit\":536870912" },
    { "mem_limit: 0\ncpus: 0\npids_limit: -1\nhostname: h", "\"hostname\":\"h\"}" },
    { "deploy: {resources: {limits: {cpus: '0.25', memory: 64M, pids: 10}}}",
      "\"mem_limit\":67108864,\"cpus\":0.25,\"pids_limit\":10" },
    { "deploy: {resources: {reservations: {memory: 32M}}}", "\"mem_reservation\":33554432" },
    { "cpus: 0.5\ndeploy: {replicas: 1, resources: {limits: {cpus: 0.50}}}", "\"cpus\":0.5" },
    { "cpu_quota: 50000", "\"cpus\":0.5" },
    { "cpu_quota: 50000\ncpu_period: 25000", "\"cpus\":2" },
    { "stop_grace_period: 1m30s", "\"stop_grace_period\":\"5s\"" },
    { "stop_grace_period: 500ms", "\"stop_grace_period\":\"500000000ns\"" },
    { "ulimits: {nofile: 1024, nproc: {soft: 10, hard: 20}}",
      "\"nofile\":{\"soft\":1024,\"hard\":1024},\"nproc\":{\"soft\":10,\"hard\":20}" },
    { "ulimits: {nofile: -1, core: 5}",
      "\"nofile\":{\"soft\":65536,\"hard\":65536},\"core\":{\"soft\":0,\"hard\":0}" },
    { "scale: 1", "\"image\":\"alpine\"" },

    /* health */
    { "healthcheck: {test: curl localhost, interval: 1m30s, timeout: 3s, retries: 5}",
      "{\"test\":[\"CMD-SHELL\",\"curl localhost\"],\"interval\":\"90s\",\"timeout\":\"3s\","
      "\"retries\":5}" },
    { "healthcheck: {test: [CMD, true], interval: 1s, timeout: 1m, start_interval: 1.5s}",
      "{\"test\":[\"CMD\",\"true\"],\"interval\":\"5s\",\"timeout\":\"10s\",\"start_interval\":"
      "\"1500000000ns\"}" },
    { "healthcheck: {test: [NONE]}", "\"healthcheck\":{\"disable\":true}" },
    { "healthcheck: {disable: true}", "\"healthcheck\":{\"disable\":true}" },
    { "healthcheck: {test: 'grep ${FLAG} /x'}", "\"grep ${FLAG-placeholder} /x\"" },

    /* security */
    { "security_opt: ['no-new-privileges:true']", "\"security_opt\":[\"no-new-privileges:true\"]" },
    { "cap_drop: [all, cap_net_raw]", "\"cap_drop\":[\"ALL\",\"NET_RAW\"]" },
    { "cap_add: [SETUID, cap_chown]", "\"cap_add\":[\"SETUID\",\"CHOWN\"]" },
    { "sysctls: [net.core.somaxconn=1024]", "\"sysctls\":{\"net.core.somaxconn\":\"1024\"}" },
    { "sysctls: {net.ipv6.conf.all.disable_ipv6: 1}", "\"net.ipv6.conf.all.disable_ipv6\":\"1\"" },
    { "sysctls: {net.ipv4.tcp_syncookies: 0}", "\"net.ipv4.tcp_syncookies\":\"0\"" },
    { "extra_hosts: ['a:10.0.0.1', 'b=[::1]']", "\"extra_hosts\":[\"a:10.0.0.1\",\"b:::1\"]" },
    { "extra_hosts: {a: 10.0.0.1, b: [10.0.0.2, 10.0.0.3]}", "\"b:10.0.0.2\",\"b:10.0.0.3\"" },
    { "dns: 1.1.1.1\ndns_search: [a.b]\ndns_opt: [ndots:1]\ngroup_add: [5]",
      "\"dns\":[\"1.1.1.1\"],\"dns_search\":[\"a.b\"],\"dns_opt\":[\"ndots:1\"]" },
    { "labels: {a: 1, b: '${FLAG}'}", "\"labels\":{\"a\":\"1\",\"b\":\"${FLAG-placeholder}\"}" },
    { "labels: [a=1, b]", "\"labels\":{\"a\":\"1\",\"b\":\"\"}" },

    /* build */
    { "build: .", "\"build\":{\"context\":\".\",\"dockerfile\":\"Dockerfile\"}" },
    { "build: ./src/", "\"build\":{\"context\":\"src\",\"dockerfile\":\"Dockerfile\"}" },
    { "build: {context: ., dockerfile: ./src/Dockerfile, target: run, args: [A=1, LOCAL, NOPE]}",
      "{\"context\":\".\",\"dockerfile\":\"src/"
      "Dockerfile\",\"target\":\"run\",\"args\":{\"A\":\"1\","
      "\"LOCAL\":\"here\"}}" },
    { "build: {dockerfile_inline: FROM scratch, network: none, labels: {a: b}}",
      "{\"context\":\".\",\"dockerfile_inline\":\"FROM scratch\",\"labels\":{\"a\":\"b\"},"
      "\"network\":\"none\"}" },
    { "build: {context: src, network: default, tags: [a]}", "\"context\":\"src\"" },
};

static void takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        AUTO_FREE char *text = service_text(taken[i].body);
        expect_json(text, taken[i].json);
    }
}

/* One row per construct that is refused; the field is below services.web. */
static const struct {
    const char *body, *code, *field;
} refused[] = {
    { "imagee: x", "unknown-key", "imagee" },
    { "<<: 5", "syntax", NULL },

    /* everything that got around a list of refusals in the past */
    { "privileged: true", "key-refused", "privileged" },
    { "privileged: \"${X:-true}\"", "key-refused", "privileged" },
    { "privileged: ${TRUE}", "key-refused", "privileged" },
    { "privileged: 1", "key-refused", "privileged" },
    { "privileged: 'yes'", "key-refused", "privileged" },
    { "privileged: ${FLAG}", "key-refused", "privileged" },
    { "use_api_socket: true", "key-refused", "use_api_socket" },
    { "pid: \"${P:-host}\"", "key-refused", "pid" },
    { "pid: service:web", "depends-cycle", "pid" },
    { "ipc: \"${P:-host}\"", "key-refused", "ipc" },
    { "ipc: ${HOST}", "key-refused", "ipc" },
    { "uts: host", "key-refused", "uts" },
    { "userns_mode: \"${P:-host}\"", "key-refused", "userns_mode" },
    { "cgroup: host", "key-refused", "cgroup" },
    { "cgroup_parent: /x", "key-refused", "cgroup_parent" },
    { "runtime: runsc", "key-refused", "runtime" },
    { "gpus: all", "key-refused", "gpus" },
    { "devices: [/dev/kvm]", "key-refused", "devices[0]" },
    { "device_cgroup_rules: ['c 1:3 mr']", "key-refused", "device_cgroup_rules" },
    { "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}", "key-refused",
      "deploy.resources.reservations.devices" },
    { "external_links: [other]", "key-refused", "external_links" },
    { "links: [db]", "depends-undefined", "links[0]" },
    { "post_start: [{command: x, privileged: true}]", "key-refused", "post_start" },
    { "pre_stop: [{command: x}]", "key-refused", "pre_stop" },
    { "oom_kill_disable: true", "key-refused", "oom_kill_disable" },
    { "deploy: {replicas: 0}", "replicas", "deploy.replicas" },
    { "scale: 2\ndeploy: {replicas: '${N:-5}'}", "conflict", "deploy.replicas" },
    { "scale: 2\ncontainer_name: x", "conflict", NULL },
    { "scale: 0", "replicas", "scale" },
    { "labels: {traefik.enable: 'true'}", "label-reserved", "labels.traefik.enable" },
    { "labels: [whaley.pcap_sidecar=true]", "label-reserved", "labels[0]" },
    { "labels: [Com.Docker.Compose.project=x]", "label-reserved", "labels[0]" },
    { "extends: {file: x.yaml, service: y}", "file-missing", "extends.file" },
    { "provider: {type: x}", "key-refused", "provider" },
    { "credential_spec: {file: x}", "key-refused", "credential_spec" },
    { "storage_opt: {size: 1G}", "key-refused", "storage_opt" },
    { "blkio_config: {weight: 1}", "key-refused", "blkio_config" },
    { "isolation: process", "key-refused", "isolation" },
    { "label_file: x", "file-missing", "label_file" },
    { "volumes_from: [db]", "key-refused", "volumes_from" },
    { "secrets: [a]", "object-undefined", "secrets[0]" },
    { "configs: [a]", "object-undefined", "configs[0]" },
    { "cpu_rt_runtime: 1", "key-refused", "cpu_rt_runtime" },
    { "network_mode: host", "network-mode", "network_mode" },
    { "network_mode: \"${M:-host}\"", "network-mode", "network_mode" },
    { "network_mode: container:x", "network-mode", "network_mode" },
    { "network_mode: service:x", "depends-undefined", "network_mode" },
    { "network_mode: none\nnetworks: [front]", "conflict", "network_mode" },
    { "networks: [nope]", "network-undefined", "networks[0]" },
    { "networks: {nope: }", "network-undefined", "networks.nope" },
    { "networks: {front: {aliases: ['a b']}}", "bad-name", "networks.front.aliases" },
    { "networks: front", "wrong-type", "networks" },

    /* build */
    { "build: ../", "path-outside", "build" },
    { "build: /etc", "path-outside", "build" },
    { "build: ~/x", "path-outside", "build" },
    { "build: src/../..", "path-outside", "build" },
    { "build: link", "path-refused", "build" },
    { "build: none", "context-missing", "build" },
    { "build: https://github.com/a/b", "build-remote", "build" },
    { "build: git@github.com:a/b", "build-remote", "build" },
    { "build: github.com/a/b", "build-remote", "build" },
    { "build: {context: 'https://x/y.git#main'}", "build-remote", "build.context" },
    { "build: '${FLAG}'", "variable-not-allowed", "build" },
    { "build: bare", "path-refused", "build" },
    { "build: {context: ., dockerfile: None}", "dockerfile-missing", "build.dockerfile" },
    { "build: {context: src, dockerfile: ../Dockerfile}", "path-outside", "build.dockerfile" },
    { "build: {context: ., dockerfile: link/passwd}", "path-refused", "build.dockerfile" },
    { "build: {context: ., dockerfile: src}", "path-refused", "build.dockerfile" },
    { "build: {context: ., dockerfile: Dockerfile, dockerfile_inline: FROM x}", "conflict",
      "build.dockerfile" },
    { "build: {additional_contexts: {a: /}}", "key-refused", "build.additional_contexts" },
    { "build: {network: host}", "build-network", "build.network" },
    { "build: {network: '${N:-host}'}", "build-network", "build.network" },
    { "build: {privileged: true}", "key-refused", "build.privileged" },
    { "build: {entitlements: [network.host]}", "key-refused", "build.entitlements" },
    { "build: {secrets: [a]}", "key-refused", "build.secrets" },
    { "build: {ssh: [default]}", "key-refused", "build.ssh" },
    { "build: {extra_hosts: ['a:host-gateway']}", "key-refused", "build.extra_hosts" },
    { "build: {contxt: .}", "unknown-key", "build.contxt" },
    { "build: {args: {F: '${FLAG}'}}", "variable-not-allowed", "build.args.F" },
    { "build: {args: [FLAG]}", "variable-not-allowed", "build.args[0]" },
    { "build: {labels: {whaley.x: y}}", "label-reserved", "build.labels.whaley.x" },
    { "build: [a]", "wrong-type", "build" },

    /* volumes */
    { "volumes: ['/etc:/x']", "bind-host-path", "volumes[0]" },
    { "volumes: ['~/x:/x']", "bind-host-path", "volumes[0]" },
    { "volumes: ['../x:/x']", "path-outside", "volumes[0]" },
    { "volumes: ['./src/../../x:/x']", "path-outside", "volumes[0]" },
    { "volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']", "engine-socket", "volumes[0]" },
    { "volumes: ['${SOCK}:/x']", "engine-socket", "volumes[0]" },
    { "volumes: ['${X:-/etc}:/x']", "bind-host-path", "volumes[0]" },
    { "volumes: ['${FLAG}:/x']", "variable-not-allowed", "volumes[0]" },
    { "volumes: ['./link:/x']", "path-refused", "volumes[0]" },
    { "volumes: ['./link/passwd:/x']", "path-refused", "volumes[0]" },
    { "volumes: ['./none:/x']", "bind-missing", "volumes[0]" },
    { "volumes: ['C:\\x:/x']", "bind-host-path", "volumes[0]" },
    { "volumes: ['\\\\pipe:/x']", "bind-host-path", "volumes[0]" },
    { "volumes: ['src/flag.txt:/x']", "bad-name", "volumes[0]" },
    { "volumes: ['nope:/x']", "volume-undefined", "volumes[0]" },
    { "volumes: ['./src:/app:rshared']", "bad-option", "volumes[0]" },
    { "volumes: ['./src:app']", "bad-target", "volumes[0]" },
    { "volumes: ['./src:/']", "bad-target", "volumes[0]" },
    { "volumes: ['./src:/a/../b']", "bad-target", "volumes[0]" },
    { "volumes: ['data:/proc/x']", "bad-target", "volumes[0]" },
    { "volumes: ['data:/sys']", "bad-target", "volumes[0]" },
    { "volumes: ['a:b:c:d']", "bad-volume", "volumes[0]" },
    { "volumes: [':/x']", "bad-volume", "volumes[0]" },
    { "volumes: ['./src:/x', 'data:/x/']", "duplicate", "volumes[1]" },
    { "volumes: [{type: '${T:-bind}', source: '${S:-/}', target: /x}]", "bind-host-path",
      "volumes[0]" },
    { "volumes: [{type: '${BIND}', source: '${SOCK}', target: /x}]", "engine-socket",
      "volumes[0]" },
    { "volumes: [{type: npipe, source: a, target: /x}]", "bad-value", "volumes[0]" },
    { "volumes: [{type: image, source: a, target: /x}]", "bad-value", "volumes[0]" },
    { "volumes: [{type: cluster, source: a, target: /x}]", "bad-value", "volumes[0]" },
    { "volumes: [{type: volume, source: /etc, target: /x}]", "bad-name", "volumes[0]" },
    { "volumes: [{type: bind, target: /x}]", "missing-key", "volumes[0]" },
    { "volumes: [{source: src, target: /x}]", "missing-key", "volumes[0]" },
    { "volumes: [{type: tmpfs, source: src, target: /x}]", "conflict", "volumes[0]" },
    { "volumes: [{type: bind, source: src, target: /x, bind: {propagation: shared}}]",
      "key-refused", "volumes[0].bind.propagation" },
    { "volumes: [{type: volume, source: d, target: /x, volume: {subpath: a}}]", "key-refused",
      "volumes[0].volume.subpath" },
    { "volumes: ['./src:/x']\nread_only: true", "bind-read-only", "volumes[0]" },
    { "volumes: {a: b}", "wrong-type", "volumes" },
    { "tmpfs: ['/run:size=lots']", "not-a-size", "tmpfs[0]" },
    { "tmpfs: run", "bad-target", "tmpfs" },
    { "tmpfs: /dev/", "bad-target", "tmpfs" },
    { "volumes: [/dev]", "bad-target", "volumes[0]" },

    /* ports */
    { "ports: ['80:${PORT_80}']", "variable-not-allowed", "ports[0]" },
    { "ports: ['${PORT_80}']", "variable-not-allowed", "ports[0]" },
    { "ports: ['80/sctp']", "bad-protocol", "ports[0]" },
    { "ports: [0]", "bad-port", "ports[0]" },
    { "ports: [65536]", "bad-port", "ports[0]" },
    { "ports: ['x:80']", "bad-port", "ports[0]" },
    { "ports: ['1.2.3:80:80']", "bad-port", "ports[0]" },
    { "ports: ['1:2:3:4']", "bad-port", "ports[0]" },
    { "ports: ['100-116']", "bad-port", "ports[0]" },
    { "ports: ['90-80']", "bad-port", "ports[0]" },
    { "ports: ['8000-8001:90-92']", "bad-port", "ports[0]" },
    { "ports: ['']", "bad-port", "ports[0]" },
    { "ports: 80", "wrong-type", "ports" },
    { "ports: [{published: 80}]", "missing-key", "ports[0]" },
    { "ports: [{target: 80, protcol: udp}]", "unknown-key", "ports[0].protcol" },
    { "ports: [[80]]", "wrong-type", "ports[0]" },
    { "expose: ['1:80']", "bad-port", "expose[0]" },

    /* environment */
    { "env_file: none.env", "file-missing", "env_file" },
    { "env_file: /etc/passwd", "path-outside", "env_file" },
    { "env_file: [../x]", "path-outside", "env_file[0]" },
    { "env_file: link/passwd", "bad-file", "env_file" },
    { "env_file: bad.env", "bad-file", "env_file" },
    { "env_file: [{path: app.env, format: yaml}]", "bad-value", "env_file[0]" },
    { "env_file: [{required: true}]", "missing-key", "env_file[0]" },
    { "environment: {A: [1]}", "wrong-type", "environment.A" },
    { "environment: ['=x']", "bad-name", "environment[0]" },
    { "environment: ['${FLAG}=x']", "bad-name", "environment[0]" },
    { "environment: A=1", "wrong-type", "environment" },
    { "environment: {A: '${B'}", "bad-variable", "environment.A" },
    { "environment: {A: \"\\x01FLAG\\x02\"}", "bad-variable", "environment.A" },
    { "environment: {\"\\x01\": a}", "bad-name", "environment.${" },
    { "command: \"a 'b\"", "bad-command", "command" },
    { "command: 'a \\'", "bad-command", "command" },
    { "command: {a: b}", "wrong-type", "command" },

    /* names and numbers */
    { "hostname: '${INSTANCE_ID}'", "variable-not-allowed", "hostname" },
    { "hostname: 'a b'", "bad-value", "hostname" },
    { "user: '-x'", "bad-value", "user" },
    { "working_dir: app", "bad-value", "working_dir" },
    { "user: 'a:b:c'", "bad-value", "user" },
    { "stop_signal: FOO", "bad-value", "stop_signal" },
    { "stop_signal: SIGRTMIN+99", "bad-value", "stop_signal" },
    { "stop_signal: 65", "bad-value", "stop_signal" },
    { "stop_signal: 0", "bad-value", "stop_signal" },
    { "container_name: 'a b'", "bad-name", "container_name" },
    { "restart: sometimes", "bad-value", "restart" },
    { "restart: on-failure:x", "bad-value", "restart" },
    { "tty: maybe", "not-a-boolean", "tty" },
    { "tty: [true]", "wrong-type", "tty" },
    { "mem_limit: lots", "not-a-size", "mem_limit" },
    { "mem_limit: -5", "not-a-size", "mem_limit" },
    { "mem_limit: 1m", "out-of-range", "mem_limit" },
    { "mem_limit: 999999999999g", "not-a-size", "mem_limit" },
    { "mem_limit: '${FLAG}'", "variable-not-allowed", "mem_limit" },
    { "mem_limit: 64m\ndeploy: {resources: {limits: {memory: 65m}}}", "conflict",
      "deploy.resources.limits.memory" },
    { "cpus: -1", "not-a-number", "cpus" },
    { "cpus: 1e3", "not-a-number", "cpus" },
    { "cpus: 0.001", "out-of-range", "cpus" },
    { "cpus: 1\ncpu_quota: 1000", "conflict", "cpu_quota" },
    { "cpu_period: 1\ncpu_quota: 1", "out-of-range", "cpu_period" },
    { "pids_limit: -2", "out-of-range", "pids_limit" },
    { "pids_limit: ten", "not-a-number", "pids_limit" },
    { "stop_grace_period: soon", "not-a-duration", "stop_grace_period" },
    { "ulimits: {nofiles: 1}", "bad-name", "ulimits.nofiles" },
    { "ulimits: {nofile: {soft: 2, hard: 1}}", "out-of-range", "ulimits.nofile" },
    { "ulimits: {nofile: {soft: 2}}", "missing-key", "ulimits.nofile" },
    { "deploy: {resources: {limits: {memry: 1g}}}", "unknown-key",
      "deploy.resources.limits.memry" },
    { "healthcheck: {test: [curl, x]}", "bad-healthcheck", "healthcheck.test" },
    { "healthcheck: {test: [CMD]}", "bad-healthcheck", "healthcheck.test" },
    { "healthcheck: {test: [CMD-SHELL, a, b]}", "bad-healthcheck", "healthcheck.test" },
    { "healthcheck: {interval: often}", "not-a-duration", "healthcheck.interval" },
    { "healthcheck: {retries: -1}", "out-of-range", "healthcheck.retries" },
    { "healthcheck: {tests: x}", "unknown-key", "healthcheck.tests" },

    /* security */
    { "cap_add: [SYS_ADMIN]", "capability-refused", "cap_add" },
    { "cap_add: ['${C:-ALL}']", "capability-refused", "cap_add" },
    { "cap_add: [cap_net_raw]", "capability-refused", "cap_add" },
    { "cap_drop: [NET_ROW]", "bad-name", "cap_drop" },
    { "security_opt: ['seccomp:unconfined']", "security-option", "security_opt" },
    { "security_opt: ['apparmor=unconfined']", "security-option", "security_opt" },
    { "security_opt: 'label:disable'", "wrong-type", "security_opt" },
    { "sysctls: {kernel.core_pattern: x}", "sysctl-refused", "sysctls.kernel.core_pattern" },
    { "sysctls: [net.ipv4.ip_forward=1]", "sysctl-refused", "sysctls[0]" },
    { "sysctls: {net.ipv6.conf.all.disable_ipv6: 0}", "sysctl-refused",
      "sysctls.net.ipv6.conf.all.disable_ipv6" },
    { "sysctls: [net.ipv6.conf.default.disable_ipv6=00]", "sysctl-refused", "sysctls[0]" },
    { "sysctls: ['net.ipv6.conf.all.disable_ipv6= 0']", "sysctl-refused", "sysctls[0]" },
    { "sysctls: {net.core.somaxconn: x}", "not-a-number", "sysctls.net.core.somaxconn" },
    { "extra_hosts: ['a:host-gateway']", "host-gateway", "extra_hosts[0]" },
    { "extra_hosts: {a: '${G:-host-gateway}'}", "host-gateway", "extra_hosts.a" },
    { "extra_hosts: ['a']", "bad-host", "extra_hosts[0]" },
    { "dns: here", "bad-value", "dns" },
    { "depends_on: [nope]", "depends-undefined", "depends_on[0]" },
    { "depends_on: [web]", "depends-cycle", "depends_on[0]" },
    { "depends_on: {web: {condition: service_done}}", "bad-value", "depends_on.web.condition" },
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        AUTO_FREE char *text = service_text(refused[i].body);
        AUTO_FREE char *field =
            refused[i].field ? xasprintf("services.web.%s", refused[i].field) : NULL;
        expect_refused(text, refused[i].code, field);
    }
}

/* An image's name becomes part of a path to the engine. */
static void image_names_stay_in_place(void **state)
{
    static const char *const names[] = {
        "a/../../containers/b", "a/./b",      "a/",   "../a", "a//b", "a b", "a?b", "-a", "Upper",
        "docker.io/Upper/x:1",  "Host/Upper", "a:B:C"
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO_FREE char *text = xasprintf("services:\n  web:\n    image: '%s'\n", names[i]);
        expect_refused(text, "bad-value", "services.web.image");
    }
}

/* Taken, but said so. */
static const struct {
    const char *body, *code;
    DiagSeverity severity;
} remarked[] = {
    { "logging: {driver: syslog}", "key-ignored", DIAG_NOTE },
    { "pull_policy: always", "key-ignored", DIAG_WARNING },
    { "networks: {front: {ipv4_address: 10.0.0.5}}", "key-ignored", DIAG_WARNING },
    { "mem_limit: 0", "no-limit", DIAG_WARNING },
    { "mem_limit: '-1'", "no-limit", DIAG_WARNING },
    { "cpus: 0", "no-limit", DIAG_WARNING },
    { "pids_limit: 0", "no-limit", DIAG_WARNING },
    { "pids_limit: -1", "no-limit", DIAG_WARNING },
    { "shm_size: 64g", "capped", DIAG_WARNING },
    { "tmpfs: ['/a:size=0']", "capped", DIAG_WARNING },
    { "ulimits: {nproc: -1}", "capped", DIAG_WARNING },
    { "tty: 'yes'", "loose-boolean", DIAG_WARNING },
    { "environment: {A: $NOPE}", "unset-variable", DIAG_WARNING },
    { "container_name: 'x${FLAG}'", "container-name", DIAG_WARNING },
    { "container_name: db-main", "container-name", DIAG_WARNING },
    { "command: a && b", "no-shell", DIAG_WARNING },
    { "volumes: ['./src:/x:z']", "option-ignored", DIAG_NOTE },
    { "ports: ['8080:80']", "host-port", DIAG_WARNING },
    { "ports: ['127.0.0.1::80']", "host-port", DIAG_WARNING },
    { "ports: [{target: 80, published: 8080}]", "host-port", DIAG_WARNING },
    { "ports: [{target: 80, host_ip: 127.0.0.1}]", "host-port", DIAG_WARNING },
};

static void remarks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(remarked); i++) {
        AUTO_FREE char *text = service_text(remarked[i].body);
        AUTO_DIAGS DiagList diags = { 0 };
        AUTO_PLAN Plan *plan = NULL;

        CHECK_INT(load_text(text, &plan, &diags), 0);
        if (!find_diag(&diags, remarked[i].severity, remarked[i].code))
            fail_msg("no %s for %s", remarked[i].code, remarked[i].body);
    }
}

/* The server's environment must not be visible. */
static void environment_is_hidden(void **state)
{
    AUTO_FREE char *text = service_text("environment: [ADMIN_KEY, 'B=${ADMIN_KEY:-none}']");

    (void)state;
    setenv("ADMIN_KEY", "secret", 1);
    expect_json(text, "{\"ADMIN_KEY\":null,\"B\":\"none\"}");
}

static void host_ports_are_dropped(void **state)
{
    AUTO_FREE char *text = service_text("ports: ['0.0.0.0:31337:80']\ncontainer_name: other");
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    AUTO_STRBUF StrBuf json = { 0 };

    (void)state;
    CHECK_INT(load_text(text, &plan, &diags), 0);
    plan_write_json(plan, &json);
    CHECK(strstr(strbuf_str(&json), "31337") == NULL);
    CHECK_STR(plan->services[0].name, "web");
    CHECK_STR(plan->services[0].alias_of_container_name, "other");
}

/* Ports that are free, or the instance's to choose, are as they should be. */
static void leased_ports_are_not_remarked(void **state)
{
    AUTO_FREE char *text = service_text("ports: ['80', '${PORT_81:-8081}:81', '0:82', ':83', 84]");
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;

    (void)state;
    CHECK_INT(load_text(text, &plan, &diags), 0);
    CHECK_INT(diags.n, 0);
}

/* Signals and references the engine takes. */
static void what_the_engine_knows_is_taken(void **state)
{
    static const char *const bodies[] = {
        "stop_signal: SIGTERM",
        "stop_signal: usr1",
        "stop_signal: SIGRTMIN+3",
        "stop_signal: RTMAX-1",
        "stop_signal: 9",
        "user: 'www-data:1000'",
        "user: '0'",
        "image: docker.io/a/b:Tag",
        "image: 'LOCALHOST:5000/a/b@sha256:ab'",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        AUTO_FREE char *text = strncmp(bodies[i], "image", 5) == 0
                                   ? xasprintf("services:\n  web:\n    %s\n", bodies[i])
                                   : service_text(bodies[i]);
        expect_json(text, "\"web\"");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(image_names_stay_in_place),
        cmocka_unit_test(remarks),
        cmocka_unit_test(environment_is_hidden),
        cmocka_unit_test(host_ports_are_dropped),
        cmocka_unit_test(leased_ports_are_not_remarked),
        cmocka_unit_test(what_the_engine_knows_is_taken),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
