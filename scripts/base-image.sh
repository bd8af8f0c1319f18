#!/bin/sh
# Makes the image whaley/base:busybox, which the bundled challenges build on, without any network:
# the static busybox of this machine, a link per applet, and the few files a shell expects.
#
#   scripts/base-image.sh        the engine is DOCKER_HOST, else unix:///var/run/docker.sock
#
# Does nothing when the engine has the image already, made from the same busybox and this script.
set -eu

image=whaley/base tag=busybox
say() { printf 'base-image: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

busybox=$(command -v busybox) || die "busybox is not installed; \`scripts/setup.sh engine\` brings busybox-static."
host=${DOCKER_HOST:-unix:///var/run/docker.sock}
engine() { # PATH CURL-OPTION...
    path=$1 && shift
    case $host in
    unix://*) curl -sS --max-time 60 --unix-socket "${host#unix://}" "$@" "http://engine$path" ;;
    tcp://*) curl -sS --max-time 60 "$@" "http://${host#tcp://}$path" ;;
    *) die "DOCKER_HOST=$host: only unix:// and tcp:// are understood" ;;
    esac
}

digest=$(cat "$busybox" "$0" | sha256sum | cut -c 1-16)
have=$(engine "/images/$image:$tag/json" 2>/dev/null) || die "no engine answers at $host"
case $have in *"\"whaley.base\":\"$digest\""*) exit 0 ;; esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 - "$busybox" >"$work/root.tar" <<'PY'
import io, struct, subprocess, sys, tarfile

busybox = sys.argv[1]
with open(busybox, "rb") as file:
    program = file.read()
# An ELF file with an interpreter (program header type 3) needs libraries the image will not have.
offset, = struct.unpack_from("<Q", program, 32)
size, count = struct.unpack_from("<HH", program, 54)
if any(struct.unpack_from("<I", program, offset + i * size)[0] == 3 for i in range(count)):
    sys.exit(f"base-image: {busybox} is not static; install busybox-static.")
applets = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout.split()
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nctf:x:1000:1000:ctf:/home/ctf:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nctf:x:1000:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
    def add(name, kind=tarfile.REGTYPE, mode=0o644, data=b"", link="", owner=0):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.size, info.linkname = kind, mode, len(data), link
        info.uid = info.gid = owner
        tar.addfile(info, io.BytesIO(data))
    for folder in ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "var"):
        add(folder, tarfile.DIRTYPE, 0o755)
    add("tmp", tarfile.DIRTYPE, 0o1777)
    add("home/ctf", tarfile.DIRTYPE, 0o755, owner=1000)
    add("bin/busybox", mode=0o755, data=program)
    for applet in sorted(set(applets) - {"busybox"}):
        add("bin/" + applet, tarfile.SYMTYPE, 0o777, link="busybox")
    add("usr/bin/env", tarfile.SYMTYPE, 0o777, link="../../bin/busybox")
    for name, text in FILES.items():
        add(name, data=text.encode())
PY

answer=$(engine "/images/create?fromSrc=-&repo=$image&tag=$tag&changes=ENV%20PATH%3D%2Fbin%3A%2Fusr%2Fbin&changes=CMD%20%5B%22%2Fbin%2Fsh%22%5D&changes=LABEL%20whaley.base%3D$digest" \
    -X POST -H 'Content-Type: application/x-tar' --data-binary "@$work/root.tar") || die "the engine at $host refused the image"
case $answer in *'"error"'* | *'"message"'*) die "the engine refused the image: $answer" ;; esac
say "made $image:$tag"
