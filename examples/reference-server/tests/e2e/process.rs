//! A server process of a test's own, and one-shot commands of the same binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to start or to end; generous, for loaded machines.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port of loopback, logging JSON.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// Starts it with more arguments; later ones win.
    pub(crate) fn start_with(data: &Path, arguments: &[&str]) -> Self {
        let mut command = server(data);
        command
            .args(["--listen", "127.0.0.1:0", "--log", "json"])
            .args(arguments);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut log = String::new();
        let address = loop {
            let begin = log.len();
            assert_ne!(
                lines.read_line(&mut log).expect("stderr is text"),
                0,
                "the server ended:\n{log}"
            );
            if let Some(address) = address(&log[begin..]) {
                break address;
            }
        };
        let log = Arc::new(Mutex::new(log));
        let written = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in lines.lines() {
                let mut log = written.lock().expect("no reader panics");
                log.push_str(&line.expect("stderr is text"));
                log.push('\n');
            }
        });
        Self {
            child,
            address,
            log,
            reader: Some(reader),
        }
    }

    /// Everything that it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no reader panics").clone()
    }

    /// Asks it to end, and waits; the exit code and the whole log.
    pub(crate) fn terminate(mut self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        let code = wait(&mut self.child);
        self.reader
            .take()
            .expect("it is joined once")
            .join()
            .expect("no reader panics");
        (code, self.log())
    }

    /// Kills it as a crash would.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the process is there");
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for a process, but not for ever.
pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the process is ours") {
            return status.code();
        }
        assert!(begun.elapsed() < PATIENCE, "the process does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The binary on a data folder, without settings of the machine that runs the test.
pub(crate) fn server(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_messenger-server"));
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MESSENGER__"))
    {
        command.env_remove(name);
    }
    command
        .current_dir(data.parent().expect("a data folder lies in a folder"))
        .arg("--data")
        .arg(data);
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end with `input` on standard input.
pub(crate) fn run(data: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut command = server(data);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    // A command that reads nothing may have ended already.
    let _ = child
        .stdin
        .take()
        .expect("stdin is piped")
        .write_all(input.as_bytes());
    child
        .wait_with_output()
        .expect("the process is ours")
        .into()
}

/// Runs a command that must succeed; answers what it printed.
pub(crate) fn run_ok(data: &Path, arguments: &[&str], input: &str) -> String {
    let ran = run(data, arguments, input);
    assert_eq!(
        ran.code,
        Some(0),
        "{arguments:?}: {}{}",
        ran.stdout,
        ran.stderr
    );
    ran.stdout
}

/// What a command that ended has left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Sends one HTTP request and answers status and body.
pub(crate) fn http(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket has a time-out");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream
        .write_all(request.as_bytes())
        .expect("the server reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .expect("an answer has a status");
    (status, body.to_owned())
}

/// The address in the log line that says that the server listens.
fn address(line: &str) -> Option<SocketAddr> {
    if !line.contains("\"listening\"") {
        return None;
    }
    let event: serde_json::Value = serde_json::from_str(line).expect("a log line is JSON");
    event["address"]
        .as_str()
        .expect("the event has an address")
        .parse()
        .ok()
}
