#!/usr/bin/env python3
"""solve.py HOST PORT - prints the flag of `tcp-vault`; exit code 1 when there is none."""
import re
import socket
import sys


def main():
    host, port = sys.argv[1], int(sys.argv[2])
    try:
        with socket.create_connection((host, port), timeout=10) as connection:
            text = talk(connection)
    except OSError as error:
        sys.exit(f"solve: {error}")
    found = re.search(r"\w+\{[^}\n]+\}", text)
    if not found:
        sys.exit(f"solve: no flag in {text[-200:]!r}")
    print(found.group())


def talk(connection):
    text = ""
    while not text.endswith("> "):
        piece = connection.recv(4096)
        if not piece:
            return text
        text += piece.decode(errors="replace")
    state = int(re.findall(r"^\d+$", text, re.M)[-1])
    for _ in range(5):
        state = (state * 1103515245 + 12345) % 2**31
        connection.sendall(b"%d\n" % state)
    while True:
        piece = connection.recv(4096)
        if not piece:
            return text
        text += piece.decode(errors="replace")


if __name__ == "__main__":
    main()
