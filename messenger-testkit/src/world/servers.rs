//! The servers' side: carries out what machines and sessions want, as a hub does.

use std::collections::BTreeSet;
use std::sync::Arc;

use messenger_core::conversation::{Input, Output, Request, Ticket};
use messenger_core::id::{ConversationId, NodeId, SessionId, UserId};
use messenger_core::model::Principal;
use messenger_core::node::{Payload, PeersOutput};
use messenger_core::perform::{admit, perform};
use messenger_core::session;
use messenger_core::store::{AllowAll, FeedItem, Heartbeat};
use messenger_core::wire::{CloseCode, Code, Entries, ServerFrame};

use crate::exec::block_on;

use super::{Event, World};

/// Members of an inbox page: few, so that a walk has several.
const INBOX_PAGE: usize = 3;

impl World {
    fn is_alive(&self, node: usize, life: u64) -> bool {
        self.nodes[node].life == life
    }

    /// A node that died in a store call goes down; true when it did.
    fn bury_if_dead(&mut self, node: usize) -> bool {
        let dead = self.nodes[node].node.plan.is_dead();
        if dead {
            self.die(node);
        }
        dead
    }

    /// The node is gone with all that it knew; another one takes its place after a while.
    pub(super) fn die(&mut self, node: usize) {
        self.report.deaths += 1;
        let fresh = self.fresh_node();
        let slot = &mut self.nodes[node];
        slot.life += 1;
        slot.node = fresh;
        let life = slot.life;
        for person in 0..self.people.len() {
            if let Some(link) = self.people[person].link
                && link.node == node
            {
                let after = self.rng.below(3_000);
                let session = link.session;
                self.at(after, Event::Cut { person, session });
            }
        }
        let after = self.rng.below(2_000);
        self.at(after, Event::Beat { node, life });
    }

    /// A second has passed: lease, beats, the feed, deadlines of sessions.
    pub(super) fn beat(&mut self, node: usize, life: u64) {
        if !self.is_alive(node, life) {
            return;
        }
        let now = self.now;
        let me = &mut self.nodes[node].node;
        let live = block_on(me.backend.presence.beat(me.id, now));
        let feed = block_on(me.backend.devices.feed(me.feed, 100));
        let batch: Vec<Heartbeat> = me
            .links
            .values()
            .filter_map(|link| link.opened.as_ref())
            .map(|(user, device, generation)| Heartbeat {
                user: user.clone(),
                device: *device,
                node: me.id,
                generation: *generation,
            })
            .collect();
        let touched = block_on(me.backend.presence.touch(&batch, now)).is_ok();
        if self.bury_if_dead(node) {
            return;
        }
        let me = &mut self.nodes[node].node;
        if let Ok(live) = live {
            me.leased = true;
            me.peers.beat(now, &live);
        }
        let mut items = Vec::new();
        if let Ok((new, position)) = feed {
            me.feed = Some(position);
            items = new;
        }
        let due: Vec<SessionId> = me
            .links
            .iter()
            .filter(|(_, link)| link.session.deadline() <= now)
            .map(|(id, _)| *id)
            .collect();
        for item in items {
            self.apply(node, life, item);
        }
        let located = match touched {
            true => std::mem::take(&mut self.nodes[node].node.unlocated),
            false => BTreeSet::new(),
        };
        for session in located {
            self.tell_session(node, life, session, session::Input::Recheck);
        }
        for session in due {
            self.tell_session(node, life, session, session::Input::Tick);
        }
        self.peers(node, life);
        self.at(1_000, Event::Beat { node, life });
    }

    fn apply(&mut self, node: usize, life: u64, item: FeedItem) {
        if let FeedItem::Blocked { by, user, blocked } = item {
            let conversation = ConversationId::direct(&by, &user);
            if self.nodes[node].node.machines.contains_key(&conversation) {
                let input = Input::Blocked { by, user, blocked };
                self.tell_conversation(node, life, &conversation, input);
            }
        }
    }

    pub(super) fn tell_conversation(
        &mut self,
        node: usize,
        life: u64,
        conversation: &ConversationId,
        input: Input,
    ) {
        if !self.is_alive(node, life) {
            return;
        }
        let now = self.now;
        let config = Arc::clone(&self.conversations);
        let machine = self.nodes[node].node.machine(conversation, &config);
        machine.handle(now, input);
        let outputs: Vec<Output> = std::iter::from_fn(|| machine.poll()).collect();
        for output in outputs {
            self.carry_out(node, life, conversation, output);
        }
    }

