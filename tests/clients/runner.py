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

import asked
import scenario

HERE = Path(__file__).resolve().parent
PYTHON, NODE = [sys.executable], ["node"]
# Client, how it is run, its modes. The Inspector starts a process for every call, and cannot be asked.
CLIENTS = [
    ("inspector", [*NODE, HERE / "adapters/inspector.mjs"], ["modern", "legacy"]),
    ("python_sdk", [*PYTHON, HERE / "adapters/python_sdk.py"], ["auto", "legacy"]),
    ("ts_v2", [*NODE, HERE / "adapters/ts_v2.mjs"], ["auto", "legacy"]),
    ("ts_v1", [*NODE, HERE / "adapters/ts_v1.mjs"], ["legacy"]),
]
TASKS = 10


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


class Runs:
    """What is played on one data directory; every run has a token of its own, as every client should."""

    def __init__(self, binary, data, only):
        self.binary, self.data, self.only = binary, data, only

    def environment(self, name, *more):
        command = [self.binary, "token", "create", "--json", "--name", name, *more, "--data", self.data]
        made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return {**os.environ, "MCP_TOKEN": json.loads(made.stdout)["token"]}

    def works(self, name, command, mode, kind, where):
        environment = self.environment(name)
        return self.play(name, command, mode, kind, where, environment, lambda client: scenario.Scenario(client, mode, TASKS))

    def is_asked(self, name, command, mode, kind, where):
        environment = {**self.environment(name, "--elicit"), "ELICIT": "1"}
        plain = {**self.environment(name), "ELICIT": "1"}
        start = [*command, mode, *place(kind, where)]
        rounds = (name, mode) == ("python_sdk", "auto")
        make = lambda client: asked.Asked(client, mode, rounds, lambda: scenario.Adapter(start, plain))  # noqa: E731
        return self.play(name, command, mode, f"{kind}, asked", where, environment, make)

    def play(self, name, command, mode, kind, where, environment, make):
        started = time.monotonic()
        protocol, passed, failed = scenario.play([*command, mode, *place(kind, where)], environment, make)
        wrong = unverified(self.binary, self.data)
        if wrong:
            failed["leaves a journal that verifies"] = wrong
        else:
            passed.append("leaves a journal that verifies")
        secs = round(time.monotonic() - started, 1)
        verdict = {"client": name, "mode": mode, "over": kind, "protocol": protocol, "passed": len(passed), "failed": failed, "secs": secs}
        print(json.dumps(verdict), flush=True)
        return len(passed), len(failed)

    def chosen(self, runs):
        return [run for run in runs if self.only in f"{run[1]}-{run[3]}-{run[4]}" + ("-asked" if run[0] == self.is_asked else "")]


def place(kind, where):
    return ["http" if kind.startswith("http") else "stdio", *where]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--orkestra", required=True, help="the binary")
    options.add_argument("--only", default="", help="only runs whose name contains this, for example ts_v2-legacy-http or asked")
    options = options.parse_args()
    binary = Path(options.orkestra).resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped then, too
    with tempfile.TemporaryDirectory(prefix="orkestra-clients-") as folder:
        folder = Path(folder)
        server = Server(binary, folder)
        data = folder / "data"
        runs = Runs(binary, data, options.only)
        stdio = [binary, "stdio", "--data", data]
        try:
            # Beside a running server, `orkestra stdio` connects to it; on its own (below), it opens the journal itself.
            places = {"http": [server.said["mcp"]], "stdio": stdio}
            both = [(runs.works, *client[:2], mode, kind) for client in CLIENTS for mode in client[2] for kind in places]
            both += [(runs.is_asked, *client[:2], mode, kind) for client in CLIENTS[1:] for mode in client[2] for kind in places]
            with ThreadPoolExecutor(2) as pool:
                tallies = list(pool.map(lambda run: run[0](*run[1:], places[run[4]]), runs.chosen(both)))
        finally:
            server.stop()
        alone = [(runs.works, *client[:2], mode, "stdio-alone") for client in CLIENTS[1:3] for mode in client[2]]
        tallies += [run[0](*run[1:], stdio) for run in runs.chosen(alone)]
    passed, failed = (sum(column) for column in zip(*tallies)) if tallies else (0, 0)
    print(f"clients: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
