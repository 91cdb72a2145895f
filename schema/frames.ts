// Types of the text messages of messenger.v1.json, made from the Rust definitions: do not edit.
// Integers are at most 2^53 - 1; bytes are base64 with padding.

/**
 * The entry is durable and listed; to the sending session this stands for it.
 */
export type Accepted = { 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * Which draft.
 */
cmid: Cmid, 
/**
 * Its position.
 */
seq: Seq, 
/**
 * Its time.
 */
time: Timestamp, 
/**
 * Countable entries up to it.
 */
ordinal: Ordinal, 
/**
 * The request that it answers.
 */
re?: number, 
/**
 * It had been accepted before.
 */
duplicate?: boolean, };

/**
 * Says that everything up to each position is in this device's storage.
 */
export type Ack = { 
/**
 * The positions, at most 100.
 */
marks: Array<AckMark>, };

/**
 * A position in a conversation.
 */
export type AckMark = { 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * Up to there.
 */
seq: Seq, };

/**
 * Users to add.
 */
export type AddMembers = { 
/**
 * Who, at most `limits.adds_per_entry`.
 */
users: Array<UserId>, };

/**
 * Users who join.
 */
export type Added = { 
/**
 * The new members.
 */
users: Array<UserId>, };

/**
 * A file that belongs to a message: where it lies and how a client shows it before it has it.
 */
export type Attachment = { 
/**
 * Where the file is, as the integrator's media service names it: 1 to 256 bytes.
 */
reference: string, 
/**
 * Its media type, 1 to 128 bytes.
 */
media_type: string, 
/**
 * Its size in bytes.
 */
bytes: number, 
/**
 * Its name, for display, at most 256 bytes.
 */
name?: string, };

/**
 * Everything that had changed at the start is sent; now live.
 */
export type CaughtUp = { 
/**
 * What the next `hello` may name once everything before is stored.
 */
since: string, };

/**
 * Cuts a conversation off from the front, for this user.
 */
export type Clear = { 
/**
 * Repeated by an error as `re`.
 */
id?: number, 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * Up to there.
 */
seq: Seq, };

/**
 * What a client sends.
 */
export type ClientFrame = { "Hello": Hello } | { "Send": Send } | { "Ack": Ack } | { "Read": Read } | { "Clear": Clear } | { "History": HistoryRequest } | { "Confirm": Confirm } | { "Open": Open } | { "Create": Create } | { "Members": MembersRequest } | { "Policy": PolicyRequest } | { "Settings": SettingsRequest } | { "Marks": MarksRequest } | { "Reactions": ReactionsRequest } | { "Subscribe": Subscribe } | { "Typing": Typing } | { "Ping": Ping } | { "Logout": Logout };

/**
 * A client message id: a UUIDv7 made when the user presses send, never changed by a retry (LOG-3).
 */
export type Cmid = string;

/**
 * Every error of the protocol.
 */
export type Code = string;

/**
 * Says that a page of catching up was received.
 */
export type Confirm = { 
/**
 * Its number.
 */
page: number, };

/**
 * What an entry says.
 */
export type Content = { "Message": Message } | { "Edit": Edit } | { "Retraction": Retraction } | { "Reaction": Reaction } | { "Membership": Membership } | { "Policy": PolicyChange } | { "Tombstone": Tombstone };

/**
 * A conversation as the user sees it now.
 */
