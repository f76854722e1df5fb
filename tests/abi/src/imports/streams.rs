//! What decides a stream: local replies, resuming, and whose turn it is.

use wasmi::{Error, Linker};

use super::import;
use crate::host::Host;
use crate::{Effect, HeaderMap, LocalReply, status};

pub(super) fn link(linker: &mut Linker<Host>) -> Result<(), Error> {
    import!(
        linker,
        "proxy_send_local_response",
        |guest,
         code: u32,
         details: u32,
         details_len: u32,
         body: u32,
         body_len: u32,
         headers: u32,
         headers_len: u32,
         grpc: i32| {
            let headers = guest.read(headers, headers_len)?;
            let reply = LocalReply {
                status: code,
                grpc,
                details: guest.text(details, details_len)?,
                headers: HeaderMap::parse(&headers).ok_or_else(|| Error::new("no header map"))?,
                body: guest.text(body, body_len)?,
            };
            Ok(send(guest.host(), reply))
        }
    );
    import!(linker, "proxy_continue_stream", |guest, kind: u32| Ok(resume(guest.host(), kind)));
    import!(linker, "proxy_set_effective_context", |guest, id: u32| {
        let contexts = &mut guest.host().contexts;
        if !contexts.lives(id) {
            return Ok(status::BAD_ARGUMENT);
        }
        contexts.effective = id;
        Ok(status::OK)
    });
    Ok(())
}

fn send(host: &mut Host, reply: LocalReply) -> u32 {
    let Some((stream, state)) = host.contexts.effective_stream() else {
        host.referee.fault("a local reply for no stream");
        return status::BAD_ARGUMENT;
    };
    host.referee.reply(stream, state);
    host.effects.push(Effect::Reply { stream, reply });
    status::OK
}

/// Envoy says Ok for a root too and does nothing, which leaves a stream held for ever.
fn resume(host: &mut Host, kind: u32) -> u32 {
    if kind != 0 {
        host.referee.fault(format!("resumed stream type {kind}, which is not the request"));
    }
    let Some((stream, state)) = host.contexts.effective_stream() else {
        host.referee.fault("resumed no stream");
        return status::OK;
    };
    host.referee.resume(stream, state);
    host.effects.push(Effect::Resume { stream });
    status::OK
}
