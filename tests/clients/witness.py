"""A witness that nobody here wrote (aics-witness) on a free loopback port: `witness.py LOG_KEY`. Says its address and key as JSON."""

import json
import sys
import tempfile
from pathlib import Path

from aics_witness import config, service, store


def main(log_key):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = store.create_key_file(folder / "key")
        log = config.LogConfig(origin="orkestra", vkeys=(config.parse_log_vkey(log_key),))
        kept = store.WitnessStore(folder / "witness.db", create=True)
        witness = service.Witness("witness.example/w", key, kept, [log])
        server = service.make_server(witness, "127.0.0.1", 0)
        print(json.dumps({"url": server.url, "key": witness.vkey_text}), flush=True)
        server.serve_forever()


main(sys.argv[1])