export type ConversationFrame = { 
/**
 * The request that it answers.
 */
re?: number, 
/**
 * Which.
 */
conversation: ConversationId, 
/**
 * Direct, notes or group.
 */
kind: KindName, 
/**
 * The title of a group.
 */
title?: string, 
/**
 * The first entry that the log still has.
 */
base: Seq, 
/**
 * The last entry, or the last inside the user's right.
 */
head: Seq, 
/**
 * Countable entries up to the head.
 */
ordinal: Ordinal, 
/**
 * The first entry of the user's right.
 */
from: Seq, 
/**
 * True while the user is a member.
 */
member: boolean, 
/**
 * What the user may do.
 */
role?: Role, 
/**
 * The last message inside the user's right.
 */
last?: Entry, 
/**
 * The members, in conversations of up to 64; else the user alone.
 */
members?: Array<MemberEntry>, 
/**
 * How many there are.
 */
member_count: number, 
/**
 * What holds for all.
 */
policy: Policy, 
/**
 * The user's own marks.
 */
own: OwnMarks, 
/**
 * The marks of the others, in conversations of up to 64 members.
 */
marks?: Array<UserMark>, 
/**
 * What the user has not read.
 */
unread: Unread, 
/**
 * The user's settings.
 */
setting: Setting, 
/**
 * After `reset`: the head when the store was restored; the client drops what it has above.
 */
kept?: Seq, };

/**
 * A conversation: a pair of users, a user alone, or a group.
 */
export type ConversationId = string;

/**
 * Begins a group; answered by `accepted` or `rejected`.
 */
export type Create = { 
/**
 * Repeated by the answer as `re`.
 */
id?: number, 
/**
 * A new UUID.
 */
conversation: ConversationId, 
/**
 * The key that makes it happen once.
 */
cmid: Cmid, 
/**
 * What it is called, 1 to 256 bytes.
 */
title: string, 
/**
 * The members besides the creator, at most `limits.adds_per_entry`.
 */
members?: Array<UserId>, 
/**
 * How long bodies are kept.
 */
retention: Retention, 
/**
 * What a new member sees of the past.
 */
history: History, };

/**
 * The first entry of a group.
 */
export type Created = { 
/**
 * What it is called.
 */
title: string, 
/**
 * The members besides the creator.
 */
members: Array<UserId>, 
/**
 * How long bodies are kept.
 */
retention: Retention, 
/**
 * What a new member sees of the past.
 */
history: History, };

/**
 * Bytes with a media type; base64 in JSON.
 */
export type Data = { 
/**
 * What the bytes are, 1 to 128 bytes.
 */
media_type: string, 
/**
 * The bytes.
 */
bytes: string, };

/**
 * One installation of a client: a number per user, from 1, never used twice.
 */
export type DeviceId = number;

/**
 * A new body for an earlier message of the same author.
 */
export type Edit = { 
/**
 * The message that changes.
 */
target: Seq, 
/**
 * What it says from now on.
 */
message: Message, };

/**
 * Entries of one conversation in seq order.
 */
export type Entries = { 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * The entries; what lies between them and is absent came as `gap`.
 */
entries: Array<Entry>, 
/**
 * The request that it answers.
 */
re?: number, 
/**
 * What later entries changed on these.
 */
overlays?: Array<OverlayFrame>, 
/**
 * There are more in the direction asked for.
 */
more?: boolean, };

/**
 * One element of a conversation's log, as every reader gets it.
 */
export type Entry = { 
/**
 * Its position in the log.
 */
seq: Seq, 
/**
 * Who sent it.
 */
sender: UserId, 
/**
 * The key under which the sender's client made it.
 */
cmid: Cmid, 
/**
 * Server time, never falling within a conversation (LOG-7).
 */
time: Timestamp, 
/**
 * Countable entries up to and including this one.
 */
ordinal: Ordinal, 
/**
 * What it says.
 */
content: Content, };

/**
 * A random value of all stores of a back end together; it changes when acknowledged state was lost.
 */
export type Epoch = number;

/**
 * Why a body was erased.
 */
export type EraseReason = "Retracted" | "Timed" | "Relayed" | "Expired" | "Overflow" | "Law" | "Unreadable";

/**
 * A request failed, or the link is about to be closed.
 */
