#!/usr/bin/env bash
# A container engine for the length of a command, or a private one by hand.
#
#   scripts/engine.sh with [--private] [--isolated] CMD...
#   scripts/engine.sh start|stop|restart|kill|status STATE_DIR
#
# with        uses an engine that answers (DOCKER_HOST, else /var/run/docker.sock), else starts a
#             private one in $ENGINE_STATE (default build/engine), exports DOCKER_HOST, and stops it
#             when CMD ends or a signal comes. Exported too: ENGINE_STATE, for restart by tests.
#             When CMD was killed with SIGKILL the engine is left running, so that what it ran can be
#             taken over; the next `with` finds it again and `stop` ends it. ENGINE_KEEP=1 leaves it
#             running in any case.
# --private   insists on a private engine.
# --isolated  also gives it and CMD a network namespace of their own (loopback only), so that neither
#             the host's firewall nor its ports are touched, and a fresh state folder.
# restart     stops it as an upgrade would (containers stop too) and starts it again on the same data.
# kill        kill -9 of the engine alone, as a crash would; its containers go on until `start`.
#
# A private engine is a containerd and a dockerd of its own, with no bridge and no TCP, run as root.
set -euo pipefail

self=$(readlink -f "$0")
root=$(dirname "$(dirname "$self")")

say() { printf 'engine: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

ping_socket() { # SOCKET
    [ -S "$1" ] && [ "$(curl -s --max-time 2 --unix-socket "$1" http://engine/_ping 2>/dev/null)" = OK ]
}

reachable() { # URL
    case $1 in
    unix://*) ping_socket "${1#unix://}" ;;
    tcp://*) [ "$(curl -sk --max-time 2 "http://${1#tcp://}/_ping" 2>/dev/null)" = OK ] || [ -n "${DOCKER_CERT_PATH:-}" ] ;;
    *) return 1 ;;
    esac
}

# --- one private engine, described by its state folder -------------------------------------------
#   run      the short folder with sockets, pid files and the exec root (socket paths end at 108 bytes)
#   data/    images, containers and volumes: kept between runs
#   *.log

run_dir() { cat "$1/run" 2>/dev/null || true; }
socket_of() { echo "$(run_dir "$1")/docker.sock"; }

process_alive() { # PIDFILE NAME: is the process of this pid file still the one we started?
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 1
    [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ]
}

running() { # STATE
    local run
    run=$(run_dir "$1")
    [ -n "$run" ] && process_alive "$run/docker.pid" dockerd
}

