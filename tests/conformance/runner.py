"""Starts the fixture server and the real one, runs both requirement sets against each, and counts the scored scenarios."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITE = HERE.parent.parent / ".tools/npm/node_modules/@modelcontextprotocol/conformance/dist/index.js"
# How many scenarios count for a revision; fewer would mean that the suite did not run them.
SCORED = {"2026-07-28": 37, "2025-11-25": 30}
SUITE_PATIENCE_SECS = 600


@contextmanager
def started(command, log, **environment):
    """A process that says where it listens, as its first line; it is stopped at the end."""
    with open(log, "w") as errors:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"{command[0]} did not start:\n{log.read_text()}")
            yield json.loads(line)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def required(revision):
    """The names of the server scenarios that count for a revision; what else runs is reported only."""
    command = ["node", SUITE, "list", "--requirements", revision]
    said = subprocess.run(command, capture_output=True, text=True, timeout=SUITE_PATIENCE_SECS, check=True).stdout
    return set(re.findall(r"^\s*- ([\w-]+)$", said.partition("Client scenarios")[0], re.M))


def suite(what, revision, url, folder, baseline=None):
    """Runs what a revision requires. Gives the scored scenarios that passed (or failed as listed) and that failed."""
    command = ["node", SUITE, "server", "--url", url, "--requirements", revision]
    command += ["--expected-failures", baseline] if baseline else []
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SUITE_PATIENCE_SECS)
    said, scored = done.stdout + done.stderr, required(revision)
    found = re.findall(r"^\s*([✓✗]) ([\w-]+): \d+ passed", said.partition("=== SUMMARY ===")[2], re.M)
    verdicts = {name: mark for mark, name in found if name in scored}
    listed = set(re.findall(r"^\s*- ([\w-]+)", baseline.read_text(), re.M)) if baseline else set()
    failed = sorted(name for name, mark in verdicts.items() if mark == "✗" and name not in listed)
    excused = sum(mark == "✗" and name in listed for name, mark in verdicts.items())
    if done.returncode and not failed:
        failed = ["the suite's own verdict"]
    if len(verdicts) != SCORED[revision]:
        failed.append(f"{len(verdicts)} scenarios instead of {SCORED[revision]}")
    passed = sum(mark == "✓" for mark in verdicts.values())
    print(f"{what}, {revision}: {passed} of {SCORED[revision]} scenarios passed, {excused} need a fixture, {len(failed)} failed", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}\n{said[-20000:]}")
    return passed, len(failed)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--fixtures", type=Path, help="the binary with the fixtures")
    options.add_argument("--orkestra", type=Path, help="the real binary")
    options = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped then, too
    tallies = []
    with tempfile.TemporaryDirectory(prefix="orkestra-conformance-") as name:
        folder = Path(name)
        if options.fixtures:
            with started([options.fixtures.resolve(), folder / "fixtures"], folder / "fixtures.log") as said:
                tallies += [suite("fixtures", revision, said["mcp"], folder) for revision in SCORED]
        if options.orkestra:
            token = folder / "token"
            serve = [options.orkestra.resolve(), "serve", "--data", folder / "data", "--listen", "127.0.0.1:0", "--json"]
            with started([*serve, "--token-file", token], folder / "serve.log") as said:
                proxy = ["node", HERE / "proxy.mjs", said["mcp"]]
                with started(proxy, folder / "proxy.log", MCP_TOKEN=token.read_text().strip()) as said:
                    for revision in SCORED:
                        baseline = HERE / f"baseline-{revision}.yml"
                        tallies.append(suite("real server", revision, said["mcp"], folder, baseline))
    passed, failed = (sum(column) for column in zip(*tallies)) if tallies else (0, 0)
    print(f"conformance: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