export type ErrorFrame = { 
/**
 * Why.
 */
code: Code, 
/**
 * The number of the code.
 */
number: number, 
/**
 * Whether the same may succeed later.
 */
retriable: boolean, 
/**
 * For a human.
 */
message: string, 
/**
 * The request that it answers.
 */
re?: number, 
/**
 * The conversation concerned.
 */
conversation?: ConversationId, 
/**
 * When to try again.
 */
retry_after_ms?: number, 
/**
 * The field that is wrong.
 */
field?: string, 
/**
 * The limit that it breaks.
 */
limit?: number, 
/**
 * `generation_stale`: the highest generation seen.
 */
current?: number, 
/**
 * `too_many_devices`: the registered ones.
 */
devices?: Array<DeviceId>, 
/**
 * `version_conflict`: the stored setting.
 */
setting?: Setting, };

/**
 * A range that is not sent and counts as covered.
 */
export type Gap = { 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * The first seq left out.
 */
from: Seq, 
/**
 * The last seq left out.
 */
to: Seq, 
/**
 * Why.
 */
reason: GapReason, };

/**
 * Why a range is not sent.
 */
export type GapReason = "Right" | "Cut";

/**
 * How often a device has connected; the higher one is the newer (PRES-3).
 */
export type Generation = number;

/**
 * The server is about to close this link.
 */
export type Goaway = { 
/**
 * Reconnect after this time.
 */
retry_after_ms: number, };

/**
 * The first frame of a link.
 */
export type Hello = { 
/**
 * The version of the protocol; this one is 1.
 */
protocol: number, 
/**
 * Who the client is; never in a URL (SEC-2).
 */
token: string, 
/**
 * The registered device of this storage.
 */
device?: DeviceId, 
/**
 * A random key, stored first, under which a new device is registered: 8 to 64 characters. With neither `device` nor `register` the session is transient.
 */
register?: string, 
/**
 * What a new device is called in lists, at most 64 bytes.
 */
device_name?: string, 
/**
 * Raised by one, durably, before each connection; a transient session's is 0.
 */
generation: Generation, 
/**
 * The epoch of the client's storage, once it has one.
 */
epoch?: Epoch, 
/**
 * The last `caught_up.since` before which everything is stored.
 */
since?: string, 
/**
 * What a transient client has of each conversation, at most 500.
 */
positions?: Array<AckMark>, 
/**
 * Optional features that the client knows.
 */
capabilities?: Array<string>, };

/**
 * What a new member sees of the past.
 */
export type History = "None" | "All";

/**
 * Asks for a page of entries; answered by `entries` and `gap`.
 */
export type HistoryRequest = { 
/**
 * Repeated by the answer as `re`.
 */
id?: number, 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * The newest entries below this seq.
 */
before?: Seq, 
/**
 * The oldest entries above this seq, not together with `before`; with neither, the newest of all.
 */
after?: Seq, 
/**
 * Entries at most, 1 to `limits.page_entries`, which holds when it is absent.
 */
limit?: number, };

/**
 * The kinds of entries.
 */
export type Kind = "Message" | "Edit" | "Retraction" | "Reaction" | "Membership" | "Policy";

/**
 * The kinds of conversations.
 */
export type KindName = "Direct" | "Notes" | "Group";

/**
 * The session fell behind: live pushes were dropped and it is catching up again.
 */
export type Lag = Record<symbol, never>;

/**
 * The sender leaves.
 */
export type Leave = { 
/**
 * Who becomes owner, when the last owner leaves.
 */
successor?: UserId, };

/**
 * The sender leaves.
 */
export type Left = { 
/**
 * Who becomes owner, when the last owner leaves.
 */
successor?: UserId, };

/**
 * The limits that an operator may set; `welcome` carries them to each client.
 */
