//! An upstream that talks for as long as it is listened to: a chunk each 50 ms, as events or, after an
//! upgrade, as bytes. Health probes get an ordinary answer.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::edit;
use crate::wire::{Head, Unframed, Wire};

const PACE: Duration = Duration::from_millis(50);
const EVENT: &[u8] = b"data: tick\n\n";

/// A running talker. Its port is closed with the test's process.
#[derive(Debug)]
pub struct Talker {
    port: u16,
    talking: Arc<AtomicUsize>,
}

impl Talker {
    /// On a free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let talking = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&talking);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let counted = Arc::clone(&counted);
                // An error is the listener's going away.
                thread::spawn(move || drop(serve(stream, &counted)));
            }
        });
        Self { port, talking }
    }

    /// How many are listened to.
    #[must_use]
    pub fn talking(&self) -> usize {
        self.talking.load(Ordering::SeqCst)
    }

    /// An edit: every route leads here, for as long as it takes, upgrades included.
    pub fn behind_all_routes(&self) -> impl FnOnce(&mut Value) + 'static {
        let port = self.port;
        move |config| {
            edit::all_routes_to_port(config, port);
            for name in ["customers", "products"] {
                edit::route(config, name)["route"]["timeout"] = "0s".into();
            }
            edit::manager(config)["upgrade_configs"] =
                serde_json::json!([{"upgrade_type": "websocket"}]);
        }
    }
}

fn serve(stream: TcpStream, talking: &AtomicUsize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head()? {
        wire.body(&head, Unframed::Absent)?;
        talking.fetch_add(1, Ordering::SeqCst);
        let ended = talk(wire.stream(), &head);
        talking.fetch_sub(1, Ordering::SeqCst);
        ended?;
    }
    Ok(())
}

/// Until nobody listens.
fn talk(mut to: &TcpStream, head: &Head) -> io::Result<()> {
    let is_upgrade = head.headers.has("upgrade");
    if is_upgrade {
        to.write_all(b"HTTP/1.1 101 Go on\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")?;
    } else {
        to.write_all(b"HTTP/1.1 200 Listen\r\ncontent-type: text/event-stream\r\n")?;
        to.write_all(b"transfer-encoding: chunked\r\n\r\n")?;
    }
    loop {
        if is_upgrade {
            to.write_all(EVENT)?;
        } else {
            write!(to, "{:x}\r\n", EVENT.len())?;
            to.write_all(&[EVENT, b"\r\n"].concat())?;
        }
        thread::sleep(PACE);
    }
}
