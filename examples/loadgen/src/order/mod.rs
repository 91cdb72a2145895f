//! What a user can order, one file each, and what all of them need.

pub(crate) mod compare;
pub(crate) mod idle;
pub(crate) mod logins;
pub(crate) mod messages;
pub(crate) mod stored;

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::dialect::Dialect;
use crate::disk::Disk;
use crate::fleet::Fleet;
use crate::process::{Cores, Server, allow_open_files};
use crate::report::Report;
use crate::stats::Summary;
use crate::target::{Started, Target};
use crate::traffic::{Plan, Traffic, seats};

/// Files that a process may need beside one for each link.
const SPARE_FILES: u64 = 500;

/// Where and with what servers are started.
pub(crate) struct Bench {
    /// Under this folder each server gets one for its data.
    root: PathBuf,
    /// The reference server's binary.
    binary: Option<PathBuf>,
    cores: Option<Cores>,
    /// What was found out.
    pub(crate) report: Report,
}

/// A running server with its data folder, which goes when it goes.
pub(crate) struct Running {
    /// The process.
    pub(crate) server: Server,
    /// What it is.
    pub(crate) target: Target,
    dialect: Dialect,
    folder: TempDir,
}

impl Bench {
    /// Looks at the machine and the disk under `root`.
    pub(crate) fn new(
        command: &str,
        root: &Path,
        binary: Option<PathBuf>,
        links: u32,
    ) -> io::Result<Self> {
        allow_open_files(u64::from(links) + SPARE_FILES)?;
        let report = Report::new(command, Disk::of(root)?);
        Ok(Self {
            root: root.to_owned(),
            binary,
            cores: Cores::of_this_machine()?,
            report,
        })
    }

    /// Starts a server on an empty folder.
    pub(crate) fn start(&mut self, target: Target, room_size: u32) -> io::Result<Running> {
        let folder = tempfile::Builder::new()
            .prefix("loadgen-")
            .tempdir_in(&self.root)?;
        self.start_on(target, room_size, folder)
    }

    /// Starts a server on the folder that another left.
    pub(crate) fn start_on(
        &mut self,
        target: Target,
        room_size: u32,
        folder: TempDir,
    ) -> io::Result<Running> {
        self.report.limits(&target.limits());
        let Started { server, dialect } =
            target.start(self.binary.as_deref(), folder.path(), room_size, self.cores)?;
        Ok(Running {
            server,
            target,
            dialect,
            folder,
        })
    }

    /// Starts a server, runs a plan over it, and ends it.
    pub(crate) fn measure(
        &mut self,
        workload: &str,
        target: Target,
        users: u32,
        room_size: u32,
        plan: Plan,
    ) -> io::Result<Summary> {
        let running = self.start(target, room_size)?;
        let mut fleet = running.fleet(users, room_size)?;
        let measured = Traffic::new(&mut fleet, plan).run(|| running.server.usage())?;
        drop(fleet);
        running.stop()?;
        Ok(self
            .report
            .run(workload, target.name(), measured.summary())
            .clone())
    }
}

impl Running {
    /// Logs users in.
    pub(crate) fn fleet(&self, users: u32, room_size: u32) -> io::Result<Fleet> {
        Fleet::connect(
            self.server.address,
            self.dialect.clone(),
            &seats(users, room_size),
        )
    }

    /// Ends the server in good order and gives its data.
    pub(crate) fn stop(self) -> io::Result<TempDir> {
        self.server.stop()?;
        Ok(self.folder)
    }

    /// Ends the server as a crash would and gives its data.
    pub(crate) fn kill(self) -> io::Result<TempDir> {
        self.server.kill()?;
        Ok(self.folder)
    }
}