export type Limits = { 
/**
 * Members of a group.
 */
group_members: number, 
/**
 * Members up to which a group is listed as changed for each message (LOG-4).
 */
listed_members: number, 
/**
 * Users added by one entry.
 */
adds_per_entry: number, 
/**
 * Registered devices of a user.
 */
devices_per_user: number, 
/**
 * Conversations of a user.
 */
conversations_per_user: number, 
/**
 * Groups above `listed_members` of a user.
 */
large_groups_per_user: number, 
/**
 * Bytes of a message body.
 */
body_bytes: number, 
/**
 * Bytes of one frame.
 */
frame_bytes: number, 
/**
 * Drafts that ride in one append.
 */
drafts_per_append: number, 
/**
 * Entries of one page.
 */
page_entries: number, 
/**
 * Messages of one session that are not yet answered, per conversation.
 */
in_flight_per_conversation: number, 
/**
 * Conversations whose presence a session follows.
 */
presence_subscriptions: number, 
/**
 * Edits and reactions of one message.
 */
changes_per_target: number, 
/**
 * Bytes queued for a session before it falls back to catching up (BP-1).
 */
session_queue_bytes: number, 
/**
 * Frames of one device in a second, on average.
 */
frames_per_second: number, 
/**
 * Frames of one device at once.
 */
frames_burst: number, 
/**
 * Messages of one user to one conversation in a second, on average.
 */
sends_per_second: number, 
/**
 * Messages of one user to one conversation at once.
 */
sends_burst: number, 
/**
 * Bytes of all bodies of a conversation; 0 is no limit (RET-4).
 */
conversation_bytes: number, 
/**
 * Milliseconds between two signs of life of a link (RES-5).
 */
heartbeat_ms: number, };

/**
 * Ends the session; the user is offline at once if no other device is live.
 */
export type Logout = { 
/**
 * Also unregisters the device.
 */
forget?: boolean, };

/**
 * Marks that rose, or the marks asked for.
 */
export type MarksFrame = { 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * The request that it answers.
 */
re?: number, 
/**
 * Of others.
 */
marks?: Array<UserMark>, 
/**
 * The user's own.
 */
own?: OwnMarks, 
/**
 * With own marks: what is unread now.
 */
unread?: Unread, };

/**
 * Asks for the marks of a conversation's members; answered by `marks`.
 */
export type MarksRequest = { 
/**
 * Repeated by the answer as `re`.
 */
id?: number, 
/**
 * Which.
 */
conversation: ConversationId, };

/**
 * A member.
 */
export type MemberEntry = { 
/**
 * Who.
 */
user: UserId, 
/**
 * What they may do.
 */
role: Role, 
/**
 * The entry with which their present stay began; the audience of an entry are those whose `from` is not above it (LIFE-2).
 */
from: Seq, };

/**
 * A member whom a moderator removes.
 */
export type MemberRemoved = { 
/**
 * Who goes.
 */
user: UserId, };

/**
 * A change of members that a client asks for.
 */
export type MembersChange = { "Add": AddMembers } | { "Remove": RemoveMember } | { "Leave": Leave } | { "Role": SetRole };

/**
 * Members of a group.
 */
export type MembersFrame = { 
/**
 * Which.
 */
conversation: ConversationId, 
/**
 * Members, by user id.
 */
members: Array<MemberEntry>, 
/**
 * The request that it answers.
 */
re?: number, 
/**
 * There are more after the last one.
 */
more?: boolean, };

/**
 * Changes members (answered by `accepted` or `rejected`) or lists them (answered by `members`).
 */
export type MembersRequest = { 
/**
 * Repeated by the answer as `re`.
 */
id?: number, 
/**
 * Which group.
 */
conversation: ConversationId, 
/**
 * The key of a change; required with one.
 */
cmid?: Cmid, 
/**
 * The change; without it, members are listed.
 */
change?: MembersChange, 
/**
 * The list goes on after this user.
 */
after?: UserId, };

/**
 * A change of members.
 */
export type Membership = { "Created": Created } | { "Added": Added } | { "Removed": MemberRemoved } | { "Left": Left } | { "Role": RoleGiven };

/**
 * A message to people: text, or bytes with a media type, or attachments.
 */
