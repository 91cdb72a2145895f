//! The conformance cases on the embedded store, closed and crashed.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use messenger_embedded::{Options, Store};
use messenger_testkit::conformance::{self, Ending, Instance, Need, OpenError, Parts, Subject};
use messenger_testkit::exec::BoxFuture;
use tempfile::TempDir;

struct Embedded;

impl Subject for Embedded {
    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Instance>, OpenError>> {
        Box::pin(async { Ok(Box::new(InFolder::open(tempfile::tempdir()?)?) as Box<dyn Instance>) })
    }

    fn offers(&self) -> Vec<Need> {
        let reopens = Ending::ALL.iter().map(|ending| Need::Reopen(*ending));
        Need::STORES.iter().copied().chain(reopens).collect()
    }
}

struct InFolder {
    store: Option<Store>,
    folder: TempDir,
}

impl InFolder {
    fn open(folder: TempDir) -> Result<Self, OpenError> {
        let store = Some(Store::open(folder.path(), Options::default())?);
        Ok(Self { store, folder })
    }
}

impl Instance for InFolder {
    fn parts(&self) -> Parts {
        self.store
            .as_ref()
            .map(|store| store.backend().into())
            .unwrap_or_default()
    }

    fn open_again(&mut self, ending: Ending) -> BoxFuture<'_, Result<(), OpenError>> {
        Box::pin(async move {
            let after = tempfile::tempdir()?;
            if ending == Ending::Closed {
                self.store = None;
            }
            // What a killed process leaves is what its files hold at that moment.
            copy(self.folder.path(), after.path())?;
            self.store = None;
            *self = Self::open(after)?;
            Ok(())
        })
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    conformance::run(Embedded)
}
