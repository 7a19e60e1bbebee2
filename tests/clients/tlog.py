"""Follows a log with a client that nobody here wrote (aics-tlog): `tlog.py ADDRESS KEY OLD_CHECKPOINT PROOF RECORD`, the token in TOKEN.

Checks the signed checkpoint, every tile and every entry of the tree it is of, that the tree grew from the older checkpoint, and a
proof that Orkestra made. One line for each; an error where one does not hold.
"""

import base64
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

import aics_tlog
from aics_tlog import tiles


class Reader:
    """Tiles over HTTP with a bearer token, as the client's protocol of readers wants them."""

    def __init__(self, address):
        self.prefix = f"http://{address}/tlog/"

    def get(self, path):
        request = urllib.request.Request(self.prefix + path, headers={"Authorization": "Bearer " + os.environ["TOKEN"]})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def read_tile(self, level, index, width):
        return self.get(tiles.tile_path(level, index, width))

    def read_entry_bundle(self, index, width):
        return self.get(tiles.entry_bundle_path(index, width))


def verified(note, key):
    """A checkpoint that the log signed."""
    result = aics_tlog.verify_checkpoint(aics_tlog.parse_note(note), aics_tlog.parse_vkey(key), expected_origin="orkestra")
    if not result.ok:
        raise SystemExit(f"the checkpoint does not verify: {result.error}")
    return result


def main(address, key, old_file, proof_file, record_file):
    reader = Reader(address)
    new = verified(reader.get("checkpoint"), key)
    print(f"checkpoint of {new.size}")
    report = aics_tlog.audit_tiles(reader, new.size, new.root)
    print(f"audited {report.tiles} tiles, {report.bundles} bundles")

    old = verified(Path(old_file).read_bytes(), key)
    proof = aics_tlog.consistency_proof_from_tiles(aics_tlog.VerifiedTileReader(reader, new.size, new.root), old.size, new.size)
    if not old.size < new.size or not aics_tlog.verify_consistency(old.size, new.size, old.root, new.root, proof):
        raise SystemExit("the log did not grow from the older checkpoint")
    print(f"grew from {old.size}")

    head, note = Path(proof_file).read_text().split("\n\n", 1)
    form, index, *path = head.split("\n")
    index = int(index.removeprefix("index "))
    at = verified(note.encode(), key)
    leaf = Path(record_file).read_bytes().removesuffix(b"\n")
    path = [base64.b64decode(line, validate=True) for line in path]
    if form != "c2sp.org/tlog-proof@v1" or not aics_tlog.verify_leaf_inclusion(leaf, index, at.size, path, at.root):
        raise SystemExit("the record is not in the log")
    if aics_tlog.read_entry(reader, index, new.size) != leaf:
        raise SystemExit("the entry is another")
    print(f"leaf {index} is in it")


main(*sys.argv[1:])