export type Message = { 
/**
 * UTF-8 text, at most `limits.body_bytes`; not together with `data`.
 */
text?: Text, 
/**
 * Bytes instead of text, at most `limits.body_bytes`.
 */
data?: Data, 
/**
 * The message that this one answers.
 */
reply_to?: Seq, 
/**
 * Files, at most 16.
 */
attachments?: Array<Attachment>, 
/**
 * Not counted as unread, no notification.
 */
silent?: boolean, };

/**
 * Asks for a conversation with its exact unread number; answered by `conversation`.
 */
export type Open = { 
/**
 * Repeated by the answer as `re`.
 */
id?: number, 
/**
 * Which.
 */
conversation: ConversationId, };

/**
 * The number of countable entries up to an entry.
 */
export type Ordinal = number;

/**
 * What later entries changed on a message.
 */
export type OverlayFrame = { 
/**
 * The message.
 */
target: Seq, 
/**
 * The edit that holds.
 */
edit?: Entry, 
/**
 * How many edits there were.
 */
edits: number, 
/**
 * The entry that took it back.
 */
retracted_by?: Seq, 
/**
 * At most 20, the most frequent first.
 */
reactions?: Array<ReactionCount>, };

/**
 * The user's own marks in a conversation.
 */
export type OwnMarks = { 
/**
 * This device's; absent for a transient session.
 */
acked?: Seq, 
/**
 * The user's, over all devices.
 */
delivered: Seq, 
/**
 * Shown to others.
 */
read: Seq, 
/**
 * For the own devices.
 */
read_private: Seq, 
/**
 * Cut off up to there.
 */
cleared: Seq, };

/**
 * Ends a page of catching up; the client answers `confirm`.
 */
export type Page = { 
/**
 * Its number, rising within the session.
 */
page: number, };

/**
 * A sign of life; answered by `pong`.
 */
export type Ping = { 
/**
 * Repeated by the answer as `re`.
 */
id?: number, };

/**
 * What holds for the whole conversation.
 */
export type Policy = { 
/**
 * How long later bodies are kept.
 */
retention: Retention, 
/**
 * What later members see of the past.
 */
history: History, };

/**
 * A change of what holds for the whole conversation.
 */
export type PolicyChange = { "Title": Retitled } | { "Retention": Retention } | { "History": History };

/**
 * Changes title, retention or history; answered by `accepted` or `rejected`.
 */
export type PolicyRequest = { 
/**
 * Repeated by the answer as `re`.
 */
id?: number, 
/**
 * Which.
 */
conversation: ConversationId, 
/**
 * The key that makes it happen once.
 */
cmid: Cmid, 
/**
 * The change.
 */
change: PolicyChange, };

/**
 * The answer to `ping`.
 */
export type Pong = { 
/**
 * The server's clock.
 */
server_time: Timestamp, 
/**
 * The request that it answers.
 */
re?: number, };

/**
 * A transition of a user's presence.
 */
export type PresenceFrame = { 
/**
 * Who.
 */
user: UserId, 
/**
 * What they are now.
 */
state: UserPresence, 
/**
 * When they were last online, if that may be told.
 */
last_seen?: Timestamp, };

/**
 * One reaction.
 */
export type Reacted = { 
/**
 * Whose.
 */
user: UserId, 
/**
 * Which.
 */
emoji: string, };

/**
 * An emoji set on or taken from an earlier message.
 */
export type Reaction = { 
/**
 * The message.
 */
target: Seq, 
/**
 * The emoji, 1 to 64 bytes.
 */
emoji: string, 
/**
 * True sets it, false takes it away.
 */
set: boolean, };

/**
 * How often an emoji was set.
 */
export type ReactionCount = { 
/**
 * The emoji.
 */
emoji: string, 
/**
 * By how many.
 */
count: number, 
/**
 * Also by the user.
 */
mine?: boolean, };

/**
 * Who reacted to a message.
 */