check_prerequisites() {
    [ "$(id -u)" = 0 ] ||
        die "no engine answers and starting a private one takes root. Start Docker, set DOCKER_HOST, or run this as root."
    local program package
    for program in dockerd:docker.io containerd:containerd iptables:iptables curl:curl; do
        package=${program#*:} program=${program%%:*}
        PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null 2>&1 ||
            die "$program is not installed; \`scripts/setup.sh engine\` (or apt-get install $package) brings it."
    done
    mount_cgroups
}

# dockerd needs a cgroup hierarchy; a bare container or virtual machine may have none mounted.
mount_cgroups() {
    grep -qE '^[^ ]+ /sys/fs/cgroup[ /]' /proc/mounts && return 0
    mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null ||
        die "nothing is mounted on /sys/fs/cgroup and cgroup2 cannot be mounted there. In a container, run it with --privileged."
    say "mounted cgroup2 on /sys/fs/cgroup"
}

wait_gone() { # PIDFILE NAME SECONDS
    local i
    for ((i = 0; i < $3 * 20; i++)); do
        process_alive "$1" "$2" || return 0
        sleep 0.05
    done
    return 1
}

end_process() { # PIDFILE NAME SECONDS
    process_alive "$1" "$2" || return 0
    kill -TERM "$(cat "$1")" 2>/dev/null || return 0
    wait_gone "$1" "$2" "$3" && return 0
    kill -KILL "$(cat "$1")" 2>/dev/null || true
    wait_gone "$1" "$2" 5 || say "$2 of $1 does not end"
}

start_containerd() { # STATE RUN
    process_alive "$2/containerd.pid" containerd && return 0
    cat >"$2/containerd.toml" <<TOML
version = 2
root = "$1/data/containerd"
state = "$2/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$2/containerd.sock"
TOML
    # setsid: a Ctrl-C in the terminal must reach the command, not the engine below it.
    setsid containerd --config "$2/containerd.toml" >>"$1/containerd.log" 2>&1 </dev/null &
    echo $! >"$2/containerd.pid"
    local i
    for ((i = 0; i < 200; i++)); do
        [ -S "$2/containerd.sock" ] && return 0
        process_alive "$2/containerd.pid" containerd || sleep 0.1
        kill -0 "$(cat "$2/containerd.pid")" 2>/dev/null || break
        sleep 0.05
    done
    tail -n 15 "$1/containerd.log" >&2
    die "containerd did not come up; its log is $1/containerd.log"
}

start_engine() { # STATE
    local state run i
    state=$(readlink -m "$1")
    if running "$state" && ping_socket "$(socket_of "$state")"; then return 0; fi
    check_prerequisites
    mkdir -p "$state"
    run=$(run_dir "$state")
    if [ -z "$run" ] || [ ! -d "$run" ]; then
        run=$(mktemp -d /run/whaley-XXXXXX 2>/dev/null || mktemp -d /tmp/whaley-XXXXXX)
        echo "$run" >"$state/run"
    fi
    mkdir -p "$state/data"
    export PATH=$PATH:/usr/sbin:/sbin
    start_containerd "$state" "$run"
    rm -f "$run/docker.pid"
    # Compiled-in defaults only: the host's daemon.json must not reach in.
    [ -f "$run/daemon.json" ] || echo '{}' >"$run/daemon.json"
    setsid dockerd --config-file "$run/daemon.json" -H "unix://$run/docker.sock" \
        --containerd "$run/containerd.sock" --data-root "$state/data/docker" --exec-root "$run/exec" \
        -p "$run/docker.pid" --bridge none --shutdown-timeout 5 \
        >>"$state/dockerd.log" 2>&1 </dev/null &
    local pid=$!
    for ((i = 0; i < 600; i++)); do
        ping_socket "$run/docker.sock" && return 0
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 15 "$state/dockerd.log" >&2
    stop_engine "$state"
    die "dockerd did not come up; its log is $state/dockerd.log"
}

# A killed engine leaves the shims of its containers behind; they carry its containerd's address.
end_shims() { # RUN
    local shim
    for shim in /proc/[0-9]*; do
        [ "$(cat "$shim/comm" 2>/dev/null)" = containerd-shim ] || continue
        tr '\0' ' ' <"$shim/cmdline" 2>/dev/null | grep -qF -- "$1/containerd.sock" || continue
        kill_children "${shim#/proc/}"
        kill -KILL "${shim#/proc/}" 2>/dev/null || true
    done
}

kill_children() { # PID
    local child
    # shellcheck disable=SC2013 # words are wanted
    for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
        kill -KILL "$child" 2>/dev/null || true
    done
}

stop_engine() { # STATE
    local state run target
    state=$(readlink -f "$1") || return 0
    run=$(run_dir "$state")
    [ -n "$run" ] || return 0
    end_process "$run/docker.pid" dockerd 20
    end_process "$run/containerd.pid" containerd 10
    end_shims "$run"
    # Longest first, so that what is mounted on top goes first.
    awk -v a="$run/" -v b="$state/" 'index($2, a) == 1 || index($2, b) == 1 { print length($2), $2 }' /proc/mounts |
        sort -rn | while read -r _ target; do umount -l "$(printf '%b' "$target")" 2>/dev/null || true; done
    case $run in
    /run/whaley-* | /tmp/whaley-*) rm -rf "$run" ;;
    esac
    rm -f "$state/run"
}

restart_engine() { # STATE: on the same socket, so that a client may reconnect
    local run
    run=$(run_dir "$1")
    [ -n "$run" ] || die "no private engine has its state in $1"
    end_process "$run/docker.pid" dockerd 20
    start_engine "$1"
}

