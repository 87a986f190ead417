//! Servers of a test's own: as whom they run, on which port, and that they end with it.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
};

/// A process that ends with this value.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts it; what it writes to standard error comes line by line.
    pub fn start(command: &mut Command) -> (Self, Receiver<String>) {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it is installed");
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        // It is read to its end, whether anybody listens or not: a server whose pipe is full stands still.
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        (Self(child), lines)
    }
}

/// Waits for a line that contains this.
#[track_caller]
pub fn await_line(lines: &Receiver<String>, wanted: &str) {
    let mut before = Vec::new();
    while let Ok(line) = lines.recv() {
        if line.contains(wanted) {
            return;
        }
        before.push(line);
    }
    panic!("it ended without {wanted:?}: {before:#?}");
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Whether the tests run as root, whom servers refuse to run as.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The number of a user, and of their group.
fn number(user: &str, option: &str) -> Option<u32> {
    let output = Command::new("id").args([option, user]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().ok()
}

/// Who servers run as, where the tests run as root: somebody without rights.
fn nobody() -> (u32, u32) {
    let user = ["postgres", "nobody"].into_iter().find(|user| number(user, "-u").is_some()).unwrap();
    (number(user, "-u").unwrap(), number(user, "-g").unwrap())
}

/// A command that is run by somebody without rights.
pub fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let (user, group) = nobody();
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={user}"), &format!("--regid={group}"), "--clear-groups", "--"]).arg(program);
    command
}

/// Gives a file or a folder to them, and to nobody else.
pub fn give(path: &Path) {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    if is_root() {
        let (user, group) = nobody();
        chown(path, Some(user), Some(group)).unwrap();
    }
}
