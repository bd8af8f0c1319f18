#!/bin/sh
# A flag from outside wins over the one in the image; the service itself never sees the variable.
[ -z "${FLAG:-}" ] || printf '%s\n' "$FLAG" >/flag
unset FLAG
exec nc -ll -p 1337 -e /vault.sh
