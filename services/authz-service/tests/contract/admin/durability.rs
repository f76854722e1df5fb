//! A thousand changes over HTTP and a process that is killed in the middle of them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::Managed;

const WRITERS: usize = 4;
const CHANGES: usize = 1_000;
const KILLED_AFTER: usize = 400;

#[test]
fn no_acknowledged_change_is_lost_when_the_process_is_killed() {
    let mut managed = Managed::start();
    let acknowledged = Mutex::new(Vec::new());
    let killed = AtomicBool::new(false);
    let id = managed.service.child.id();
    let token = managed.token("admin");
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (managed, acknowledged, killed, token) = (&managed, &acknowledged, &killed, &token);
            scope.spawn(move || {
                for n in (0..CHANGES).filter(|n| n % WRITERS == writer) {
                    let path = format!("/subjects/user/u{n}");
                    let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        let reply = managed.with(token, "PUT", &path, &[], Some(&json!({})));
                        (reply.status, reply.json()["etag"].as_str().map(str::to_owned))
                    }));
                    let Ok((200, Some(etag))) = answer else { return };
                    let mut all = acknowledged.lock().unwrap();
                    all.push((path, etag));
                    if all.len() == KILLED_AFTER {
                        killed.store(true, Ordering::SeqCst);
                        let process = rustix::process::Pid::from_raw(i32::try_from(id).unwrap());
                        rustix::process::kill_process(
                            process.unwrap(),
                            rustix::process::Signal::KILL,
                        )
                        .unwrap();
                    }
                }
            });
        }
    });
    assert!(killed.load(Ordering::SeqCst));
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!((KILLED_AFTER..CHANGES).contains(&acknowledged.len()), "{}", acknowledged.len());
    managed.restart();
    for (path, etag) in &acknowledged {
        let found = managed.admin("GET", path, None);
        assert_eq!((found.status, found.header("etag")), (200, Some(etag.as_str())), "{path}");
    }
    let log = managed.get("/audit?actor=admin:admin-1&limit=1000");
    assert!(log["items"].as_array().unwrap().len() >= acknowledged.len());
}
