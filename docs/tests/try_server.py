"""Waits for a server that is starting, reads its address and demo log-ins, and runs the client on it.

    try_server.py FOLDER      FOLDER/log: its log in JSON, FOLDER/data/demo.json: the log-ins
"""

import json
import sys
import time
from pathlib import Path

import client

PATIENCE_S = 30


def address(log):
    for line in log.read_text().splitlines():
        if '"listening"' in line:
            return json.loads(line)["address"]
    return None


def main(folder):
    begun = time.monotonic()
    while (found := address(folder / "log")) is None:
        if time.monotonic() - begun > PATIENCE_S:
            sys.exit("the server did not start")
        time.sleep(0.05)
    logins = json.loads((folder / "data" / "demo.json").read_text())["logins"]
    client.main(f"http://{found}", *(f"{login['user']}:{login['password']}" for login in logins))


main(Path(sys.argv[1]))
