//! HTTP calls and shared queues.

use wasmi::{Error, Linker};

use super::import;
use crate::guest::Guest;
use crate::host::Host;
use crate::{Call, Effect, HeaderMap, status};

pub(super) fn link(linker: &mut Linker<Host>) -> Result<(), Error> {
    import!(linker, "proxy_http_call", |guest,
                                        cluster: u32,
                                        cluster_len: u32,
                                        headers: u32,
                                        headers_len: u32,
                                        body: u32,
                                        body_len: u32,
                                        _trailers: u32,
                                        _trailers_len: u32,
                                        timeout: u32,
                                        token: u32| {
        let cluster = guest.text(cluster, cluster_len)?;
        let headers = guest.read(headers, headers_len)?;
        let headers = HeaderMap::parse(&headers).ok_or_else(|| Error::new("no header map"))?;
        let body = guest.text(body, body_len)?;
        let call = Call { token: 0, by: 0, root: 0, cluster, headers, body, timeout };
        match dispatch(guest.host(), call) {
            Ok(number) => guest.put(token, number).map(|()| status::OK),
            Err(status) => Ok(status),
        }
    });
    queues(linker)
}

fn dispatch(host: &mut Host, mut call: Call) -> Result<u32, u32> {
    let complete = [":method", ":path", ":authority"].iter().all(|name| call.headers.has(name));
    if !complete || !host.script.clusters.contains(&call.cluster) {
        return Err(status::BAD_ARGUMENT);
    }
    host.referee.timeout(&call.cluster, call.timeout);
    call.token = host.calls.next_token();
    call.by = host.contexts.running;
    call.root = host.contexts.effective_root();
    host.calls.in_flight.insert(call.token, call.clone());
    let token = call.token;
    host.effects.push(Effect::Call(call));
    Ok(token)
}

fn queues(linker: &mut Linker<Host>) -> Result<(), Error> {
    import!(linker, "proxy_register_shared_queue", |guest, name: u32, len: u32, id: u32| {
        let name = guest.text(name, len)?;
        let root = guest.host().contexts.effective_root();
        let number = guest.host().queues.register(name, root);
        guest.put(id, number).map(|()| status::OK)
    });
    import!(linker, "proxy_enqueue_shared_queue", |guest, id: u32, data: u32, len: u32| {
        let message = guest.read(data, len)?;
        Ok(guest.host().queues.enqueue(id, message))
    });
    import!(linker, "proxy_dequeue_shared_queue", |guest, id: u32, data: u32, len: u32| {
        dequeue(&mut guest, id, data, len)
    });
    Ok(())
}

fn dequeue(guest: &mut Guest<'_>, id: u32, data: u32, len: u32) -> Result<u32, Error> {
    match guest.host().queues.dequeue(id) {
        Ok(message) => guest.give(&message, data, len),
        Err(status) => Ok(status),
    }
}
