//! Starting and ending: what a person sees, what a script gets.

use std::fs;
use std::net::TcpListener;

use std::io::Read;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::process::{Server, http, run, run_ok, server, wait};

#[test]
fn a_first_start_tells_address_folder_log_ins_and_how_two_people_chat() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");

    let text = banner(&data, "127.0.0.1:0");

    assert!(text.contains("http://127.0.0.1:"), "{text}");
    assert!(
        text.contains(&format!("{}  (new)", data.display())),
        "{text}"
    );
    for (user, row) in [("anna", "anna  password "), ("ben", "ben   password ")] {
        assert!(text.contains(row), "{text}");
        let chats = text.lines().filter(|line| {
            line.contains("messenger-chat") && line.contains(&format!("--as {user}"))
        });
        assert_eq!(chats.count(), 1, "{text}");
    }
    assert!(!banner(&data, "127.0.0.1:0").contains("(new)"));
}

#[test]
fn on_other_addresses_than_loopback_there_are_no_demo_log_ins() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");

    let text = banner(&data, "0.0.0.0:0");

    assert!(text.contains("Demo log-ins are off: 0.0.0.0:"), "{text}");
    assert!(!text.contains("anna"), "{text}");
    assert!(run_ok(&data, &["user", "list"], "").starts_with("No accounts"));
}

#[test]
fn demo_accounts_made_on_loopback_are_locked_elsewhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    banner(&data, "127.0.0.1:0");
    assert!(!run_ok(&data, &["user", "list"], "").contains("revoked"));

    assert!(!banner(&data, "0.0.0.0:0").contains("--as anna"));
    assert_eq!(
        run_ok(&data, &["user", "list"], "")
            .matches("revoked")
            .count(),
        2
    );

    assert!(banner(&data, "127.0.0.1:0").contains("--as anna"));
    assert!(!run_ok(&data, &["user", "list"], "").contains("revoked"));
}

#[test]
fn a_busy_port_is_named_with_the_flag_that_changes_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();

    let ran = run(&folder.path().join("data"), &["--listen", &address], "");

    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(
        ran.stderr.contains(&format!("{address} is in use")) && ran.stderr.contains("--listen"),
        "{ran:?}"
    );
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[test]
fn a_second_server_on_the_folder_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let first = Server::start(&data);

    let ran = run(&data, &["--listen", "127.0.0.1:0"], "");

    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(
        ran.stderr
            .contains("another messenger-server has this data folder open"),
        "{ran:?}"
    );
    assert_eq!(http(first.address, "GET", "/", "").0, 200);
    run_ok(&data, &["user", "list"], "");
}

#[test]
fn an_unknown_setting_is_named_with_its_file_and_full_path() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(
        folder.path().join("messenger.toml"),
        "[limits]\nbody_byte = 1\n",
    )
    .expect("writable");

    let ran = run(&folder.path().join("data"), &[], "");

    assert_eq!(ran.code, Some(2), "{ran:?}");
    let expected =
        "messenger.toml:2: unknown key limits.body_byte; did you mean limits.body_bytes?";
    assert!(ran.stderr.contains(expected), "{ran:?}");
}

#[test]
fn check_config_shows_where_each_value_comes_from() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(
        folder.path().join("messenger.toml"),
        "accounts.signup = \"open\"\n",
    )
    .expect("writable");
    let mut command = server(&folder.path().join("data"));
    command.env("MESSENGER__DEMO", "false").args([
        "check-config",
        "--set",
        "limits.page_entries=50",
    ]);

    let output =
        String::from_utf8(command.output().expect("the binary runs").stdout).expect("text");

    let line = |name: &str| {
        output
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name}: {output}"))
    };
    assert!(
        line("signup = \"open\"").ends_with("# messenger.toml:1"),
        "{output}"
    );
    assert!(
        line("demo = false").ends_with("# environment MESSENGER__DEMO"),
        "{output}"
    );
    assert!(
        line("page_entries = 50").ends_with("# flag --set"),
        "{output}"
    );
    assert!(line("listen = ").ends_with("# default"), "{output}");
}

#[test]
fn a_signal_drains_and_leaves_no_socket() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Server::start(&data);
    assert!(data.join("admin.sock").exists());

    let (code, log) = server.terminate();

    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("\"draining") && log.contains("\"drained\""),
        "{log}"
    );
    assert!(!data.join("admin.sock").exists());
}

#[test]
fn after_a_kill_the_next_start_takes_the_folder_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    Server::start(&data).kill();
    assert!(data.join("admin.sock").exists(), "nobody removed it");
    assert!(
        run_ok(&data, &["user", "list"], "").contains("anna"),
        "without a server the folder itself answers"
    );

    let server = Server::start(&data);

    assert!(run_ok(&data, &["user", "list"], "").contains("anna"));
    assert_eq!(server.terminate().0, Some(0));
}

/// Starts a server, reads its banner, ends it.
fn banner(data: &std::path::Path, listen: &str) -> String {
    let mut command = server(data);
    let mut child = command
        .args(["--listen", listen])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("--help\n") {
        let mut some = [0; 4096];
        let read = stdout.read(&mut some).expect("stdout is readable");
        assert_ne!(
            read,
            0,
            "the server ended: {}",
            String::from_utf8_lossy(&text)
        );
        text.extend_from_slice(&some[..read]);
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("the process is there");
    assert_eq!(wait(&mut child), Some(0));
    String::from_utf8(text).expect("text")
}
