//! A store on a disk that can crash, and what was promised about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use messenger_core::error::StoreError;
use messenger_core::id::{Cmid, ConversationId, DeviceId, Ordinal, Seq, UserId};
use messenger_core::limits::CLAIM_KEPT;
use messenger_core::model::{
    ClaimKey, Content, Entry, EraseReason, Holder, MarkKind, Message, Position, Raise, Stored,
};
use messenger_core::store::{
    AppendOutcome, InboxStore as _, MessageStore as _, ReadLimit, ReceiptStore as _, StoreResult,
};
use messenger_core::time::Timestamp;
use messenger_testkit::exec::block_on;

use crate::engine::{self, Engine, Parts};
use crate::fault::Fault;
use crate::file::sim::{SimFiles, SplitMix};
use crate::folder::Format;
use crate::index::sim::SimIndex;
use crate::log::{Drive, SegmentShape};
use crate::options::{Options, Shapes};
use crate::stores::Stores;

/// Small segments, so that a short run crosses many.
pub(super) const SHAPES: Shapes = Shapes {
    entries: SegmentShape {
        bytes: 8192,
        step: 2048,
    },
    state: SegmentShape {
        bytes: 2048,
        step: 1024,
    },
};

/// A disk and an index that outlive the engines over them.
pub(super) struct World {
    pub(super) files: SimFiles,
    pub(super) index: SimIndex,
    pub(super) format: Format,
}

impl World {
    pub(super) fn new() -> World {
        let format = Format::fresh(SHAPES, [5; 12]);
        World {
            files: SimFiles::new(),
            index: SimIndex::default(),
            format,
        }
    }

    pub(super) fn open(&self) -> Result<Opened, Fault> {
        let engine = engine::open(Parts {
            files: Arc::new(self.files.clone()),
            index: Arc::new(self.index.clone()),
            folder: "/store".into(),
            format: self.format,
            options: Options::default(),
            drive: Drive::Inline,
        })?;
        let engine = Arc::new(engine);
        Ok(Opened {
            stores: Stores::new(engine.clone()),
            engine,
        })
    }

    /// The power fails.
    pub(super) fn crash(&self, seed: u64) {
        self.files.crash(seed);
        self.index.crash(seed);
    }
}

pub(super) struct Opened {
    pub(super) engine: Arc<Engine>,
    pub(super) stores: Stores,
}

/// What a run was told, and what it asked for without an answer.
#[derive(Debug, Default, Clone)]
pub(super) struct Promised {
    /// Acknowledged texts by conversation, dense from seq 1.
    texts: BTreeMap<ConversationId, Vec<String>>,
    /// Texts of the append that had no answer.
    unanswered: BTreeMap<ConversationId, Vec<String>>,
    erased: BTreeSet<(ConversationId, u64)>,
    erasing: BTreeSet<(ConversationId, u64)>,
    marks: BTreeMap<(ConversationId, UserId), u64>,
    listed: BTreeSet<(UserId, ConversationId)>,
}

pub(super) fn conversation(i: u64) -> ConversationId {
    ConversationId::parse(&format!("anna/user{i}")).unwrap()
}

pub(super) fn anna() -> UserId {
    UserId::parse("anna").unwrap()
}

pub(super) fn entry(seq: u64, text: &str) -> Arc<Stored> {
    let time = Timestamp(1_700_000_000_000 + seq * 1_000);
    let mut random = [0; 10];
    random[..8].copy_from_slice(&seq.to_be_bytes());
    Arc::new(Stored {
        entry: Entry {
            seq: Seq(seq),
            sender: anna(),
            cmid: Cmid::from_parts(time, random),
            time,
            ordinal: Ordinal(seq),
            content: Message::text(text).into(),
        },
        accepted_at: time,
        hidden_from: None,
        expiry: None,
        digest: None,
    })
}

pub(super) fn append(
    opened: &Opened,
    to: &ConversationId,
    after: u64,
    texts: &[String],
) -> StoreResult<AppendOutcome> {
    let entries = texts
        .iter()
        .zip(after + 1..)
        .map(|(text, seq)| entry(seq, text))
        .collect();
    block_on(opened.stores.append(to, Seq(after), entries))
}

pub(super) fn raise(
    opened: &Opened,
    to: &ConversationId,
    seq: u64,
) -> Result<Vec<bool>, StoreError> {
    let of = |kind, device| Raise {
        conversation: to.clone(),
        holder: Holder {
            user: anna(),
            device,
        },
        kind,
        to: Position {
            seq: Seq(seq),
            ordinal: Ordinal(seq),
        },
    };
    block_on(opened.stores.raise(&[
        of(MarkKind::Delivered, None),
        of(MarkKind::Acked, Some(DeviceId(1))),
    ]))
}

pub(super) fn read_all(opened: &Opened, from: &ConversationId) -> Vec<Arc<Stored>> {
    let limit = ReadLimit {
        entries: usize::MAX,
        bytes: usize::MAX,
        newest_first: false,
    };
    block_on(opened.stores.read(from, Seq(1)..=Seq(u64::MAX), limit)).unwrap()
}

