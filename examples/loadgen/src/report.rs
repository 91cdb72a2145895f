//! What is printed for people and written for machines.
#![allow(clippy::print_stdout, reason = "printing is what this module is for")]

use std::fs::File;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::disk::Disk;
use crate::stats::Summary;

/// Other programs may use this share of a core before a run is called noisy.
const QUIET: f64 = 0.1;

/// A generator that uses more than this share of its core is what is measured.
const SATURATED: f64 = 0.9;

/// Everything that a command found out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The command line's first word.
    pub(crate) command: String,
    /// The processor's name.
    pub(crate) processor: String,
    /// The disk of the data folders.
    pub(crate) disk: Disk,
    /// The limits with which servers ran, where they differ from the defaults.
    pub(crate) limits: Vec<String>,
    /// Traffic that was measured.
    pub(crate) runs: Vec<Run>,
    /// Single figures.
    pub(crate) figures: Vec<Figure>,
    /// Figures that were held against a bound.
    pub(crate) verdicts: Vec<Verdict>,
}

/// One measured traffic.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    /// What was done.
    pub(crate) workload: String,
    /// To whom.
    pub(crate) target: String,
    /// What came of it.
    pub(crate) summary: Summary,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// What it is.
    pub(crate) name: String,
    /// Of whom.
    pub(crate) target: String,
    /// Its value.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
}

/// Which side of its bound is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    /// The figure must not be below.
    AtLeast,
    /// The figure must not be above.
    AtMost,
}

/// A figure and its bound.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    /// What it is.
    pub(crate) name: String,
    /// What was measured.
    pub(crate) measured: f64,
    /// The bound.
    pub(crate) bound: f64,
    /// Which side is good.
    pub(crate) side: Bound,
    /// The unit of both.
    pub(crate) unit: &'static str,
    /// Whether it holds.
    pub(crate) pass: bool,
}

impl Report {
    /// An empty report; prints the machine and its disk.
    pub(crate) fn new(command: &str, disk: Disk) -> Self {
        let processor = processor();
        println!("processor   {processor}");
        println!(
            "data folder on {}, median fdatasync {:.3} ms",
            disk.file_system,
            disk.fdatasync_us / 1e3
        );
        Self {
            command: command.to_owned(),
            processor,
            disk,
            limits: Vec::new(),
            runs: Vec::new(),
            figures: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    /// Says with which limits servers run.
    pub(crate) fn limits(&mut self, limits: &[String]) {
        for limit in limits {
            if !self.limits.contains(limit) {
                println!("limit       {limit}");
                self.limits.push(limit.clone());
            }
        }
    }

    /// Prints a run and keeps it.
    pub(crate) fn run(&mut self, workload: &str, target: &str, summary: Summary) -> &Summary {
        if self.runs.is_empty() {
            println!();
            println!(
                "{:<22} {:<18} {:>10} {:>10} {:>8} {:>6} {:>6} {:>6}  {:>23} {:>23}",
                "workload",
                "server",
                "messages/s",
                "arrive/s",
                "us each",
                "server",
                "gen",
                "others",
                "delivery p50/p99/max ms",
                "receipt p50/p99/max ms"
            );
        }
        let triple = |p: &crate::stats::Percentiles| {
            format!(
                "{:.3}/{:.3}/{:.1}",
                p.p50_us / 1e3,
                p.p99_us / 1e3,
                p.max_us / 1e3
            )
        };
        println!(
            "{workload:<22} {target:<18} {:>10.0} {:>10.0} {:>8.2} {:>6.2} {:>6.2} {:>6.2}  {:>23} {:>23}",
            summary.messages_per_second,
            summary.deliveries_per_second,
            summary.server_us_per_message.unwrap_or(f64::NAN),
            summary.server_load,
            summary.generator_load,
            summary.others_load,
            triple(&summary.delivery),
            triple(&summary.receipt),
        );
        for (code, count) in &summary.refused {
            println!("    refused {count} times: {code}");
        }
        if summary.lost + summary.repeated + summary.unfinished > 0 {
            println!(
                "    lost {}, arrived twice {}, unfinished {}",
                summary.lost, summary.repeated, summary.unfinished
            );
        }
        if summary.others_load > QUIET {
            println!("    the machine was not quiet: read ratios and us, not messages/s");
        }
        if summary.generator_load > SATURATED && summary.server_load < SATURATED {
            println!("    the generator was the bottleneck");
        }
        self.runs.push(Run {
            workload: workload.to_owned(),
            target: target.to_owned(),
            summary,
        });
        &self.runs.last().expect("just pushed").summary
    }

    /// Prints a figure and keeps it.
    pub(crate) fn figure(&mut self, name: &str, target: &str, value: f64, unit: &'static str) {
        println!("{name:<22} {target:<18} {value:>10.2} {unit}");
        self.figures.push(Figure {
            name: name.to_owned(),
            target: target.to_owned(),
            value,
            unit,
        });
    }

    /// Holds a figure against its bound.
    pub(crate) fn judge(
        &mut self,
        name: &str,
        measured: f64,
        side: Bound,
        bound: f64,
        unit: &'static str,
    ) {
        let pass = match side {
            Bound::AtLeast => measured >= bound,
            Bound::AtMost => measured <= bound,
        };
        self.verdicts.push(Verdict {
            name: name.to_owned(),
            measured,
            bound,
            side,
            unit,
            pass,
        });
    }

    /// Prints the verdicts; whether all hold.
    pub(crate) fn conclude(&self) -> bool {
        if !self.verdicts.is_empty() {
            println!();
        }
        for verdict in &self.verdicts {
            println!(
                "{} {:<58} {:>11.2} {} {:>9.2} {}",
                if verdict.pass { "pass" } else { "FAIL" },
                verdict.name,
                verdict.measured,
                match verdict.side {
                    Bound::AtLeast => ">=",
                    Bound::AtMost => "<=",
                },
                verdict.bound,
                verdict.unit
            );
        }
        self.verdicts.iter().all(|verdict| verdict.pass)
    }

    /// Writes the report as JSON.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        serde_json::to_writer_pretty(File::create(file)?, self).map_err(io::Error::from)
    }
}

fn processor() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or_else(
            || "unknown".to_owned(),
            |name| name.trim_start_matches([' ', '\t', ':']).to_owned(),
        )
}