export type ReactionsFrame = { 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * The message.
 */
target: Seq, 
/**
 * By user, then emoji; at most 1,000.
 */
reactions: Array<Reacted>, 
/**
 * The request that it answers.
 */
re?: number, };

/**
 * Asks who reacted to a message; answered by `reactions`.
 */
export type ReactionsRequest = { 
/**
 * Repeated by the answer as `re`.
 */
id?: number, 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * The message.
 */
target: Seq, };

/**
 * Says that the user has read up to a position.
 */
export type Read = { 
/**
 * Repeated by an error as `re`.
 */
id?: number, 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * Up to there.
 */
seq: Seq, 
/**
 * For the own devices only.
 */
private?: boolean, };

/**
 * The draft was not appended.
 */
export type Rejected = { 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * Which draft.
 */
cmid: Cmid, 
/**
 * Why.
 */
code: Code, 
/**
 * The number of the code.
 */
number: number, 
/**
 * Whether the same may succeed later.
 */
retriable: boolean, 
/**
 * For a human.
 */
message: string, 
/**
 * The request that it answers.
 */
re?: number, 
/**
 * When to try again.
 */
retry_after_ms?: number, 
/**
 * `idempotency_mismatch`: the first one's seq.
 */
seq?: Seq, 
/**
 * The field that is wrong.
 */
field?: string, 
/**
 * The limit that it breaks.
 */
limit?: number, };

/**
 * A user to remove.
 */
export type RemoveMember = { 
/**
 * Who.
 */
user: UserId, };

/**
 * The store's epoch is another one than the client's.
 */
export type Reset = { 
/**
 * The store's epoch.
 */
epoch: Epoch, };

/**
 * How long bodies are kept (contract 8).
 */
export type Retention = "Keep" | "Relay" | { "Timed": number };

/**
 * A new title of a group.
 */
export type Retitled = { 
/**
 * The title, 1 to 256 bytes.
 */
title: string, };

/**
 * An earlier message taken back, by its author or a moderator.
 */
export type Retraction = { 
/**
 * The message that goes.
 */
target: Seq, };

/**
 * What a member may do.
 */
export type Role = "Member" | "Moderator" | "Owner";

/**
 * A member gets another role.
 */
export type RoleGiven = { 
/**
 * Who.
 */
user: UserId, 
/**
 * What they are from now on.
 */
role: Role, };

/**
 * Appends a message, edit, retraction or reaction; answered by `accepted` or `rejected`.
 */
export type Send = { 
/**
 * Repeated by the answer as `re`.
 */
id?: number, 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * The key that makes it happen once.
 */
cmid: Cmid, 
/**
 * The message of this device before it, while that is neither accepted nor failed.
 */
after_cmid?: Cmid, 
/**
 * What.
 */
content: SendContent, };

/**
 * What `send` appends.
 */
export type SendContent = { "Message": Message } | { "Edit": Edit } | { "Retraction": Retraction } | { "Reaction": Reaction };

/**
 * The position of an entry in its conversation's log, from 1; 0 is before the first.
 */
export type Seq = number;

/**
 * What a server sends.
 */
export type ServerFrame = { "Welcome": Welcome } | { "Conversation": ConversationFrame } | { "Entries": Entries } | { "Gap": Gap } | { "Page": Page } | { "CaughtUp": CaughtUp } | { "Accepted": Accepted } | { "Rejected": Rejected } | { "Error": ErrorFrame } | { "Marks": MarksFrame } | { "Settings": SettingsFrame } | { "Lag": Lag } | { "Presence": PresenceFrame } | { "Typing": TypingFrame } | { "Pong": Pong } | { "Goaway": Goaway } | { "Reset": Reset } | { "Members": MembersFrame } | { "Reactions": ReactionsFrame };

/**
 * One live link, unique within its node's life.
 */
export type SessionId = number;

/**
 * A role to give.
 */
export type SetRole = { 
/**
 * Who.
 */
user: UserId, 
/**
 * What they become.
 */
role: Role, };

