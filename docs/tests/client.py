"""An independent client, written from the protocol chapter alone, that tries a running server.

    python3 docs/tests/client.py http://127.0.0.1:8080 anna:PASSWORD ben:PASSWORD

Anna speaks JSON, Ben CBOR. Everything that the chapter promises to a client that follows it is asserted; the first
thing that is otherwise ends the run with status 1. The accounts should be fresh: what they have is left alone.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from link import Closed, Link


def uuid7(millis=None):
    """A UUID of version 7 (RFC 9562, section 5.7)."""
    millis = int(time.time() * 1000) if millis is None else millis
    value = millis << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=value))


class Http:
    def __init__(self, base):
        self.base = base.rstrip("/")

    def call(self, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text.startswith(b"{") else text.decode()
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


class Device:
    """One installation: what it stores, its outbox and its inbox."""

    def __init__(self, base, token, codec):
        self.base, self.token, self.codec = base, token, codec
        self.key = base64_key()
        self.device = self.epoch = self.since = self.link = None
        self.generation = 0
        self.outbox = {}  # cmid -> frame body, in the order in which they were made
        self.log = {}  # conversation -> {seq: entry}
        self.cursor = {}  # conversation -> everything up to it is stored or covered
        self.acked = {}  # conversation -> as the server says
        self.marks = {}  # (conversation, user) -> (delivered, read)
        self.own = {}  # conversation -> own marks
        self.views = {}  # conversation -> the newest `conversation` frame
        self.answers = {}  # re -> frame
        self.failed = {}  # cmid -> code
        self.others = []  # other frames
        self.next_id = 0

    # The link

    def connect(self):
        self.generation += 1
        self.link = Link(self.base, self.codec)
        hello = {"protocol": 1, "token": self.token, "generation": self.generation}
        if self.device is None:
            hello |= {"register": self.key, "device_name": f"client.py, {self.codec}"}
        else:
            hello |= {"device": self.device, "epoch": self.epoch}
            if self.since is not None:
                hello["since"] = self.since
        self.link.send({"hello": hello})
        self.live = False
        self.wait(lambda: self.live, "caught_up")
        for body in list(self.outbox.values()):
            self.link.send({"send": body})
        self.ack()

    def wait(self, done, what):
        while not done():
            try:
                self.handle(self.link.receive())
            except TimeoutError:
                raise AssertionError(f"no {what} came; {self.others=} {self.failed=}") from None

    def settle(self, seconds=0.5):
        """Handles what comes within a while."""
        self.link.socket.settimeout(seconds)
        try:
            while True:
                self.handle(self.link.receive())
        except TimeoutError:
            self.link.socket.settimeout(10)

    def handle(self, frame):
        ((kind, body),) = frame.items()
        if "re" in body:
            self.answers[body["re"]] = frame
        if kind == "welcome":
            self.device, self.epoch, self.user = body.get("device"), body["epoch"], body["user"]
            self.limits = body["limits"]
        elif kind == "conversation":
            self.views[body["conversation"]] = body
            own = body["own"]
            begin = max(own.get("acked", body["from"] - 1), own.get("cleared", 0))
            self.cursor.setdefault(body["conversation"], begin)
            self.raise_own(body["conversation"], body["own"])
            for mark in body.get("marks", ()):
                self.raise_mark(body["conversation"], mark)
        elif kind == "entries" and "re" not in body:
            for entry in body["entries"]:
                self.take(body["conversation"], entry)
        elif kind == "gap":
            if body["from"] == self.cursor.get(body["conversation"], 0) + 1:
                self.cursor[body["conversation"]] = body["to"]
        elif kind == "page":
            self.link.send({"confirm": {"page": body["page"]}})
        elif kind == "caught_up":
            self.since, self.live = body["since"], True
        elif kind == "accepted":
            self.accepted(body)
        elif kind == "rejected":
            if not body["retriable"]:
                self.outbox.pop(body["cmid"], None)
                self.failed[body["cmid"]] = body
        elif kind == "marks":
            for mark in body.get("marks", ()):
                self.raise_mark(body["conversation"], mark)
            self.raise_own(body["conversation"], body.get("own") or {})
        else:
            self.others.append(frame)

    # The inbox

    def take(self, conversation, entry):
        cursor = self.cursor.setdefault(conversation, 0)
        if entry["seq"] <= cursor:
            return
        assert entry["seq"] == cursor + 1, f"a hole in {conversation}: {cursor}, then {entry['seq']}"
        self.log.setdefault(conversation, {})[entry["seq"]] = entry
        self.cursor[conversation] = entry["seq"]
        if entry["sender"] == self.user:
            self.outbox.pop(entry["cmid"], None)

    def accepted(self, body):
        draft = self.outbox.pop(body["cmid"], None)
        conversation = body["conversation"]
        if body["seq"] == self.cursor.setdefault(conversation, 0) + 1:
            entry = {key: body[key] for key in ("seq", "cmid", "time", "ordinal")}
            content = draft["content"] if draft else {}
            self.take(conversation, entry | {"sender": self.user, "content": content})

    def ack(self):
        marks = [
            {"conversation": conversation, "seq": seq}
            for conversation, seq in self.cursor.items()
            if seq > self.own.get(conversation, {}).get("acked", 0)
        ]
        if marks:
            self.link.send({"ack": {"marks": marks}})

    def raise_mark(self, conversation, mark):
        key = (conversation, mark["user"])
        old = self.marks.get(key, (0, 0))
        self.marks[key] = (max(old[0], mark["delivered"]), max(old[1], mark["read"]))

    def raise_own(self, conversation, marks):
        own = self.own.setdefault(conversation, {})
        for kind, seq in marks.items():
            own[kind] = max(own.get(kind, 0), seq or 0)

    # The outbox

    def draft(self, conversation, content, after=None):
        body = {"conversation": conversation, "cmid": uuid7(), "content": content}
        if after:
            body["after_cmid"] = after
        self.outbox[body["cmid"]] = body
        return body["cmid"]

    def say(self, conversation, text, after=None):
        cmid = self.draft(conversation, {"message": {"text": text}}, after)
        self.link.send({"send": self.outbox[cmid]})
        return cmid

    def settled(self, cmid):
        self.wait(lambda: cmid not in self.outbox, f"answer to {cmid}")
        assert cmid not in self.failed, self.failed[cmid]

    def ask(self, kind, **body):
        """Sends a request and returns the frame that answers it."""
        self.next_id += 1
        wanted = self.next_id
        if kind == "send":
            self.outbox[body["cmid"]] = body
        self.link.send({kind: {"id": wanted} | body})
        self.wait(lambda: wanted in self.answers, f"answer to {kind}")
        return self.answers.pop(wanted)

    def texts(self, conversation):
        entries = sorted(self.log.get(conversation, {}).items())
        return [e["content"]["message"].get("text") for _, e in entries if "message" in e["content"]]


def base64_key():
    return os.urandom(16).hex()


SCRIPTS = ["Hello, Ben! 👋🏽", "مرحبا שלום", "e\u0301 ก็้ Z̷̢", "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿", " ", "漢字かな 한국어 हिन्दी", "x" * 65_536]


def main(base, *logins):
    http = Http(base)
    assert http.call("GET", "/livez")[0] == http.call("GET", "/readyz")[0] == 200
    users, tokens = [], []
    for login in logins:
        user, password = login.split(":", 1)
        assert http.call("POST", "/v1/login", {"user": user, "password": password + "x"})[0] == 401
        status, answer = http.call("POST", "/v1/login", {"user": user, "password": password})
        assert status == 200 and answer["user"] == user, answer
        users.append(user)
        tokens.append(answer["token"])
    chat = "/".join(sorted(users))
    anna, ben = Device(base, tokens[0], "json"), Device(base, tokens[1], "cbor")
    anna.connect()
    ben.connect()
    steps = (talking, ticks, resuming, once, changes, a_group, bad_input, accounts)
    for step in steps:
        step(anna, ben, chat, http)
        print(f"ok: {step.__name__.replace('_', ' ')}")
    for device in (anna, ben):
        device.link.send({"logout": {"forget": True}})
        try:
            device.settle(5)
            raise AssertionError("logout did not end the link")
        except Closed as closed:
            assert (closed.status, closed.reason) == (4508, "logged_out"), closed
    print(f"test result: ok. {len(steps)} passed; 0 failed")


def talking(anna, ben, chat, _):
    """Both ways, in order, in every script, over both codecs."""
    before = len(ben.texts(chat))
    last = None
    for text in SCRIPTS:
        last = anna.say(chat, text, after=last)
    anna.settled(last)
    ben.wait(lambda: ben.texts(chat)[before:] == SCRIPTS, "the messages")
    reply = ben.say(chat, "got them")
    ben.settled(reply)
    anna.wait(lambda: anna.texts(chat)[-1] == "got them", "the reply")
    mine, theirs = anna.log[chat], ben.log[chat]
    shared = mine.keys() & theirs.keys()
    assert len(shared) > len(SCRIPTS) and all(mine[s]["cmid"] == theirs[s]["cmid"] for s in shared)


def ticks(anna, ben, chat, _):
    """Delivered when the other acks, read when the other reads; an ack is answered when it is durable."""
    seq = ben.cursor[chat]
    ben.ack()
    ben.wait(lambda: ben.own[chat].get("acked", 0) >= seq, "answer to ack")
    anna.wait(lambda: anna.marks.get((chat, ben.user), (0, 0))[0] >= seq, "delivered")
    ben.link.send({"read": {"conversation": chat, "seq": seq}})
    anna.wait(lambda: anna.marks[(chat, ben.user)] == (seq, seq), "read")
    assert ben.ask("open", conversation=chat)["conversation"]["unread"] == {"count": 0, "exact": True}


def resuming(anna, ben, chat, _):
    """What came while the link was down comes once, in order, and what was acked does not come again."""
    ben.link.cut()
    before = ben.texts(chat)
    missed = [f"while you were away {i}" for i in range(150)]
    last = None
    for text in missed:
        if len(anna.outbox) >= 16:
            anna.settled(next(iter(anna.outbox)))
        last = anna.say(chat, text, after=last)
        if len(anna.log[chat]) % 20 == 0:
            time.sleep(1)  # Twenty a second are allowed.
    anna.settled(last)
    ben.connect()
    assert ben.texts(chat) == before + missed, len(ben.texts(chat))
    ben.ack()
    ben.wait(lambda: ben.own[chat]["acked"] == ben.cursor[chat], "answer to ack")
    page = ben.ask("history", conversation=chat, before=ben.cursor[chat] + 1, limit=100)["entries"]
    assert len(page["entries"]) == 100 and page["more"] is True


def once(anna, ben, chat, _):
    """The same cmid is one message, also when the link breaks before the answer; another content is refused."""
    anna.draft(chat, {"message": {"text": "once"}})
    ((cmid, body),) = anna.outbox.items()
    anna.link.send({"send": body})
    anna.link.cut()
    anna.connect()
    anna.settled(cmid)
    answer = anna.ask("send", **body)["accepted"]
    assert answer["duplicate"] is True and answer["cmid"] == cmid
    other = body | {"content": {"message": {"text": "twice"}}}
    refused = anna.ask("send", **other)["rejected"]
    assert (refused["code"], refused["seq"]) == ("idempotency_mismatch", answer["seq"])
    ben.wait(lambda: ben.texts(chat)[-1] == "once", "the message")
    ben.settle()
    assert ben.texts(chat).count("once") == 1
    gap = anna.ask("send", conversation=chat, cmid=uuid7(), after_cmid=uuid7(), content={"message": {"text": "?"}})
    assert (gap["rejected"]["code"], gap["rejected"]["retriable"]) == ("order_gap", True)
    anna.outbox.clear()  # Its predecessor does not exist: it would be retried for ever.
    old = uuid7(int(time.time() * 1000) - 31 * 86_400_000)
    expired = anna.ask("send", conversation=chat, cmid=old, content={"message": {"text": "?"}})
    assert expired["rejected"]["code"] == "cmid_expired"


def changes(anna, ben, chat, _):
    """An edit, a reaction and a retraction, as entries and as overlays of a page."""
    cmid = anna.say(chat, "first verison")
    anna.settled(cmid)
    target = anna.cursor[chat]
    assert anna.log[chat][target]["cmid"] == cmid
    edit = {"edit": {"target": target, "message": {"text": "first version"}}}
    assert "accepted" in anna.ask("send", conversation=chat, cmid=uuid7(), content=edit)
    refused = ben.ask("send", conversation=chat, cmid=uuid7(), content=edit)["rejected"]
    assert refused["code"] == "role_required", refused
    thumb = {"reaction": {"target": target, "emoji": "👍🏿", "set": True}}
    assert "accepted" in ben.ask("send", conversation=chat, cmid=uuid7(), content=thumb)
    page = ben.ask("history", conversation=chat, after=target - 1, limit=1)["entries"]
    (overlay,) = page["overlays"]
    assert overlay["edit"]["content"] == edit or overlay["edit"]["content"]["edit"]["message"]["text"] == "first version"
    (reaction,) = overlay["reactions"]
    assert (reaction["emoji"], reaction["count"], reaction["mine"]) == ("👍🏿", 1, True)
    retraction = {"retraction": {"target": target}}
    assert "accepted" in anna.ask("send", conversation=chat, cmid=uuid7(), content=retraction)
    page = ben.ask("history", conversation=chat, after=target - 1, limit=1)["entries"]
    assert page["entries"][0]["content"] == {"tombstone": {"kind": "message", "reason": "retracted"}}


def a_group(anna, ben, _, __):
    """Begun, joined, written to, left: the one who is removed gets the removal and nothing after it."""
    group, cmid = str(uuid.uuid4()), uuid7()
    begun = anna.ask("create", conversation=group, cmid=cmid, title="Küche 🍳", members=[ben.user])
    assert begun["accepted"]["seq"] == 1
    ben.wait(lambda: ben.cursor.get(group) == 1, "the group")
    assert (ben.views[group]["title"], ben.views[group]["role"]) == ("Küche 🍳", "member")
    refused = ben.ask("policy", conversation=group, cmid=uuid7(), change={"title": {"title": "mine"}})
    assert refused["rejected"]["code"] == "role_required"
    members = ben.ask("members", conversation=group)["members"]["members"]
    assert {m["user"]: m["role"] for m in members} == {anna.user: "owner", ben.user: "member"}
    removal = {"remove": {"user": ben.user}}
    assert "accepted" in anna.ask("members", conversation=group, cmid=uuid7(), change=removal)
    anna.settled(anna.say(group, "alone"))
    ben.wait(lambda: ben.cursor[group] == 2, "the removal")
    ben.settle()
    assert ben.cursor[group] == 2
    late = ben.ask("send", conversation=group, cmid=uuid7(), content={"message": {"text": "?"}})
    assert late["rejected"]["code"] == "not_a_member"
    other = ben.ask("open", conversation=str(uuid.uuid4()))
    assert other["error"]["code"] == "not_found"


def bad_input(anna, ben, chat, _):
    """Wrong frames are answered and leave the link open."""
    anna.link.send({"dance": {"id": 9_000}})
    anna.wait(lambda: 9_000 in anna.answers, "an error")
    assert anna.answers.pop(9_000)["error"]["code"] == "unknown_frame"
    for device, garbage in ((anna, b'{"send": {"id": 1'), (ben, b"\x82\x02\xa1")):
        device.others.clear()
        device.link.send_raw(garbage)
        device.wait(lambda: device.others, "an error")
        assert device.others[0]["error"]["code"] == "bad_frame", device.others
        assert "pong" in device.ask("ping")
    long = anna.ask("send", conversation=chat, cmid=uuid7(), content={"message": {"text": "x" * 65_537}})
    assert (long["rejected"]["code"], long["rejected"]["limit"]) == ("body_too_large", 65_536)
    stranger = Link(anna.base, "json")
    stranger.send({"ping": {}})
    try:
        assert stranger.receive()["error"]["code"] == "hello_expected"
        stranger.receive()
        raise AssertionError("the link is still open")
    except Closed as closed:
        assert (closed.status, closed.reason) == (4500, "hello_expected"), closed


def accounts(anna, ben, chat, http):
    """Devices, people and blocks over HTTP; a block hides and is not told."""
    status, answer = http.call("GET", "/v1/devices", token=anna.token)
    assert status == 200 and any(d["device"] == anna.device for d in answer["devices"]), answer
    query = urllib.parse.urlencode({"q": ben.user})
    status, answer = http.call("GET", f"/v1/people?{query}", token=anna.token)
    assert status == 200 and any(p["user"] == ben.user for p in answer["people"]), answer
    assert http.call("GET", "/v1/people?q=x", token="wrong")[0] == 401
    assert http.call("PUT", f"/v1/blocks/{anna.user}", token=ben.token)[0] == 204
    assert http.call("GET", "/v1/blocks", token=ben.token)[1] == {"blocks": [anna.user]}
    time.sleep(2)  # A block holds within two seconds.
    head = ben.cursor[chat]
    anna.settled(anna.say(chat, "do you hear me?"))
    ben.settle()
    assert "do you hear me?" not in ben.texts(chat)
    assert ben.cursor[chat] in (head, head + 1)
    own = ben.ask("send", conversation=chat, cmid=uuid7(), content={"message": {"text": "no"}})
    assert own["rejected"]["code"] == "you_block_them"
    assert http.call("DELETE", f"/v1/blocks/{anna.user}", token=ben.token)[0] == 204


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