/// A recorded run: the same steps for the same seed, until one has no answer.
pub(super) fn run(opened: &Opened, steps: u64, promised: &mut Promised) {
    let mut random = SplitMix(7);
    for step in 0..steps {
        let to = conversation(random.next() % 3);
        let choice = random.next() % 16;
        let size = random.next() % 300;
        if one_step(opened, promised, &to, choice, size, step).is_err() {
            return;
        }
    }
}

fn one_step(
    opened: &Opened,
    promised: &mut Promised,
    to: &ConversationId,
    choice: u64,
    size: u64,
    step: u64,
) -> Result<(), ()> {
    let head = promised.texts.get(to).map_or(0, Vec::len) as u64;
    match choice {
        0..7 => {
            let texts: Vec<String> = (0..1 + choice % 3)
                .map(|i| format!("{step}.{i} {}", "é".repeat(size as usize)))
                .collect();
            promised.unanswered.insert(to.clone(), texts.clone());
            let outcome = append(opened, to, head, &texts).map_err(drop)?;
            assert_eq!(outcome, AppendOutcome::Appended);
            promised.unanswered.remove(to);
            promised.texts.entry(to.clone()).or_default().extend(texts);
        }
        7..11 if head > 0 => {
            raise(opened, to, head).map_err(drop)?;
            promised.marks.insert((to.clone(), anna()), head);
        }
        11 if head > 0 => {
            let seq = 1 + size % head;
            promised.erasing.insert((to.clone(), seq));
            block_on(opened.stores.erase(to, &[Seq(seq)], EraseReason::Retracted)).map_err(drop)?;
            promised.erased.insert((to.clone(), seq));
        }
        12 => {
            let user = anna();
            block_on(
                opened
                    .stores
                    .touch(std::slice::from_ref(&user), to, Timestamp(1)),
            )
            .map_err(drop)?;
            promised.listed.insert((user, to.clone()));
        }
        13 => opened.engine.overwrite_erased().map_err(drop)?,
        14 => opened.engine.checkpoint(&|| ()).map_err(drop)?,
        15 => drop(opened.engine.reclaim(&|| ()).map_err(drop)?),
        _ => {}
    }
    Ok(())
}

impl Promised {
    /// Compares what a store has with what was promised; says what is missing.
    pub(super) fn missing_in(&self, opened: &Opened) -> Result<(), String> {
        let check = opened.engine.check().map_err(|fault| fault.to_string())?;
        if let Some(problem) = check.problems.first() {
            return Err(problem.clone());
        }
        for i in 0..3 {
            self.compare_log(opened, &conversation(i))?;
        }
        for ((to, user), seq) in &self.marks {
            let marks = block_on(
                opened
                    .stores
                    .of_conversation(to, std::slice::from_ref(user)),
            )
            .unwrap();
            let acked = block_on(opened.stores.of_device(
                user,
                DeviceId(1),
                std::slice::from_ref(to),
            ))
            .unwrap();
            if marks[0].delivered.seq < Seq(*seq) || acked[0].unwrap_or_default().seq < Seq(*seq) {
                return Err(format!("{to}: the mark {seq} fell to {marks:?} {acked:?}"));
            }
        }
        let page = block_on(opened.stores.page(&anna(), None, None, 100, Timestamp(1))).unwrap();
        for (_, to) in &self.listed {
            if !page.rows.iter().any(|row| row.conversation == *to) {
                return Err(format!("{to} is no longer listed"));
            }
        }
        Ok(())
    }

    fn compare_log(&self, opened: &Opened, of: &ConversationId) -> Result<(), String> {
        let none = Vec::new();
        let promised = self.texts.get(of).unwrap_or(&none);
        let unanswered = self.unanswered.get(of).unwrap_or(&none);
        let found = read_all(opened, of);
        let more = found.len().checked_sub(promised.len());
        if more != Some(0) && more != Some(unanswered.len()) {
            return Err(format!(
                "{of}: {} entries of {} promised and {} more",
                found.len(),
                promised.len(),
                unanswered.len()
            ));
        }
        for (stored, text) in found.iter().zip(promised.iter().chain(unanswered)) {
            let at = (of.clone(), stored.seq().get());
            match &stored.entry.content {
                Content::Message(message) if self.erased.contains(&at) => {
                    return Err(format!("{at:?} was erased, now it says {:?}", message.text));
                }
                Content::Message(message)
                    if message.text.as_ref().map(|text| text.as_str()) == Some(text) => {}
                Content::Tombstone(_) if self.erasing.contains(&at) => {}
                other => return Err(format!("{at:?} is {other:?}")),
            }
            let key = ClaimKey {
                sender: anna(),
                cmid: stored.entry.cmid,
            };
            let claim = block_on(opened.stores.find(of, &[key])).unwrap();
            if claim[0].as_ref().map(|found| found.seq) != Some(stored.seq()) {
                return Err(format!("{at:?} has lost its claim"));
            }
        }
        assert!(
            CLAIM_KEPT.as_secs() > found.len() as u64,
            "no claim of the run expires"
        );
        Ok(())
    }

    /// Takes over what an unanswered append turned out to be.
    pub(super) fn settle(&mut self, opened: &Opened) {
        for (of, texts) in std::mem::take(&mut self.unanswered) {
            let promised = self.texts.entry(of.clone()).or_default();
            if read_all(opened, &of).len() > promised.len() {
                promised.extend(texts);
            }
        }
    }
}
