"""A WebSocket link that carries frames in either codec, with nothing but Python's standard library.

    Link(url, codec)   send(frame) ──► {"send": {...}} as text, or [2, {...}] in binary
                       receive()   ◄── the same the other way; raises Closed at the end

The binary codec knows no frame by itself: it reads schema/messenger.v1.schema.json and schema/cbor.json.
"""

import base64
import hashlib
import json
import os
import socket
import struct
from pathlib import Path
from urllib.parse import urlparse

SCHEMA = Path(__file__).resolve().parents[2] / "schema"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Closed(Exception):
    """The link has ended; `status` is None when no close frame came."""

    def __init__(self, status, reason):
        super().__init__(f"{status} {reason}")
        self.status, self.reason = status, reason


class Link:
    def __init__(self, url, codec="json", timeout=10.0):
        self.codec = JsonCodec() if codec == "json" else CborCodec()
        address = urlparse(url)
        self.socket = socket.create_connection((address.hostname, address.port), timeout)
        self.buffer = b""
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(
            f"GET /v1/ws HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key.decode()}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: messenger.v1.{codec}\r\n\r\n".encode()
        )
        head = self._until(b"\r\n\r\n").decode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        assert head.startswith("HTTP/1.1 101"), head
        assert accept in head and f"messenger.v1.{codec}" in head, head

    def send(self, frame):
        opcode, payload = self.codec.write(frame)
        self._write(opcode, payload)

    def send_raw(self, payload):
        self._write(self.codec.opcode, payload)

    def receive(self):
        message = b""
        while True:
            first, second = self._take(2)
            length = second & 127
            if length == 126:
                (length,) = struct.unpack(">H", self._take(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self._take(8))
            payload, opcode = self._take(length), first & 15
            if opcode == PING:
                self._write(PONG, payload)
            elif opcode == CLOSE:
                status = struct.unpack(">H", payload[:2])[0] if payload else None
                raise Closed(status, payload[2:].decode())
            elif opcode in (TEXT, BINARY, 0):
                message += payload
                if first & 128:
                    return self.codec.read(message)

    def cut(self):
        """Ends the link without a word, as a lost network does."""
        self.socket.close()

    def _write(self, opcode, payload):
        mask, length = os.urandom(4), len(payload)
        if length < 126:
            head = struct.pack(">BB", 128 | opcode, 128 | length)
        elif length < 65536:
            head = struct.pack(">BBH", 128 | opcode, 128 | 126, length)
        else:
            head = struct.pack(">BBQ", 128 | opcode, 128 | 127, length)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(head + mask + masked)

    def _take(self, count):
        while len(self.buffer) < count:
            self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _until(self, end):
        while end not in self.buffer:
            self._more()
        taken, self.buffer = self.buffer.split(end, 1)
        return taken

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Closed(None, "the connection ended")
        self.buffer += data


class JsonCodec:
    opcode = TEXT

    def write(self, frame):
        return TEXT, json.dumps(frame, ensure_ascii=False).encode()

    def read(self, message):
        return json.loads(message)


class CborCodec:
    opcode = BINARY

    def __init__(self):
        self.types = json.loads((SCHEMA / "messenger.v1.schema.json").read_text())["$defs"]
        table = json.loads((SCHEMA / "cbor.json").read_text())
        self.records, self.choices = table["records"], table["choices"]
        self.symbols, self.codes = table["symbols"], table["codes"]

    def write(self, frame):
        return BINARY, self._write({"$ref": "#/$defs/ClientFrame"}, frame)

    def read(self, message):
        value, rest = parse(message)
        assert not rest, "something follows the frame"
        return self._read({"$ref": "#/$defs/ServerFrame"}, value)

    def _write(self, schema, value):
        name, schema = self._resolve(schema)
        if name == "Cmid":
            return head(2, 16) + bytes.fromhex(value.replace("-", ""))
        if name in self.symbols:
            return head(0, self.symbols[name][value])
        if name in self.choices:
            if isinstance(value, str):
                return head(4, 1) + head(0, self.choices[name][value])
            ((tag, body),) = value.items()
            return head(4, 2) + head(0, self.choices[name][tag]) + self._write(self._variant(schema, tag), body)
        if name in self.records:
            out = head(5, len(value))
            for field, inner in value.items():
                out += head(0, self.records[name][field])
                if (name, field) == ("Data", "bytes"):
                    data = base64.b64decode(inner)
                    out += head(2, len(data)) + data
                else:
                    out += self._write(schema["properties"][field], inner)
            return out
        if isinstance(value, bool):
            return b"\xf5" if value else b"\xf4"
        if isinstance(value, int):
            return head(0, value)
        if isinstance(value, str):
            return head(3, len(value.encode())) + value.encode()
        return head(4, len(value)) + b"".join(self._write(schema["items"], item) for item in value)

    def _read(self, schema, value):
        name, schema = self._resolve(schema)
        if value is None:
            return None
        if name == "Cmid":
            text = value.hex()
            return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        if name == "Code":
            return name_of(self.codes, value)
        if name in self.symbols:
            return name_of(self.symbols[name], value)
        if name in self.choices:
            tag = name_of(self.choices[name], value[0])
            return tag if len(value) == 1 else {tag: self._read(self._variant(schema, tag), value[1])}
        if name in self.records:
            record = {}
            for key, inner in value.items():
                field = name_of(self.records[name], key)
                if field is not None:  # A field of a newer server is ignored.
                    record[field] = self._read(schema["properties"][field], inner)
            return record
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        if isinstance(value, list):
            return [self._read(schema["items"], item) for item in value]
        return value

    def _resolve(self, schema):
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            return name, self.types[name]
        for inner in schema.get("anyOf", schema.get("allOf", ())):
            if inner.get("type") != "null":
                return self._resolve(inner)
        return "", schema

    def _variant(self, schema, tag):
        return next(v["properties"][tag] for v in schema["oneOf"] if tag in v.get("properties", ()))


def name_of(table, number):
    return next((name for name, value in table.items() if value == number), None)


def head(major, value):
    for small, size, form in ((24, 1, ">B"), (25, 2, ">H"), (26, 4, ">I"), (27, 8, ">Q")):
        if value < 24:
            return bytes([major << 5 | value])
        if value < 1 << 8 * size:
            return bytes([major << 5 | small]) + struct.pack(form, value)
    raise ValueError(value)


def parse(data):
    """Reads one CBOR item; the item and what follows it."""
    first, data = data[0], data[1:]
    major, value = first >> 5, first & 31
    if value >= 24 and major != 7:
        size = 1 << value - 24
        value, data = int.from_bytes(data[:size], "big"), data[size:]
    if major == 0:
        return value, data
    if major == 2:
        return data[:value], data[value:]
    if major == 3:
        return data[:value].decode(), data[value:]
    if major == 4:
        items = []
        for _ in range(value):
            item, data = parse(data)
            items.append(item)
        return items, data
    if major == 5:
        items = {}
        for _ in range(value):
            key, data = parse(data)
            items[key], data = parse(data)
        return items, data
    return {20: False, 21: True, 22: None}[value], data