kill_engine() { # STATE
    local run
    run=$(run_dir "$1")
    running "$1" || die "no private engine runs with its state in $1"
    kill -KILL "$(cat "$run/docker.pid")"
    wait_gone "$run/docker.pid" dockerd 5
}

# --- with ----------------------------------------------------------------------------------------

isolate() { # CMD...: once more from the top, in new namespaces
    [ "$(id -u)" = 0 ] || die "--isolated takes root"
    # shellcheck disable=SC2016 # expanded by the inner shell
    exec env ENGINE_ISOLATED=1 unshare --net --mount --propagation private -- /bin/sh -c \
        'busybox ip link set lo up && exec "$@"' isolate "$self" with --isolated "$@"
}

run_command() { # CMD...: its exit code, with signals passed on
    local child code=0
    # A process group of its own (set -m): background jobs ignore SIGINT otherwise, and a Ctrl-C
    # comes once, from here.
    set -m
    "$@" </dev/null &
    child=$!
    set +m
    # shellcheck disable=SC2064 # the pid of now
    trap "kill -TERM -- -$child 2>/dev/null || true" TERM HUP
    # shellcheck disable=SC2064
    trap "kill -INT -- -$child 2>/dev/null || true" INT
    while :; do
        code=0
        wait "$child" 2>/dev/null || code=$?
        kill -0 "$child" 2>/dev/null || break # else a trap interrupted the wait
    done
    trap - TERM HUP INT
    return "$code"
}

end_with() { # CODE STATE OWN_STATE
    trap '' INT TERM HUP
    if [ "$1" = 137 ] || [ "${ENGINE_KEEP:-}" = 1 ]; then
        if [ "$3" = no ]; then
            say "the private engine and what it runs stay up; \`make stop\` ends them"
            return 0
        fi
    fi
    stop_engine "$2"
    [ "$3" = no ] || rm -rf "$2"
}

with_engine() {
    local private=no isolated=no state own_state=no code=0
    while [ $# -gt 0 ]; do
        case $1 in
        --private) private=yes ;;
        --isolated) isolated=yes private=yes ;;
        *) break ;;
        esac
        shift
    done
    [ $# -gt 0 ] || die "usage: scripts/engine.sh with [--private] [--isolated] CMD..."
    [ "$isolated" = no ] || [ "${ENGINE_ISOLATED:-}" = 1 ] || isolate "$@"
    unset ENGINE_ISOLATED

    if [ "$private" = no ]; then
        local url=${DOCKER_HOST:-unix:///var/run/docker.sock}
        if reachable "$url"; then
            say "using the engine at $url"
            DOCKER_HOST=$url exec "$@"
        fi
        [ -z "${DOCKER_HOST:-}" ] || die "DOCKER_HOST=$DOCKER_HOST does not answer. Start it, or unset DOCKER_HOST to get a private engine."
    fi

    state=${ENGINE_STATE:-$root/build/engine}
    if [ "$isolated" = yes ]; then
        state=$(mktemp -d /tmp/whaley-engine-XXXXXX) own_state=yes
    fi
    # shellcheck disable=SC2064
    trap "end_with 130 '$state' $own_state; exit 130" INT TERM HUP
    start_engine "$state"
    state=$(readlink -f "$state")
    say "started a private engine (state and logs in $state)"
    ENGINE_STATE=$state DOCKER_HOST=unix://$(socket_of "$state")
    export ENGINE_STATE DOCKER_HOST
    run_command "$@" || code=$?
    end_with "$code" "$state" "$own_state"
    exit "$code"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
with) with_engine "$@" ;;
start | stop | restart | kill | status)
    [ $# -eq 1 ] || die "usage: scripts/engine.sh $command STATE_DIR"
    case $command in
    start) start_engine "$1" && echo "unix://$(socket_of "$(readlink -f "$1")")" ;;
    stop) stop_engine "$1" ;;
    restart) restart_engine "$(readlink -f "$1")" ;;
    kill) kill_engine "$(readlink -f "$1")" ;;
    status) if running "$(readlink -f "$1")"; then echo "running at unix://$(socket_of "$(readlink -f "$1")")"; else echo "not running" && exit 1; fi ;;
    esac
    ;;
*) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$self" >&2 && exit 2 ;;
esac
