"""Runs all cases against the server at the address given and judges the verdicts."""

import asyncio
import socket
import sys
import time

from kosoku import FailureError, run_fuzzingclient

# Verdicts that pass. A case that is unimplemented (compression is not offered) is counted apart.
GOOD = {"OK", "INFORMATIONAL"}
GOOD_CLOSE = {"OK", "INFORMATIONAL"}

# Cases that may pass non-strictly. None: text is checked while it arrives, which is what 6.4.3 and 6.4.4 look at.
MAY_BE_NON_STRICT: set[str] = set()

# What a run must contain, so that an empty one does not pass.
AT_LEAST = 240


def wait_for(address: str) -> None:
    host, port = address.rsplit(":", 1)
    for _ in range(100):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"websocket conformance: nothing listens on {address}\n0 passed, 1 failed")


async def verdicts(address: str) -> list:
    try:
        return await run_fuzzingclient(address, None, None, concurrency=2)
    except FailureError as failure:
        return failure.results


def main() -> int:
    address = sys.argv[1]
    wait_for(address)
    passed = failed = unimplemented = 0
    for result in asyncio.run(verdicts(address)):
        behavior, close = result.behavior.value, result.behavior_close.value
        if behavior == "UNIMPLEMENTED":
            unimplemented += 1
        elif close in GOOD_CLOSE and (
            behavior in GOOD or (behavior == "NON-STRICT" and result.case_id in MAY_BE_NON_STRICT)
        ):
            passed += 1
        else:
            failed += 1
            print(f"  {result.case_id}: {behavior}, close {close}: {result.description}")
    if passed + failed < AT_LEAST:
        print(f"websocket conformance: only {passed + failed} cases ran, {AT_LEAST} are expected")
        failed += 1
    if unimplemented:
        print(f"websocket conformance: {unimplemented} cases of extensions that are not offered")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
