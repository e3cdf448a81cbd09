"""Stands in for curl on a machine that has none: ``python sender.py -s URL -H 'name: value' --data TEXT``."""

import argparse
import sys
import urllib.request
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("-s", action="store_true")
parser.add_argument("-H", dest="headers", action="append", default=[])
parser.add_argument("--data", required=True)
given = parser.parse_args()
data = Path(given.data[1:]).read_bytes() if given.data.startswith("@") else given.data.encode()
headers = {name: value.strip() for name, value in (header.split(":", 1) for header in given.headers)}
with urllib.request.urlopen(urllib.request.Request(given.url, data, headers), timeout=10) as answer:  # noqa: S310
    sys.stdout.write(answer.read().decode())
