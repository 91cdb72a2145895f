//! The disk on which a durable server is measured: what it is, and how long a sync takes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{fdatasync, statfs};
use serde::Serialize;

/// Syncs of which the median is taken.
const SYNCS: usize = 200;

/// Bytes written before each: about a message and its head.
const RECORD: usize = 256;

/// What a folder lies on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Disk {
    /// The name of the file system.
    pub(crate) file_system: String,
    /// The median time of `fdatasync` after a write of 256 bytes, in microseconds.
    pub(crate) fdatasync_us: f64,
}

impl Disk {
    /// Looks at the file system of `folder` and syncs a file there.
    ///
    /// # Errors
    ///
    /// A file system in memory: durability would be measured without any.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let file_system = name(statfs(folder)?.f_type as u64)?;
        Ok(Self {
            file_system,
            fdatasync_us: median_sync(folder)?.as_secs_f64() * 1e6,
        })
    }
}

/// The name of a file system by its magic number, as `statfs(2)` lists them.
fn name(magic: u64) -> io::Result<String> {
    let name = match magic {
        0x0102_1994 | 0x8584_58F6 => {
            return Err(io::Error::other(
                "the data folder is on tmpfs or ramfs: nothing there is durable",
            ));
        }
        0xEF53 => "ext4",
        0x5846_5342 => "xfs",
        0x9123_683E => "btrfs",
        0x794C_7630 => "overlayfs",
        0x2FC1_2FC1 => "zfs",
        0xF2F5_2010 => "f2fs",
        other => return Ok(format!("file system {other:#x}")),
    };
    Ok(name.to_owned())
}

fn median_sync(folder: &Path) -> io::Result<Duration> {
    let file: File = tempfile::tempfile_in(folder)?;
    file.write_all_at(&vec![0; RECORD * SYNCS], 0)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(SYNCS);
    for record in 0..SYNCS {
        file.write_all_at(&[1; RECORD], (record * RECORD) as u64)?;
        let begin = Instant::now();
        fdatasync(&file)?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_in_memory_is_refused() {
        assert!(name(0x0102_1994).is_err());
        assert_eq!(name(0xEF53).expect("a disk"), "ext4");
    }
}
