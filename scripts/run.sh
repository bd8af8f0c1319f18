#!/bin/sh
# `make run`: an engine, the base image, and build/whaley on the bundled challenges. Settings given
# in the environment win over the defaults below.
set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" != inside ]; then
    exec scripts/engine.sh with "$0" inside
fi

scripts/base-image.sh

run=$PWD/.run
mkdir -p "$run/data" "$run/logs"
# Loopback only: without sign-in anybody who can reach the port can start challenges.
export HOST="${HOST:-127.0.0.1}" PORT="${PORT:-8000}" AUTH_MODE="${AUTH_MODE:-none}" \
    PUBLIC_HOST="${PUBLIC_HOST:-127.0.0.1}" PUBLISH_ADDRESS="${PUBLISH_ADDRESS:-127.0.0.1}" \
    CHALLENGES_DIR="${CHALLENGES_DIR:-$PWD/challenges}" DATA_DIR="${DATA_DIR:-$run/data}" \
    LOG_FILE="${LOG_FILE:-$run/logs/events.jsonl}" USER_PORTS_FILE="${USER_PORTS_FILE:-$run/logs/user_ports.json}" \
    FORENSICS_LOG_DIR="${FORENSICS_LOG_DIR:-$run/logs/forensics}"

url=http://127.0.0.1:$PORT
cat <<TXT

  Whaley: $url   (Ctrl-C ends it)

  curl $url/challenges
  curl $url/instances/spawn -H 'Content-Type: application/json' -d '{"challenge_id":"web-notes"}'
  curl $url/instances

TXT
exec build/whaley serve
