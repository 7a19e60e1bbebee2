"""An object store that nobody here wrote (moto), on a free loopback port, with one bucket and one user who may use it.

Prints one line of JSON with its address, the bucket and the user's credentials, and serves until its input ends. Signatures are
checked: the first four requests, which make the user and the bucket, are the only ones that need none. A line on its input changes
what is kept, past the store's own door, and is answered with the names that are kept then:

    list                nothing changes
    remove NAME         the object is gone
    flip NAME           one bit of it is another
    move FROM TO        what begins with FROM begins with TO
    refuse NUMBER       after that many writes, every further one fails
    take                all writes are taken again
    meddle NAME         whoever writes another object next, somebody else writes this one right after
"""

import json
import os
import sys

os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"

import boto3  # noqa: E402
from moto.backends import get_backend  # noqa: E402
from moto.s3.models import S3Backend  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

BUCKET = "records"
ALLOWED = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}

put_object = S3Backend.put_object
left, meddled = None, None


def put(self, *args, **kwargs):
    global left, meddled
    if left == 0:
        raise RuntimeError("no more writes")
    left = None if left is None else left - 1
    made = put_object(self, *args, **kwargs)
    if meddled:
        name, meddled = meddled, None
        put_object(self, BUCKET, name, self.get_object(BUCKET, name).value + b"\n")
    return made


def change(store, kept, word, *names):
    global left, meddled
    if word == "remove":
        kept.pop(names[0])
    elif word == "flip":
        value = bytearray(kept[names[0]].value)
        value[40] ^= 1
        kept[names[0]].value = bytes(value)
    elif word == "move":
        for name in [name for name in kept if name.startswith(names[0])]:
            put_object(store, BUCKET, names[1] + name.removeprefix(names[0]), kept[name].value)
            kept.pop(name)
    elif word == "refuse":
        left = int(names[0])
    elif word == "take":
        left = None
    elif word == "meddle":
        meddled = names[0]
    elif word != "list":
        raise ValueError(word)


def main() -> None:
    S3Backend.put_object = put
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
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
    [store] = [one["global"] for _, one in get_backend("s3").items() if BUCKET in one["global"].buckets]
    for line in sys.stdin:
        kept = store.buckets[BUCKET].keys
        change(store, kept, *line.split())
        print(json.dumps(sorted(kept)), flush=True)


if __name__ == "__main__":
    main()
