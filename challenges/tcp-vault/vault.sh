#!/bin/sh
# One session: shows three turns of the dial, wants the next five.
state=$(od -An -N4 -tu4 /dev/urandom)
state=$((state % 2147483648))

turn() { state=$(((state * 1103515245 + 12345) % 2147483648)); }

echo "The dial turns:"
for _ in 1 2 3; do
    turn
    echo "$state"
done
echo "Your turn, five in a row."
for _ in 1 2 3 4 5; do
    turn
    printf '> '
    # shellcheck disable=SC3045 # busybox sh has it
    read -r -t 60 guess || exit 0
    if [ "$guess" != "$state" ]; then
        echo "The vault stays shut."
        exit 0
    fi
done
echo "The vault opens: $(cat /flag)"
