"""The engine client's own test program against the real engine (tests/unit/docker/engine_live_test.c)."""
import os
import subprocess

from harness import ROOT, Engine, Skip, timeout


@timeout(180)
def test_engine_client_against_the_real_engine():
    binary = next((b for b in (ROOT / f"build/{kind}/tests/unit/docker_engine_live_test"
                               for kind in ("asan", "tsan", "dev", "clang")) if b.exists()), None)
    if not binary:
        raise Skip("not built: make test builds it in its unit stage")
    done = subprocess.run(["setarch", "-R", str(binary)], capture_output=True, text=True, timeout=170, cwd=ROOT, env={
        **os.environ, "WHALEY_TEST_DOCKER_HOST": Engine().url, "SOURCE_ROOT": str(ROOT), "CMOCKA_MESSAGE_OUTPUT": "TAP"})
    assert done.returncode == 0 and "not ok" not in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("\nok ") + done.stdout.startswith("ok ") >= 5, done.stdout
