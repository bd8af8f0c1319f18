#!/bin/sh
# Installs the Debian packages that the named groups need and that are missing.
#
#   scripts/setup.sh [--optional] GROUP...     build test bench fuzz lint engine
#
# Instant and offline when all is there. With --optional a package that cannot be had is a warning.
set -eu

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

packages_of() {
    case $1 in
    build) echo gcc libc6-dev make meson ninja-build pkg-config libmicrohttpd-dev libjansson-dev \
        libyaml-dev libsqlite3-dev libcurl4-openssl-dev libarchive-dev libsodium-dev ;;
    test) echo libcmocka-dev python3 curl sqlite3 ;;
    browser) echo chromium ;;
    bench) echo wrk nginx-light docker-compose python3 curl ;;
    fuzz) echo clang-14 libclang-rt-14-dev libcmocka-dev python3 ;;
    lint) echo clang-format-14 clang-tidy-14 cppcheck shellcheck universal-ctags python3 ;;
    engine) echo docker.io iptables busybox-static python3 curl ;;
    *) die "unknown group '$1'; known: build test browser bench fuzz lint engine" ;;
    esac
}

installed() {
    case $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) in
    *' ok installed') return 0 ;;
    esac
    # A Docker from docker.com or a self-built one serves as well.
    [ "$1" = docker.io ] && command -v dockerd >/dev/null 2>&1
}

optional=no
[ "${1:-}" != --optional ] || { optional=yes && shift; }
[ $# -gt 0 ] || die "usage: scripts/setup.sh [--optional] GROUP...  (build test browser bench fuzz lint engine)"

command -v dpkg-query >/dev/null 2>&1 ||
    die "this is not Debian (no dpkg-query). Install by hand what scripts/setup.sh lists for: $*; then run meson and ninja as docs/CONVENTIONS.md says."

missing=
for group in "$@"; do
    names=$(packages_of "$group")
    for name in $names; do
        case " $missing " in *" $name "*) continue ;; esac
        installed "$name" || missing="$missing $name"
    done
done
missing=${missing# }
[ -n "$missing" ] || exit 0

give_up() {
    [ "$optional" = yes ] || die "$@"
    say "$* (optional; going on without)"
    exit 0
}

[ "$(id -u)" = 0 ] || give_up "missing packages: $missing. Run as root, or: sudo apt-get install $missing"
say "installing $missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # the list is words
if ! apt-get install -y --no-install-recommends $missing >"$log" 2>&1; then
    # The package lists may be old or absent: fetch them and try once more.
    apt-get update >>"$log" 2>&1 || { tail -n 5 "$log" >&2; give_up "apt-get update failed; is there a network and a Debian 12 source in /etc/apt?"; }
    apt-get install -y --no-install-recommends $missing >>"$log" 2>&1 ||
        { tail -n 15 "$log" >&2; give_up "apt-get could not install $missing"; }
fi
case " $missing " in
*' nginx-light '*) # only its binary is wanted, not a web server on port 80
    if [ -d /run/systemd/system ]; then systemctl disable --now nginx >/dev/null 2>&1 || true; fi
    ;;
esac
say "done"
