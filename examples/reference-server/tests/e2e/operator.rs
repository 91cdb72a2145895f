//! The operator's commands, with and without a running server.

use std::fs;

use super::process::{Server, run, run_ok};

#[test]
fn accounts_are_managed_alike_with_and_without_a_server() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");

    run_ok(&data, &["user", "add", "carla"], "kingfisher\n");
    let server = Server::start(&data);
    run_ok(&data, &["user", "add", "dora"], "kingfisher\n");
    run_ok(&data, &["user", "revoke", "carla"], "");
    let listed = run_ok(&data, &["user", "list"], "");
    assert_eq!(server.terminate().0, Some(0));

    assert_eq!(run_ok(&data, &["user", "list"], ""), listed);
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("carla ") && line.ends_with("revoked")),
        "{listed}"
    );
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("dora ") && !line.ends_with("revoked")),
        "{listed}"
    );
    assert!(
        !listed.contains("anna"),
        "no demo accounts beside real ones: {listed}"
    );
}

#[test]
fn a_refused_command_says_why_and_exits_1() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let _server = Server::start(&data);
    for (arguments, input, why) in [
        (&["user", "add", "anna"][..], "kingfisher\n", "taken"),
        (&["user", "add", "carla"], "short\n", "8 characters"),
        (
            &["user", "passwd", "carla"],
            "kingfisher\n",
            "no account carla",
        ),
        (&["user", "revoke", "carla"], "", "no account carla"),
        (&["token", "mint", "carla"], "", "no account carla"),
        (
            &["inspect", "conversation", "ben/anna"],
            "",
            "no conversation anna/ben",
        ),
        (
            &["inspect", "message", "anna/ben", "7"],
            "",
            "no entry 7 in anna/ben",
        ),
    ] {
        let ran = run(&data, arguments, input);
        assert_eq!(ran.code, Some(1), "{arguments:?} {ran:?}");
        assert!(ran.stderr.contains(why), "{arguments:?} {ran:?}");
    }
}

#[test]
fn a_command_on_a_folder_that_is_not_there_makes_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let ran = run(&data, &["user", "list"], "");
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(!data.exists());
}

#[test]
fn a_backup_of_a_running_server_is_restored_into_a_new_folder_only() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (data, backup, new) = (
        folder.path().join("data"),
        folder.path().join("backup"),
        folder.path().join("new"),
    );
    run_ok(&data, &["user", "add", "carla"], "kingfisher\n");
    let server = Server::start(&data);

    // A relative path is the caller's, not the server's.
    run_ok(&data, &["backup", "backup"], "");
    assert!(backup.is_dir());
    let again = run(&data, &["backup", "backup"], "");
    assert_eq!(again.code, Some(1), "{again:?}");

    let over = run(&data, &["restore", "backup"], "");
    assert_eq!(over.code, Some(4), "{over:?}");
    run_ok(&new, &["restore", "backup"], "");
    assert!(run_ok(&new, &["user", "list"], "").contains("carla"));
    let opened = run(&folder.path().join("data2"), &["restore", "data"], "");
    assert_eq!(
        opened.code,
        Some(4),
        "a data folder is no backup: {opened:?}"
    );
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn passwords_and_tokens_are_neither_logged_nor_kept() {
    const CANARY: &str = "canary-kingfisher";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Server::start_with(&data, &["--log", "json,trace"]);

    run_ok(&data, &["user", "add", "carla"], &format!("{CANARY}\n"));
    run_ok(&data, &["user", "passwd", "carla"], &format!("{CANARY}\n"));
    let token = run_ok(&data, &["token", "mint", "carla"], "")
        .trim()
        .to_owned();
    let (code, log) = server.terminate();

    assert_eq!(code, Some(0));
    assert!(
        log.contains("password changed") && log.contains("token issued"),
        "{log}"
    );
    for secret in [CANARY, &token] {
        assert!(!log.contains(secret), "the log tells a secret");
        assert!(
            !holds(&data, secret.as_bytes()),
            "the data folder keeps a secret"
        );
    }
}

/// Tells whether any file below a folder holds these bytes.
fn holds(folder: &std::path::Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).expect("readable").any(|entry| {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        fs::read(&path)
            .expect("readable")
            .windows(bytes.len())
            .any(|window| window == bytes)
    })
}
