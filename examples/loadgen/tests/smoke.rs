//! The whole program for a moment: that each workload runs, loses nothing, and reports.

use std::process::Command;

#[test]
fn a_comparison_of_the_relays_runs_and_reports_every_workload() {
    // Beside the binary, not in /tmp, which may be in memory: the program refuses that.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let json = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_messenger-loadgen"))
        .args(["compare", "--smoke", "--relay-only", "--folder"])
        .arg(folder.path())
        .arg("--json")
        .arg(&json)
        .output()
        .expect("the program starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&json).expect("a report")).expect("JSON");
    let runs = report["runs"].as_array().expect("runs");
    assert!(runs.len() >= 5, "{printed}");
    for run in runs {
        let summary = &run["summary"];
        assert!(
            summary["messages_per_second"].as_f64().expect("a rate") > 0.0,
            "{run}"
        );
        for wrong in ["lost", "repeated", "unfinished"] {
            assert_eq!(summary[wrong], 0, "{run}");
        }
    }
    let figures = report["figures"].as_array().expect("figures");
    for name in [
        "logins",
        "idle connection",
        "start, empty",
        "start, full, killed",
    ] {
        assert!(
            figures.iter().any(|figure| figure["name"] == name),
            "no {name} in {printed}"
        );
    }
    let left = std::fs::read_dir(folder.path())
        .expect("the folder")
        .count();
    assert_eq!(left, 1, "data folders are removed; only the report stays");
}
