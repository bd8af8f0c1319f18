"""`whaley check --build` and `--run`: what works is said to work, what does not is said not to, and
nothing of it stays on the engine or on the disk."""
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import tempfile
import time

from harness import ROOT, Engine, timeout, wait_for

BINARY = os.environ.get("WHALEY_BIN") or str(ROOT / "build/whaley")
SLEEPER = {"instance.toml": "disable_dynamic_flags = true\n",
           "compose.yaml": "services:\n  web:\n    build: .\n    ports: ['80']\n",
           "Dockerfile": "FROM whaley/base:busybox\nCMD [\"sleep\", \"600\"]\n"}


class Folder:
    """A folder for challenges, and a TMPDIR in which nothing may be left."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="whaley-check-test-"))
        self.tmp = self.path / "tmp"
        self.challenges = self.path / "challenges"
        self.tmp.mkdir()
        self.challenges.mkdir()
        self.engine = Engine()
        self.engine.base_image()
        self.before = self.state()
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def write(self, name, files):
        (self.challenges / name).mkdir()
        for path, text in files.items():
            (self.challenges / name / path).write_text(text)

    def env(self, **more):
        return {"PATH": os.environ["PATH"], "DOCKER_HOST": self.engine.url, "TMPDIR": str(self.tmp), **more}

    def check(self, *options, **env):
        return subprocess.run([BINARY, "check", *options, str(self.challenges)], env=self.env(**env), cwd=self.path,
                              capture_output=True, text=True, timeout=110)

    def state(self):
        return (sorted(c["Id"] for c in self.engine.containers(labels=())),
                sorted(n["Name"] for n in self.engine.networks(labels=())),
                sorted(v["Name"] for v in self.engine.volumes(labels=())),
                sorted(t for i in self.engine.images() for t in i["RepoTags"] or []))

    def assert_nothing_left(self):
        assert self.state() == self.before, (self.before, self.state())
        assert not list(self.tmp.iterdir()), list(self.tmp.iterdir())


def test_the_bundled_challenges_run():
    with Folder() as folder:
        for name in ("web-notes", "tcp-vault", "two-tier"):
            shutil.copytree(ROOT / "challenges" / name, folder.challenges / name)
        done = folder.check("--run", "--format=json")
        assert done.returncode == 0, done.stderr + done.stdout
        answer = json.loads(done.stdout)
        codes = [[d["code"] for d in c["diagnostics"]] for c in answer["challenges"]]
        assert len(codes) == 3 and all("built" in c and "ran" in c for c in codes), codes
        assert [c["flag_delivery"] for c in answer["challenges"]] == ["env"] * 3
        assert "two-tier | " in done.stderr and "Step 1/" in done.stderr, done.stderr
        folder.assert_nothing_left()


def test_a_build_that_fails():
    with Folder() as folder:
        folder.write("bad", {**SLEEPER, "Dockerfile": "FROM whaley/base:busybox\nRUN echo so far && exit 3\n"})
        done = folder.check("--build")
        assert done.returncode == 1, done.stderr + done.stdout
        assert "bad | so far" in done.stderr, done.stderr
        assert "[build-failed]" in done.stdout and "1 broken" in done.stdout, done.stdout
        folder.assert_nothing_left()


def test_build_alone_starts_nothing():
    with Folder() as folder:
        folder.write("sleeper", SLEEPER)
        done = folder.check("--build")
        assert done.returncode == 0 and "[built]" in done.stdout and "[ran]" not in done.stdout, done.stdout
        folder.assert_nothing_left()


def test_a_challenge_that_never_listens():
    with Folder() as folder:
        folder.write("sleeper", SLEEPER)
        done = folder.check("--run", READY_TIMEOUT="2")
        assert done.returncode == 1, done.stderr + done.stdout
        assert "[run-failed]" in done.stdout, done.stdout
        folder.assert_nothing_left()


def test_an_image_that_is_not_there():
    with Folder() as folder:
        folder.write("pulled", {**SLEEPER, "compose.yaml": "services:\n  web:\n    image: whaley-test/none\n    ports: ['80']\n"})
        done = folder.check("--build", "--format=sarif")
        assert done.returncode == 1, done.stderr + done.stdout
        results = json.loads(done.stdout)["runs"][0]["results"]
        assert [r["level"] for r in results if r["ruleId"] == "build-failed"] == ["error"], results
        assert [r["level"] for r in results if r["ruleId"] == "image-needed"] == ["note"], results


def test_broken_files_are_not_built():
    with Folder() as folder:
        folder.write("broken", {**SLEEPER, "instance.toml": "timeout = 0\n"})
        done = folder.check("--run")
        assert done.returncode == 1 and "broken |" not in done.stderr, done.stderr


def test_no_engine():
    with Folder() as folder:
        folder.write("sleeper", SLEEPER)
        done = folder.check("--build", DOCKER_HOST="unix:///nonexistent.sock")
        assert done.returncode == 1 and "nothing was built" in done.stderr, done.stderr
        assert not list(folder.tmp.iterdir())


@timeout(150)
def test_interrupted():
    """Ctrl-C while it runs: the instance is taken away before the program ends."""
    with Folder() as folder:
        folder.write("sleeper", SLEEPER)
        process = subprocess.Popen([BINARY, "check", "--run", str(folder.challenges)], cwd=folder.path,
                                   env=folder.env(READY_TIMEOUT="100"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: [c for c in folder.engine.containers() if c["State"] == "running"], 60, "it runs")
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            output = process.communicate(timeout=60)[0].decode()
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 1, output
        assert time.monotonic() - began < 45
        folder.assert_nothing_left()


def output_on_terminal(folder, **env):
    """What it prints when stdout is a terminal."""
    main, side = pty.openpty()
    process = subprocess.Popen([BINARY, "check", str(folder.challenges)], env=folder.env(TERM="xterm", **env),
                               cwd=folder.path, stdout=side, stderr=subprocess.DEVNULL)
    os.close(side)
    text = b""
    try:
        while chunk := os.read(main, 65536):
            text += chunk
    except OSError:
        pass  # the other side was closed
    os.close(main)
    process.wait(20)
    return text.decode()


def test_colours():
    with Folder() as folder:
        folder.write("broken", {**SLEEPER, "instance.toml": "timeout = 0\n"})
        assert "\033[1;31merror:" in output_on_terminal(folder)
        assert "\033" not in output_on_terminal(folder, NO_COLOR="1")
        assert "\033" not in folder.check().stdout
