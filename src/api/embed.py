"""Turns files into a C table of bytes and entity tags: embed.py OUTPUT FILE..."""
import hashlib
import pathlib
import sys

output, inputs = sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]


def compact(path):
    """Style and script without indentation, empty lines and `//` lines; no string spans lines."""
    data = path.read_bytes()
    if path.suffix not in (".css", ".js"):
        return data
    kept = (line.strip() for line in data.decode().splitlines())
    return "".join(line + "\n" for line in kept if line and not line.startswith("//")).encode()


lines = ['#include "api/page_data.h"\n']
rows = []
for path in inputs:
    data = compact(path)
    name = "data_" + path.name.replace(".", "_")
    lines.append(f"static const unsigned char {name}[] = {{")
    for start in range(0, len(data), 20):
        lines.append("    " + "".join(f"{byte}," for byte in data[start:start + 20]))
    lines.append("};\n")
    etag = hashlib.sha256(data).hexdigest()[:16]
    rows.append(f'    {{ "{path.name}", {name}, {len(data)}, "\\"{etag}\\"" }},')
lines += ["const PageData PAGE_DATA[] = {", *rows, "};", f"const size_t PAGE_DATA_COUNT = {len(rows)};", ""]
pathlib.Path(output).write_text("\n".join(lines))
