#!/usr/bin/env bash
# Runs Autobahn's WebSocket cases (PyPI kosoku) against the echo server, which stands on the same accept loop, hand-shake,
# framing and buffers as the messenger. Installs kosoku under .test-tools/ first. The last line says what passed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
tools=$root/.test-tools
venv=$tools/kosoku
port=${WS_CONFORMANCE_PORT:-9101}
kosoku_version=0.1.0

fail() {
  echo "websocket conformance: $*" >&2
  echo "0 passed, 1 failed"
  exit 1
}

if ! "$venv/bin/python" -c "import importlib.metadata as m; assert m.version('kosoku') == '$kosoku_version'" 2>/dev/null; then
  echo "websocket conformance: installing kosoku $kosoku_version into .test-tools/"
  command -v python3 >/dev/null || fail "python3 (3.10 or later) is needed"
  mkdir -p "$tools"
  python3 -m venv "$venv" || fail "python3 -m venv failed"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "kosoku==$kosoku_version" || fail "pip could not install kosoku"
fi

cd "$root"
cargo build --locked --quiet -p messenger-ws --example ws_echo || fail "the echo server does not build"
target=$(cargo metadata --locked --format-version 1 --no-deps | "$venv/bin/python" -c "import json, sys; print(json.load(sys.stdin)['target_directory'])")

"$target/debug/examples/ws_echo" "127.0.0.1:$port" &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
"$venv/bin/python" "$here/check.py" "127.0.0.1:$port"
