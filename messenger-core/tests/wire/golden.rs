//! Golden frames: each frame type in both codecs, as files. `UPDATE_GOLDEN=1` writes them anew.
//!
//! ```text
//!   tests/golden/client/send.message.json    the text message
//!   tests/golden/client/send.message.cbor    the binary message in hex, then `#` and its diagnostic notation
//! ```

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use messenger_core::model::{Content, Membership, PolicyChange};
use messenger_core::wire::{ClientFrame, DecodeError, MembersChange, SendContent, ServerFrame};

use crate::samples;

#[test]
fn client_frames_are_read_and_written_as_in_the_golden_files() {
    for (name, frame) in samples::client() {
        Golden::new("client", name).hold(
            &frame,
            (ClientFrame::to_json, ClientFrame::from_json),
            (ClientFrame::to_cbor, ClientFrame::from_cbor),
        );
    }
}

#[test]
fn server_frames_are_read_and_written_as_in_the_golden_files() {
    for (name, frame) in samples::server() {
        Golden::new("server", name).hold(
            &frame,
            (ServerFrame::to_json, ServerFrame::from_json),
            (ServerFrame::to_cbor, ServerFrame::from_cbor),
        );
    }
}

#[test]
fn every_frame_type_has_a_golden_file() {
    let client: BTreeSet<&str> = samples::client().iter().map(|(_, f)| f.tag()).collect();
    let server: BTreeSet<&str> = samples::server().iter().map(|(_, f)| f.tag()).collect();
    assert_eq!(client, names(ClientFrame::TAGS));
    assert_eq!(server, names(ServerFrame::TAGS));
}

#[test]
fn every_kind_of_content_has_a_golden_file() {
    let mut sent = BTreeSet::new();
    let mut changes = BTreeSet::new();
    for (_, frame) in samples::client() {
        match frame {
            ClientFrame::Send(send) => drop(sent.insert(send.content.tag())),
            ClientFrame::Members(members) => changes.extend(members.change.map(|c| c.tag())),
            _ => {}
        }
    }
    assert_eq!(sent, names(SendContent::TAGS));
    assert_eq!(changes, names(MembersChange::TAGS));

    let mut contents = BTreeSet::new();
    let mut memberships = BTreeSet::new();
    let mut policies = BTreeSet::new();
    let entries = samples::server()
        .into_iter()
        .flat_map(|(_, frame)| match frame {
            ServerFrame::Entries(entries) => entries.entries,
            _ => Vec::new(),
        });
    for entry in entries {
        contents.insert(entry.content.tag());
        match entry.content {
            Content::Membership(change) => drop(memberships.insert(change.tag())),
            Content::Policy(change) => drop(policies.insert(change.tag())),
            _ => {}
        }
    }
    assert_eq!(contents, names(Content::TAGS));
    assert_eq!(memberships, names(Membership::TAGS));
    assert_eq!(policies, names(PolicyChange::TAGS));
}

#[test]
fn every_golden_file_belongs_to_a_sample() {
    for (side, samples) in [
        ("client", keys(samples::client())),
        ("server", keys(samples::server())),
    ] {
        let files = std::fs::read_dir(folder().join(side)).expect("the golden files are there");
        let stems: BTreeSet<String> = files
            .map(|file| file.expect("the golden files can be listed").path())
            .map(|path| {
                path.file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        assert_eq!(stems, samples, "{side}");
    }
}

/// The two files of one sample.
struct Golden {
    json: PathBuf,
    cbor: PathBuf,
}

type Codec<T, Out, In> = (fn(&T) -> Out, fn(&In) -> Result<T, DecodeError>);

impl Golden {
    fn new(side: &str, name: &str) -> Self {
        let stem = folder().join(side);
        Self {
            json: stem.join(format!("{name}.json")),
            cbor: stem.join(format!("{name}.cbor")),
        }
    }

    fn hold<T: Debug + PartialEq>(
        &self,
        frame: &T,
        (to_json, from_json): Codec<T, String, str>,
        (to_cbor, from_cbor): Codec<T, Vec<u8>, [u8]>,
    ) {
        let text = to_json(frame);
        let bytes = to_cbor(frame);
        hold(&self.json, &format!("{text}\n"));
        hold(&self.cbor, &dump(&bytes));
        let stored = read(&self.json);
        assert_eq!(
            from_json(&stored).as_ref(),
            Ok(frame),
            "{}",
            self.json.display()
        );
        let stored = undump(&read(&self.cbor));
        assert_eq!(
            from_cbor(&stored).as_ref(),
            Ok(frame),
            "{}",
            self.cbor.display()
        );
    }
}

fn hold(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let folder = path.parent().expect("golden files lie in a folder");
        std::fs::create_dir_all(folder).expect("the folder can be made");
        std::fs::write(path, text).expect("the golden file can be written");
    }
    assert_eq!(
        read(path),
        text,
        "{}: if the change is meant, run with UPDATE_GOLDEN=1",
        path.display()
    );
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_GOLDEN=1 writes it", path.display()))
}

/// Hex, 32 bytes a line, then the diagnostic notation of RFC 8949, section 8.
fn dump(bytes: &[u8]) -> String {
    let mut out = String::new();
    for line in bytes.chunks(32) {
        out.extend(line.iter().map(|byte| format!("{byte:02x}")));
        out.push('\n');
    }
    let diagnostic = minicbor::display(bytes).to_string();
    let line = diagnostic.chars().map(|c| match c.is_control() {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    });
    format!("{out}# {}\n", line.collect::<String>())
}

fn undump(text: &str) -> Vec<u8> {
    let digits: String = text
        .lines()
        .take_while(|line| !line.starts_with('#'))
        .collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("golden files are in hex"))
        .collect()
}

fn names(tags: &[(&'static str, u16)]) -> BTreeSet<&'static str> {
    tags.iter().map(|(name, _)| *name).collect()
}

fn keys<T>(samples: Vec<(&'static str, T)>) -> BTreeSet<String> {
    samples
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}
