//! The one thread that starts every child.
//!
//! The kernel's parent-death signal fires when the *thread* that forked ends, so a test's own
//! thread must never be the parent of a stack that other tests share. This thread ends with the
//! process and not before.

use std::io;
use std::process::{Child, Command};
use std::sync::{OnceLock, mpsc};
use std::thread;

struct Request {
    command: Command,
    answer: mpsc::SyncSender<io::Result<Child>>,
}

pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (answer, child) = mpsc::sync_channel(1);
    sender()?.send(Request { command, answer }).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

fn sender() -> io::Result<&'static mpsc::Sender<Request>> {
    static SENDER: OnceLock<Option<mpsc::Sender<Request>>> = OnceLock::new();
    SENDER.get_or_init(|| start().ok()).as_ref().ok_or_else(gone)
}

fn start() -> io::Result<mpsc::Sender<Request>> {
    let (sender, requests) = mpsc::channel::<Request>();
    thread::Builder::new().name("spawner".to_owned()).spawn(move || {
        for mut request in requests {
            // Nobody waits for the answer any more: then nobody owns the child either.
            if let Err(mpsc::SendError(Ok(mut orphan))) =
                request.answer.send(request.command.spawn())
            {
                let _ = orphan.kill();
                let _ = orphan.wait();
            }
        }
    })?;
    Ok(sender)
}

fn gone() -> io::Error {
    io::Error::other("the thread that starts children is gone")
}
