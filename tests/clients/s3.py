"""An object store that nobody here wrote (moto), on a free loopback port, with one bucket and one user who may use it.

Prints one line of JSON with its address, the bucket and the user's credentials, and serves until its input ends. Signatures are
checked: the first four requests, which make the user and the bucket, are the only ones that need none. Lines on its input change what
is kept, beside the store's own door: "remove KEY" and "flip KEY".
"""

import json
import os
import sys

os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"

import boto3  # noqa: E402
from moto.backends import get_backend  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

BUCKET = "records"
ALLOWED = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    first = {"endpoint_url": address, "region_name": "us-east-1", "aws_access_key_id": "first", "aws_secret_access_key": "first"}
    people = boto3.client("iam", **first)
    people.create_user(UserName="orkestra")
    people.put_user_policy(UserName="orkestra", PolicyName="archive", PolicyDocument=json.dumps(ALLOWED))
    key = people.create_access_key(UserName="orkestra")["AccessKey"]
    boto3.client("s3", **first).create_bucket(Bucket=BUCKET)
    said = {"address": address, "bucket": BUCKET, "key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    print(json.dumps(said), flush=True)
    for line in sys.stdin:
        word, _, name = line.strip().partition(" ")
        [store] = [one["global"] for account, one in get_backend("s3").items() if BUCKET in one["global"].buckets]
        kept = store.buckets[BUCKET].keys
        if word == "list":
            print(json.dumps(sorted(kept)), flush=True)
            continue
        if word == "remove":
            kept.pop(name)
        else:
            value = bytearray(kept[name].value)
            value[40] ^= 1
            kept[name].value = bytes(value)
        print("{}", flush=True)


if __name__ == "__main__":
    main()
