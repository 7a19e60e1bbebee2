"""Starts a server on a free port and a directory of its own, plays the scenario with every client, and stops the server."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import scenario

HERE = Path(__file__).resolve().parent
PYTHON, NODE = [sys.executable], ["node"]
# Client, how it is run, its modes, how many tasks it creates. The Inspector starts a process for every call.
CLIENTS = [
    ("python_sdk", [*PYTHON, HERE / "adapters/python_sdk.py"], ["auto", "legacy"], 10),
    ("ts_v2", [*NODE, HERE / "adapters/ts_v2.mjs"], ["auto", "legacy"], 10),
    ("ts_v1", [*NODE, HERE / "adapters/ts_v1.mjs"], ["legacy"], 10),
    ("inspector", [*NODE, HERE / "adapters/inspector.mjs"], ["modern", "legacy"], 2),
]


class Server:
    """`orkestra serve` on a free loopback port."""

    def __init__(self, binary, folder):
        self.token_file = folder / "token"
        log = open(folder / "serve.log", "w")
        command = [binary, "serve", "--data", folder / "data", "--listen", "127.0.0.1:0", "--json", "--token-file", self.token_file]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the server did not start:\n" + (folder / "serve.log").read_text())
        self.said = json.loads(line)
        self.wait_until_ready()

    def wait_until_ready(self):
        for _ in range(300):
            try:
                with urllib.request.urlopen(self.said["http"].rstrip("/") + "/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit("the server is not ready after 30 s")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise SystemExit("the server did not stop within 30 s")


def unverified(binary, data):
    """Why the journal does not verify, or nothing where it does."""
    done = subprocess.run([binary, "journal", "verify", "--data", data], capture_output=True, text=True, timeout=120)
    return done.stderr.strip() if done.returncode else ""


def play(name, command, mode, kind, where, tasks, token, binary, data):
    started = time.monotonic()
    environment = {**os.environ, "MCP_TOKEN": token}
    transport = "http" if kind == "http" else "stdio"
    protocol, passed, failed = scenario.play([*command, mode, transport, *where], environment, mode, tasks)
    wrong = unverified(binary, data)
    if wrong:
        failed["leaves a journal that verifies"] = wrong
    else:
        passed.append("leaves a journal that verifies")
    secs = round(time.monotonic() - started, 1)
    verdict = {"client": name, "mode": mode, "over": kind, "protocol": protocol, "passed": len(passed), "failed": failed, "secs": secs}
    print(json.dumps(verdict), flush=True)
    return len(passed), len(failed)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--orkestra", required=True, help="the binary")
    options.add_argument("--only", default="", help="only runs whose name contains this, for example ts_v2-legacy-http")
    options = options.parse_args()
    binary = Path(options.orkestra).resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped then, too
    with tempfile.TemporaryDirectory(prefix="orkestra-clients-") as folder:
        folder = Path(folder)
        server = Server(binary, folder)
        try:
            token = server.token_file.read_text().strip()
            data = folder / "data"
            stdio = [binary, "stdio", "--data", data]
            # Beside a running server, `orkestra stdio` connects to it; on its own (below), it opens the journal itself.
            runs = [(*client, mode, kind) for client in CLIENTS for mode in client[2] for kind in ("http", "stdio")]
            chosen = [run for run in runs if options.only in f"{run[0]}-{run[4]}-{run[5]}"]
            with ThreadPoolExecutor(2) as pool:
                tallies = list(pool.map(lambda run: play(
                    run[0], run[1], run[4], run[5], [server.said["mcp"]] if run[5] == "http" else stdio, run[3], token, binary, data,
                ), chosen))  # fmt: skip
        finally:
            server.stop()
        for name, command, modes, tasks in CLIENTS[:2]:
            for mode in modes:
                if options.only in f"{name}-{mode}-stdio-alone":
                    tallies.append(play(name, command, mode, "stdio-alone", stdio, tasks, token, binary, data))
    passed, failed = (sum(column) for column in zip(*tallies)) if tallies else (0, 0)
    print(f"clients: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
