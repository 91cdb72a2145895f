#!/usr/bin/env bash
# Tries the Python client, which knows the protocol chapter alone, on a server of this build with the demo log-ins.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
command -v python3 >/dev/null || { echo "protocol client: python3 (3.10 or later) is needed" >&2; exit 1; }

cargo build --locked --quiet -p messenger-server
target=$(cargo metadata --locked --format-version 1 --no-deps |
    python3 -c "import json, sys; print(json.load(sys.stdin)['target_directory'])")
work=$(mktemp -d)
"$target/debug/messenger-server" --data "$work/data" --listen 127.0.0.1:0 --log json 2>"$work/log" >/dev/null &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$work"' EXIT

python3 -B "$here/try_server.py" "$work" || { status=$?; tail -n 20 "$work/log" >&2; exit "$status"; }
