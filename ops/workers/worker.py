#!/usr/bin/env python3
"""A worker for Orkestra in Python: keeps the labels of an organisation in a SQLite database of its own.

    worker.py --nats nats://127.0.0.1:4222 --worker paint --module labels --database labels.db

It follows the contract in README.md beside it: check, do once, report, and acknowledge only when the outcome is journaled.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import sys
from datetime import datetime, timezone

import nats
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeout
from nats.js.errors import Error as JetStreamError

STREAM = "ORKESTRA_EXECUTIONS"
PROGRESS_SECONDS = 10


class Labels:
    """The work itself. One transaction holds both the change and the note that it was made, so an action is done once."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("CREATE TABLE IF NOT EXISTS done (action TEXT PRIMARY KEY, result TEXT NOT NULL)")
        self.db.execute("CREATE TABLE IF NOT EXISTS labels (id TEXT PRIMARY KEY, name TEXT)")

    def done(self, action):
        """What was done for an action before; None where nothing was."""
        known = self.db.execute("SELECT result FROM done WHERE action = ?", (action,)).fetchone()
        return json.loads(known[0]) if known else None

    def carry_out(self, action, plan):
        """Makes the planned changes of labels."""
        changed = 0
        with self.transaction():
            for change in plan["changes"]:
                changed += self.change(change)
            result = {"rows": changed}
            self.db.execute("INSERT INTO done VALUES (?, ?)", (action, json.dumps(result)))
        return result

    @contextlib.contextmanager
    def transaction(self):
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def change(self, change):
        if change["entity"] != "label":
            return 0
        if change["op"] == "delete":
            return self.db.execute("DELETE FROM labels WHERE id = ?", (change["id"],)).rowcount
        name = change["fields"].get("name", {}).get("to")
        if change["op"] == "create":
            self.db.execute("INSERT INTO labels VALUES (?, ?)", (change["id"], name))
        elif name is not None:
            self.db.execute("UPDATE labels SET name = ? WHERE id = ?", (name, change["id"]))
        return 1


def outcome_of(execution, labels):
    """What comes of one execution, as an outcome. What was done before is never denied, however late it is now."""
    said = {name: execution[name] for name in ("v", "action", "attempt", "digest")}
    if hashlib.sha256(execution["plan"].encode()).hexdigest() != execution["digest"]:
        return said | {"outcome": "failed", "reason": "the plan does not have its digest"}
    try:
        known = labels.done(execution["action"])
        if known is not None:
            return said | {"outcome": "succeeded", "result": known}
        if datetime.now(timezone.utc) >= datetime.fromisoformat(execution["deadline"].replace("Z", "+00:00")):
            return said | {"outcome": "failed", "reason": "the deadline has passed"}
        return said | {"outcome": "succeeded", "result": labels.carry_out(execution["action"], json.loads(execution["plan"]))}
    except sqlite3.IntegrityError as cause:
        return said | {"outcome": "failed", "reason": str(cause)}
    except sqlite3.OperationalError as cause:
        # The transaction was rolled back: nothing was done.
        return said | {"outcome": "failed", "mayRetry": True, "reason": str(cause)}


async def report(client, subject, outcome, trace):
    """Says it until the server answers that the attempt may be forgotten."""
    headers = {"traceparent": trace} if trace else None
    pause = 0.1
    while True:
        try:
            answer = json.loads((await client.request(subject, json.dumps(outcome).encode(), timeout=5, headers=headers)).data)
            if answer["final"]:
                return answer
        except (NatsTimeout, NoRespondersError, nats.errors.Error) as cause:
            print(f"no answer yet: {cause!r}", file=sys.stderr)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 10)


async def beating(message):
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        await message.in_progress()


async def one(client, subject, message, labels):
    beat = asyncio.create_task(beating(message))
    try:
        execution = json.loads(message.data)
        outcome = outcome_of(execution, labels)
        answer = await report(client, subject, outcome, execution.get("trace"))
        if answer["answer"].get("error", {}).get("code") == "wrong_worker":
            await message.nak(delay=1)
            return
        await message.ack_sync()
        print(json.dumps({"action": outcome["action"], "outcome": outcome["outcome"], "accepted": answer["accepted"]}), flush=True)
    finally:
        beat.cancel()


async def main(args):
    user = {"user": args.user, "password": args.password, "inbox_prefix": f"_INBOX.{args.user}"} if args.user else {}
    client = await nats.connect(args.nats.split(","), max_reconnect_attempts=-1, name=f"worker {args.worker}", **user)
    subject, labels = f"orkestra.outcome.0.{args.worker}", Labels(args.database)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    while not stop.is_set():
        try:
            pulling = await client.jetstream().pull_subscribe_bind(args.module, STREAM)
            while not stop.is_set():
                with contextlib.suppress(NatsTimeout):
                    for message in await pulling.fetch(1, timeout=1):
                        await one(client, subject, message, labels)
        except (JetStreamError, nats.errors.Error) as cause:
            print(f"waiting for the broker: {cause!r}", file=sys.stderr)
            await asyncio.sleep(1)
    # Nothing is under way any more: each execution was acknowledged, or is given out again.
    await client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nats", default="nats://127.0.0.1:4222", help="several with commas")
    parser.add_argument("--user")
    parser.add_argument("--password", default=os.environ.get("NATS_PASSWORD"), help="or NATS_PASSWORD in the environment")
    parser.add_argument("--worker", required=True)
    parser.add_argument("--module", default="labels")
    parser.add_argument("--database", default="labels.db")
    asyncio.run(main(parser.parse_args()))