    fn carry_out(&mut self, node: usize, life: u64, conversation: &ConversationId, output: Output) {
        let to_session = |session, input| Event::Session {
            node,
            life,
            session,
            input: Box::new(input),
        };
        match output {
            Output::Store(ticket, request) => {
                let after = self.rng.below(20);
                self.at(
                    after,
                    Event::Perform {
                        node,
                        life,
                        conversation: conversation.clone(),
                        ticket,
                        request: Box::new(request),
                    },
                );
            }
            Output::Frame(session, frame) => {
                self.at(0, to_session(session, session::Input::Frame(frame)));
            }
            Output::Pulled(session, pulled) => {
                self.at(0, to_session(session, session::Input::Pulled(pulled)));
            }
            Output::Push { users, batch } => {
                for user in users.iter() {
                    for session in self.nodes[node].node.sessions_of(user) {
                        let input = session::Input::Push(Arc::clone(&batch));
                        self.at(0, to_session(session, input));
                    }
                }
            }
            Output::Tell { users, frame } => {
                for user in users.iter() {
                    for session in self.nodes[node].node.sessions_of(user) {
                        let input = session::Input::Tell(Arc::clone(&frame));
                        self.at(0, to_session(session, input));
                    }
                }
            }
            Output::Publish { users, hint } => {
                let payload = Box::new(Payload::Conversation {
                    conversation: conversation.clone(),
                    hint,
                });
                self.at(
                    0,
                    Event::Publish {
                        node,
                        life,
                        users,
                        payload,
                    },
                );
            }
            Output::Wake { after_ms } => self.at(
                after_ms,
                Event::Conversation {
                    node,
                    life,
                    conversation: conversation.clone(),
                    input: Box::new(Input::Timer),
                },
            ),
        }
    }

    pub(super) fn perform(
        &mut self,
        node: usize,
        life: u64,
        conversation: ConversationId,
        ticket: Ticket,
        request: Request,
    ) {
        if !self.is_alive(node, life) {
            return;
        }
        let backend = &self.nodes[node].node.backend;
        let answer = block_on(perform(
            backend,
            &AllowAll,
            &conversation,
            request,
            self.now,
        ));
        if self.bury_if_dead(node) {
            return;
        }
        let after = self.rng.below(20);
        self.at(
            after,
            Event::Conversation {
                node,
                life,
                conversation,
                input: Box::new(Input::Answer(ticket, answer)),
            },
        );
    }

    pub(super) fn publish(&mut self, node: usize, life: u64, users: &[UserId], payload: Payload) {
        if !self.is_alive(node, life) {
            return;
        }
        let me = &self.nodes[node].node;
        let located = block_on(me.backend.presence.locate(users, self.now));
        if self.bury_if_dead(node) {
            return;
        }
        let Ok(located) = located else {
            self.nodes[node].node.peers.tell_all_to_recheck();
            return self.peers(node, life);
        };
        let targets: BTreeSet<NodeId> =
            located.iter().flatten().map(|device| device.node).collect();
        for target in targets {
            self.nodes[node].node.peers.tell(target, payload.clone());
        }
        self.peers(node, life);
    }

    pub(super) fn peer(&mut self, to: NodeId, frame: &[u8]) {
        let Some(node) = self.nodes.iter().position(|slot| slot.node.id == to) else {
            return;
        };
        let now = self.now;
        self.nodes[node].node.peers.receive(now, frame);
        let life = self.nodes[node].life;
        self.peers(node, life);
    }

    /// Carries out what the peers want; hints are lost and reordered on their way.
    fn peers(&mut self, node: usize, life: u64) {
        while let Some(output) = self.nodes[node].node.peers.poll() {
            match output {
                PeersOutput::Send(to, frame) => {
                    if !self.resting && self.rng.once_in(8) {
                        self.report.lost_hints += 1;
                        continue;
                    }
                    let after = self.rng.below(60);
                    self.at(after, Event::Peer { to, frame });
                }
                PeersOutput::Told(Payload::Conversation { conversation, hint }) => {
                    self.tell_conversation(node, life, &conversation, Input::Hint(hint));
                }
                PeersOutput::Told(Payload::Replaced {
                    user,
                    device,
                    generation,
                }) => {
                    for id in self.nodes[node].node.replaced_by(&user, device, generation) {
                        let input = session::Input::Close(CloseCode::Replaced);
                        self.tell_session(node, life, id, input);
                    }
                }
                PeersOutput::Told(Payload::Recheck {}) => {}
                PeersOutput::Recheck => {
                    let sessions: Vec<SessionId> =
                        self.nodes[node].node.links.keys().copied().collect();
                    for session in sessions {
                        self.tell_session(node, life, session, session::Input::Recheck);
                    }
                }
            }
        }
    }

    pub(super) fn tell_session(
        &mut self,
        node: usize,
        life: u64,
        session: SessionId,
        input: session::Input,
    ) {
        if !self.is_alive(node, life) {
            return;
        }
        let now = self.now;
        let Some(link) = self.nodes[node].node.links.get_mut(&session) else {
            return;
        };
        link.session.handle(now, input);
        let outputs: Vec<_> = std::iter::from_fn(|| link.session.poll()).collect();
        for output in outputs {
            self.session_output(node, life, session, output);
        }
        let closed = self.nodes[node]
            .node
            .links
            .get(&session)
            .is_some_and(|link| link.session.is_closed());
        if closed {
            self.end(node, session);
        }
    }

