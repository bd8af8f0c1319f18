#!/usr/bin/env python3
"""run.py - every test of the project in stages, the cheap ones first; what `make test` calls.

    tests/run.py [--only lint|build|unit|fuzz|integration] [-k WORD] [--build DIR] [--thorough]

One line per stage; a stage that fails shows the tail of its log (all of it is in build/test-logs).
Every single test case counts. The last line is `N passed, N failed`; the exit code is 1 when
something failed or nothing ran.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LOGS = BUILD / "test-logs"
JOBS = os.cpu_count() or 2
# Folders whose code runs on several threads: their unit tests run under ThreadSanitizer too.
CONCURRENT = ("base", "http", "store", "docker", "events", "auth", "challenge", "leases", "instance", "api")
FUZZ_SECONDS = 10
TEST_SECONDS = 120

SANITIZERS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class Stage:
    """Counts and a log of one stage."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.began = name, 0, 0, time.monotonic()
        self.path = LOGS / (re.sub(r"\W+", "-", name) + ".log")
        self.path.write_text("")
        self.failures = []  # (name, tail)
        self.skipped = 0

    def log(self, text):
        with open(self.path, "a", errors="replace") as file:
            file.write(text if text.endswith("\n") else text + "\n")

    def count(self, name, good, output=""):
        self.passed += good
        self.failed += not good
        if not good:
            self.failures.append((name, output))


class Runner:
    def __init__(self, options):
        self.options, self.stages = options, []

    def wanted(self, name):
        return not self.options.k or self.options.k in name

    def stage(self, name, function, *args):
        print(f"{name:<34}", end="", flush=True)
        stage = Stage(name)
        try:
            function(stage, *args)
        except subprocess.CalledProcessError as error:
            stage.count(f"{name}: {error.cmd[0]}", False, tail(error.output or ""))
        seconds = time.monotonic() - stage.began
        note = f", {stage.skipped} skipped" if stage.skipped else ""
        print(f"{stage.passed:4} passed, {stage.failed} failed{note}  ({seconds:.1f} s)", flush=True)
        for failure, output in stage.failures:
            print(f"  FAILED {failure}")
            for line in output.rstrip().splitlines():
                print(f"    {line}")
        if stage.failures:
            print(f"  log: {stage.path.relative_to(ROOT)}", flush=True)
        self.stages.append(stage)
        return not stage.failed


def tail(text, lines=40):
    return "\n".join(text.rstrip().splitlines()[-lines:])


def run(stage, command, seconds=900, env=None):
    """Output and exit code; -1 when it took too long. Its whole process group ends with it."""
    child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                             start_new_session=True)
    try:
        output, _ = child.communicate(timeout=seconds)
        code = child.returncode
    except BaseException as error:
        os.killpg(child.pid, signal.SIGKILL)
        output, _ = child.communicate()
        code = -1
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        output += f"\ntook longer than {seconds} s\n"
    stage.log(f"$ {' '.join(map(str, command))}\n{output}")
    return output, code


def must(stage, command, **more):
    output, code = run(stage, command, **more)
    if code:
        raise subprocess.CalledProcessError(code, command, output)
    return output


# --- builds --------------------------------------------------------------------------------------


def build(stage, kind, targets=()):
    """Configures (through the Makefile, which knows the options) and builds one folder."""
    must(stage, ["make", "-s", f"build/{kind}/build.ninja"])
    must(stage, ["ninja", "-C", str(BUILD / kind), f"-j{JOBS}", *targets], seconds=1800)


def release_stage(stage):
    must(stage, ["make", "-s", "build"], seconds=1800)
    stage.count("build: gcc release", True)


def clang_stage(stage):
    build(stage, "clang")
    stage.count("build: clang", True)


# --- lint ----------------------------------------------------------------------------------------


def lint_stage(stage, runner):
    must(stage, ["make", "-s", "build"], seconds=1800)  # check-docs asks the program
    checks = [[str(p)] for p in sorted((ROOT / "tools").glob("check-*")) if os.access(p, os.X_OK)]
    sources = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "src").rglob("*.c"))
    if runner.options.thorough:
        checks.append(["cppcheck", "--quiet", "--error-exitcode=1", "--inline-suppr", "--std=c11", f"-j{JOBS}", "-Isrc",
                       "--enable=warning,portability", "--suppress=missingIncludeSystem", "--suppress=unknownMacro",
                       "-D_GNU_SOURCE", *sources])
        build_clang = ["make", "-s", "build/clang/build.ninja"]
        must(stage, build_clang)
        checks += [["clang-tidy-14", "--quiet", "-p", "build/clang", source] for source in sources]
    checks = [c for c in checks if runner.wanted("lint: " + label(c))]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for command, (output, code) in zip(checks, pool.map(lambda c: run(stage, c), checks)):
            stage.count("lint: " + label(command), code == 0, tail(output))


def label(command):
    name = pathlib.Path(command[0]).name
    return f"{name} {command[-1]}" if name.startswith("clang-tidy") else name


# --- unit tests ----------------------------------------------------------------------------------