/**
 * What a user set for one conversation; written by compare-and-set on `version`.
 */
export type Setting = { 
/**
 * Raised by one with each write; 0 was never written.
 */
version: number, 
/**
 * No notifications until then.
 */
muted_until?: Timestamp, 
/**
 * Out of the way; absent is false.
 */
archived: boolean, 
/**
 * On top; absent is false.
 */
pinned: boolean, 
/**
 * Marked as unread while the read mark was here; void once it rises above (MARK-6).
 */
unread_at?: Seq, 
/**
 * The user's own name for it, at most 256 bytes.
 */
alias?: string, };

/**
 * The user's settings of a conversation.
 */
export type SettingsFrame = { 
/**
 * Which.
 */
conversation: ConversationId, 
/**
 * The setting.
 */
setting: Setting, 
/**
 * The request that it answers.
 */
re?: number, };

/**
 * Writes the user's settings of a conversation; answered by `settings` or `error`.
 */
export type SettingsRequest = { 
/**
 * Repeated by the answer as `re`.
 */
id?: number, 
/**
 * Which.
 */
conversation: ConversationId, 
/**
 * The whole setting; its version is one above the one it follows.
 */
setting: Setting, };

/**
 * Follows the presence of the members of these conversations, and of no others.
 */
export type Subscribe = { 
/**
 * Repeated by an error as `re`.
 */
id?: number, 
/**
 * At most `limits.presence_subscriptions`; of the members of each, at most 64.
 */
conversations: Array<ConversationId>, };

/**
 * UTF-8 text that a user wrote.
 */
export type Text = string;

/**
 * Milliseconds since 1970-01-01 00:00 UTC.
 */
export type Timestamp = number;

/**
 * What remains of an entry whose body was erased.
 */
export type Tombstone = { 
/**
 * What the entry was.
 */
kind: Kind, 
/**
 * Why it was erased.
 */
reason: EraseReason, };

/**
 * Says that the user is typing; at most one per 3 s and conversation is passed on.
 */
export type Typing = { 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * No longer.
 */
stopped?: boolean, };

/**
 * A user is typing; ends by itself after 6 s.
 */
export type TypingFrame = { 
/**
 * Where.
 */
conversation: ConversationId, 
/**
 * Who.
 */
user: UserId, 
/**
 * No longer.
 */
stopped?: boolean, };

/**
 * How many messages the user has not read.
 */
export type Unread = { 
/**
 * The number, or an upper bound.
 */
count: number, 
/**
 * True when it is exact.
 */
exact: boolean, };

/**
 * An account; chosen by the integrator, compared as bytes.
 */
export type UserId = string;

/**
 * The marks of another user.
 */
export type UserMark = { 
/**
 * Whose.
 */
user: UserId, 
/**
 * On one of their devices.
 */
delivered: Seq, 
/**
 * Read by them.
 */
read: Seq, };

/**
 * What an observer sees of a user.
 */
export type UserPresence = "Offline" | "Online" | "Unknown";

/**
 * The answer to `hello`.
 */
export type Welcome = { 
/**
 * This link.
 */
session: SessionId, 
/**
 * Who the token stands for.
 */
user: UserId, 
/**
 * This device; absent for a transient session.
 */
device?: DeviceId, 
/**
 * The store's epoch: marks and positions hold within it.
 */
epoch: Epoch, 
/**
 * What `accepted` promises: `memory`, `process`, `disk` or `quorum`.
 */
durability: string, 
/**
 * The limits in force.
 */
limits: Limits, 
/**
 * The client pings this often; after two silent intervals either side takes the other for dead.
 */
heartbeat_ms: number, 
/**
 * A lost push between nodes is made good within this time at worst.
 */
recheck_ms: number, 
/**
 * The server's clock.
 */
server_time: Timestamp, 
/**
 * Optional features that hold for this session.
 */
capabilities?: Array<string>, };