    fn session_output(
        &mut self,
        node: usize,
        life: u64,
        session: SessionId,
        output: session::Output,
    ) {
        use session::Output as Out;
        match output {
            Out::Send(frame) => self.send_down(session, frame),
            Out::SendShared(frame) => self.send_down(session, ServerFrame::clone(&frame)),
            Out::SendEntries { batch, range } => {
                let frame = entries(&batch.conversation, &batch.entries[range]);
                self.send_down(session, frame);
            }
            Out::SendPulled {
                conversation,
                entries: pulled,
            } => self.send_down(session, entries(&conversation, &pulled)),
            Out::Ping => {}
            Out::Close(code) => self.closed_by_server(session, code),
            Out::Opened {
                user,
                device,
                generation,
            } => {
                let me = &mut self.nodes[node].node;
                let replaced = match device {
                    Some(device) => me.replaced_by(&user, device, generation),
                    None => Vec::new(),
                };
                me.users.entry(user.clone()).or_default().insert(session);
                if let Some(link) = me.links.get_mut(&session) {
                    link.opened = Some((user, device, generation));
                }
                for id in replaced {
                    self.at(
                        0,
                        Event::Session {
                            node,
                            life,
                            session: id,
                            input: Box::new(session::Input::Close(CloseCode::Replaced)),
                        },
                    );
                }
            }
            Out::Conversation(conversation, input) => self.at(
                0,
                Event::Conversation {
                    node,
                    life,
                    conversation,
                    input,
                },
            ),
            Out::Subscribe(_) | Out::Logout { .. } => {}
            call @ (Out::Authenticate { .. } | Out::Admit(_) | Out::Inbox { .. }) => {
                let after = self.rng.below(10);
                self.at(
                    after,
                    Event::Call {
                        node,
                        life,
                        session,
                        call: Box::new(call),
                    },
                );
            }
        }
    }

    pub(super) fn call(
        &mut self,
        node: usize,
        life: u64,
        session: SessionId,
        call: session::Output,
    ) {
        if !self.is_alive(node, life) {
            return;
        }
        let now = self.now;
        let (id, backend) = (
            self.nodes[node].node.id,
            self.nodes[node].node.backend.clone(),
        );
        let mut replaced = None;
        let input = match call {
            session::Output::Authenticate { token } => {
                let user = UserId::parse(&token.0).expect("the token is the user's name");
                session::Input::Authenticated(Ok(Principal {
                    user,
                    device: None,
                    expires: None,
                }))
            }
            session::Output::Admit(wish) => {
                let outcome = block_on(admit(&backend, id, 5, &wish, now));
                session::Input::Admitted(match outcome {
                    Ok(Ok(admitted)) => {
                        if !admitted.located {
                            self.nodes[node].node.unlocated.insert(session);
                        }
                        replaced = admitted.before.zip(admitted.admission.device).map(
                            |(before, device)| {
                                let payload = Payload::Replaced {
                                    user: wish.user.clone(),
                                    device,
                                    generation: admitted.admission.generation,
                                };
                                (before.node, payload)
                            },
                        );
                        Ok(admitted.admission)
                    }
                    Ok(Err(refusal)) => Err(refusal),
                    Err(_) => Err(session::Refusal {
                        code: Code::Unavailable,
                        current: None,
                        devices: Vec::new(),
                    }),
                })
            }
            session::Output::Inbox {
                user,
                since,
                cursor,
            } => {
                let page = block_on(backend.inboxes.page(&user, since, cursor, INBOX_PAGE, now));
                session::Input::Inbox(page.ok())
            }
            _ => return,
        };
        if self.bury_if_dead(node) {
            return;
        }
        if let Some((to, payload)) = replaced {
            self.nodes[node].node.peers.tell(to, payload);
            self.peers(node, life);
        }
        self.tell_session(node, life, session, input);
    }

    /// The session is over on the server's side.
    pub(super) fn end(&mut self, node: usize, session: SessionId) {
        let Some(link) = self.nodes[node].node.drop_link(session) else {
            return;
        };
        if let Some((user, device, generation)) = link.opened {
            let me = &self.nodes[node].node;
            let record = Heartbeat {
                user,
                device,
                node: me.id,
                generation,
            };
            let _ = block_on(me.backend.presence.disconnect(&record));
            self.bury_if_dead(node);
        }
    }
}

fn entries(
    conversation: &ConversationId,
    entries: &[Arc<messenger_core::wire::EncodedEntry>],
) -> ServerFrame {
    ServerFrame::Entries(Entries {
        conversation: conversation.clone(),
        entries: entries
            .iter()
            .map(|entry| entry.stored().entry.clone())
            .collect(),
        re: None,
        overlays: Vec::new(),
        more: false,
    })
}