def unit_stage(stage, runner, kind, folders=None):
    """Runs the cmocka binaries of a build folder, JOBS at a time, and counts their TAP lines."""
    must(stage, ["make", "-s", f"build/{kind}/build.ninja"])
    tests = json.loads(subprocess.run(["meson", "introspect", "--tests", str(BUILD / kind)], check=True,
                                      capture_output=True, text=True).stdout)
    tests = [t for t in tests if runner.wanted("unit: " + t["name"])
             and (folders is None or t["name"].split("/")[0] in folders)]
    targets = [os.path.relpath(t["cmd"][0], BUILD / kind) for t in tests]
    if targets:
        build(stage, kind, targets)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        # Without address randomisation: old sanitizer runtimes die at random with much of it.
        results = pool.map(lambda t: run(stage, ["setarch", "-R", *t["cmd"]], seconds=TEST_SECONDS,
                                         env={**SANITIZERS, **t["env"]}), tests)
        for test, (output, code) in zip(tests, results):
            count_tap(stage, f"{kind}: {test['name']}", output, code)


def count_tap(stage, name, output, code):
    good = re.findall(r"^ok\b.*$", output, re.M)
    bad = re.findall(r"^not ok\b[ \d]*-? ?(.*)$", output, re.M)
    skipped = [line for line in good if re.search(r"# SKIP", line, re.I)]
    stage.passed += len(good) - len(skipped)
    stage.skipped += len(skipped)
    for case in bad:
        stage.count(f"{name}: {case}", False, tail(output))
    if code and not bad:
        stage.count(f"{name}: exit code {code}", False, tail(output))
    if re.search(r"^1\.\.0 # SKIP", output, re.M):
        stage.skipped += 1
    elif not good and not bad and not code:
        stage.count(f"{name}: ran no test", False, tail(output))


# --- fuzz corpora --------------------------------------------------------------------------------


def fuzz_stage(stage, runner):
    names = sorted(p.name[:-len("_fuzz.c")] for p in (ROOT / "tests/fuzz").glob("*_fuzz.c"))
    names = [n for n in names if runner.wanted("fuzz: " + n)]
    if not names:
        return
    build(stage, "fuzz", [f"tests/fuzz/{n}_fuzz" for n in names])
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, results in zip(names, pool.map(lambda n: fuzz_one(stage, n), names)):
            for what, (output, code) in results.items():
                stage.count(f"fuzz: {name} {what}", code == 0, tail(output))


def fuzz_one(stage, name):
    program = str(BUILD / f"fuzz/tests/fuzz/{name}_fuzz")
    corpus = ROOT / "tests/fuzz/corpus" / name
    work = pathlib.Path(tempfile.mkdtemp(prefix="fuzz-", dir=BUILD))
    common = ["setarch", "-R", program, "-timeout=10", "-rss_limit_mb=2048", f"-artifact_prefix={LOGS}/{name}-"]
    try:
        corpora = [str(corpus)] if corpus.is_dir() else []
        results = {}
        if corpora:
            results["corpus"] = run(stage, [*common, "-runs=0", *corpora])
        results["short run"] = run(stage, [*common, f"-max_total_time={FUZZ_SECONDS}", str(work), *corpora])
        return results
    finally:
        shutil.rmtree(work, ignore_errors=True)


# --- integration ---------------------------------------------------------------------------------


def integration_stage(stage, runner):
    command = ["scripts/engine.sh", "with", "--isolated", "tests/integration/run.py"]
    if runner.options.k:
        command += ["-k", runner.options.k]
    output, code = run(stage, command, seconds=1500, env={**SANITIZERS, "WHALEY_BIN": str(BUILD / "whaley")})
    block = []
    for line in output.splitlines():
        if line.startswith("not ok "):
            stage.count("integration: " + line.split(" - ", 1)[-1], False, tail("\n".join(block), 60))
        elif line.startswith("ok "):
            if "# SKIP" in line:
                stage.skipped += 1
            else:
                stage.passed += 1
        else:
            block.append(line)
            continue
        block = []
    nothing_chosen = runner.options.k and re.search(r"^0 passed, 0 failed$", output, re.M)
    if code and not stage.failed and not nothing_chosen:
        stage.count("integration: the runner", False, tail(output))


# --- all -----------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["lint", "build", "unit", "fuzz", "integration"])
    parser.add_argument("-k", metavar="WORD", default="", help="only tests whose name holds WORD")
    parser.add_argument("--build", metavar="DIR", help="unit tests of this build folder only")
    parser.add_argument("--thorough", action="store_true", help="lint with cppcheck and clang-tidy too")
    options = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    runner = Runner(options)
    only = options.only

    built = True
    if only in (None, "build", "integration"):
        built = runner.stage("build: gcc release", release_stage)
    if only in (None, "lint"):
        runner.stage("lint", lint_stage, runner)
    if only in (None, "build"):
        runner.stage("build: clang", clang_stage)
    if only in (None, "unit"):
        if options.build:
            kind = pathlib.Path(options.build).name
            runner.stage(f"unit: {kind}", unit_stage, runner, kind, CONCURRENT if kind == "tsan" else None)
        else:
            runner.stage("unit: address + undefined", unit_stage, runner, "asan")
            runner.stage("unit: threads", unit_stage, runner, "tsan", CONCURRENT)
    if only in (None, "fuzz"):
        runner.stage("fuzz: corpora and short runs", fuzz_stage, runner)
    if only in (None, "integration") and built:
        runner.stage("integration", integration_stage, runner)

    passed, failed = sum(s.passed for s in runner.stages), sum(s.failed for s in runner.stages)
    if not passed and not failed:
        print("no test ran", flush=True)
    summary = f"{passed} passed, {failed} failed"
    (LOGS / "summary").write_text(summary + "\n")
    print(summary, flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
