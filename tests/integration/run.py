#!/usr/bin/env python3
"""run.py [-k WORD] [FILE...] - runs tests/integration/test_*.py, one file after the other.

Prints TAP (`ok 3 - test_spawn: test_stop_removes_all # 1.4 s`) and ends with `N passed, N failed`.
Exit code 1 when a test failed or none ran. Each file has a process of its own; a test that outlives
its limit fails with a traceback of where it hangs.
"""
import argparse
import faulthandler
import importlib
import inspect
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import harness  # noqa: E402


class OutOfTime(BaseException):
    pass


def on_alarm(*_):
    raise OutOfTime


def tests_of(module):
    """(name, callable, limit) in the order of the file."""
    found = []
    for name, value in vars(module).items():
        if name.startswith("test") and inspect.isfunction(value):
            found.append((name, value, getattr(value, "timeout", harness.TIMEOUT)))
        elif inspect.isclass(value) and issubclass(value, unittest.TestCase):
            for method in unittest.TestLoader().getTestCaseNames(value):
                function = getattr(value, method)
                found.append((f"{name}.{method}", as_function(value(method)),
                              getattr(function, "timeout", harness.TIMEOUT)))
    return found


def as_function(case):
    def run():
        result = unittest.TestResult()
        case.run(result)
        for reason in result.skipped:
            raise harness.Skip(reason[1])
        for _, text in result.failures + result.errors:
            raise AssertionError(text)
    return run


def comment(text):
    for line in text.rstrip().splitlines():
        print(f"# {line}")


def run_one(function, limit):
    """None when it passed, "skip REASON", or the failure's text."""
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(limit)
    try:
        function()
        return None
    except harness.Skip as reason:
        return f"skip {reason}"
    except OutOfTime:
        return f"took longer than {limit} s\n" + traceback.format_exc()
    except Exception:
        return traceback.format_exc()
    finally:
        signal.alarm(0)


def tidy(failed):
    """Closes what the test left open; shows its servers' logs when it failed."""
    for whaley in list(harness.Whaley.alive):
        if failed:
            comment(f"--- tail of {whaley.log_path.name}")
            comment(whaley.log_tail())
        try:
            whaley.close()
        except Exception as error:
            comment(f"while tidying up: {error!r}")


def run_file(name, word):
    """In a process of its own: runs the tests, prints TAP without a plan."""
    faulthandler.enable()
    module = importlib.import_module(name)
    failures = 0
    for test, function, limit in tests_of(module):
        if word and word not in f"{name}: {test}":
            continue
        began = time.monotonic()
        failure = run_one(function, limit)
        seconds = time.monotonic() - began
        failed = failure is not None and not failure.startswith("skip ")
        failures += failed
        line = f"{'not ok' if failed else 'ok'} - {name}: {test} # {seconds:.1f} s"
        if failure and not failed:
            line = f"ok - {name}: {test} # SKIP {failure[5:]}"
        if failed:
            comment(failure)
        print(line, flush=True)
        tidy(failed)
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="WORD", default="", help="only tests whose name holds WORD")
    parser.add_argument("--file", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    if options.file:
        return run_file(options.file, options.k)
    names = sorted(p.stem for p in HERE.glob("test_*.py"))
    if options.files:
        names = [pathlib.Path(f).stem for f in options.files]
    passed = failed = 0
    for name in names:
        child = subprocess.Popen([sys.executable, str(HERE / "run.py"), "--file", name, "-k", options.k],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                 text=True, errors="replace", start_new_session=True)
        this_failed = 0
        try:
            for line in child.stdout:
                counted = line.startswith(("ok - ", "not ok - "))
                this_failed += line.startswith("not ok - ")
                passed += line.startswith("ok - ") and "# SKIP" not in line
                if counted:
                    line = line.replace("ok -", f"ok {passed + failed + this_failed} -", 1)
                sys.stdout.write(line)
                sys.stdout.flush()
            code = child.wait()
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        if code and not this_failed:
            this_failed = 1
            print(f"not ok {passed + failed + 1} - {name}: the file itself (exit code {code})", flush=True)
        failed += this_failed
    print(f"1..{passed + failed}")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
