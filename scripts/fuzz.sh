#!/bin/sh
# Fuzzes one target: scripts/fuzz.sh NAME SECONDS. New inputs go to build/fuzz-work/NAME; a crash
# leaves its input there too. Without a name, lists the targets.
set -eu
cd "$(dirname "$0")/.."

if [ $# -eq 0 ]; then
    echo "Targets (make fuzz T=name S=seconds):"
    find tests/fuzz -maxdepth 1 -name '*_fuzz.c' | sed 's|.*/||; s|_fuzz\.c$||; s|^|  |' | sort
    exit 0
fi
name=$1 seconds=$2
[ -f "tests/fuzz/${name}_fuzz.c" ] || {
    echo "fuzz: there is no tests/fuzz/${name}_fuzz.c; \`make fuzz\` lists the targets." >&2
    exit 1
}
ninja -C build/fuzz "tests/fuzz/${name}_fuzz"
work=build/fuzz-work/$name
mkdir -p "$work" "tests/fuzz/corpus/$name"
dictionary=
[ ! -f "tests/fuzz/$name.dict" ] || dictionary=-dict=tests/fuzz/$name.dict
# shellcheck disable=SC2086 # absent or one word
exec "build/fuzz/tests/fuzz/${name}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$work/" $dictionary "$work" "tests/fuzz/corpus/$name"
