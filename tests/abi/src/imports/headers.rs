//! Header maps, buffers and properties.

use wasmi::{Error, Linker};

use super::import;
use crate::guest::Guest;
use crate::host::Host;
use crate::{Effect, HeaderMap, Map, status};

const REQUEST: u32 = 0;
const TRAILERS: u32 = 1;
const CALL_RESPONSE: u32 = 6;
const CALL_RESPONSE_BODY: u32 = 4;
const PLUGIN_CONFIGURATION: u32 = 7;

pub(super) fn link(linker: &mut Linker<Host>) -> Result<(), Error> {
    import!(linker, "proxy_get_header_map_pairs", |guest, map: u32, data: u32, len: u32| {
        let pairs = pairs(guest.host(), map);
        guest.give(&pairs.serialize(), data, len)
    });
    import!(
        linker,
        "proxy_get_buffer_bytes",
        |guest, kind: u32, start: u32, max: u32, data: u32, len: u32| {
            let Some(bytes) = buffer(guest.host(), kind) else { return Ok(status::NOT_FOUND) };
            let rest = bytes.get(start as usize..).unwrap_or_default();
            let part = rest[..rest.len().min(max as usize)].to_vec();
            guest.give(&part, data, len)
        }
    );
    import!(
        linker,
        "proxy_replace_header_map_value",
        |guest, map: u32, name: u32, name_len: u32, value: u32, value_len: u32| {
            let name = guest.text(name, name_len)?;
            let value = guest.text(value, value_len)?;
            Ok(change(&mut guest, map, &name, Some(&value)))
        }
    );
    import!(linker, "proxy_get_property", |guest,
                                           path: u32,
                                           path_len: u32,
                                           data: u32,
                                           len: u32| {
        let path = guest.text(path, path_len)?.replace('\0', ".");
        let script = &mut guest.host().script;
        script.properties_read.push(path.clone());
        match script.properties.get(&path).cloned() {
            Some(value) => guest.give(&value, data, len),
            None => Ok(status::NOT_FOUND),
        }
    });
    import!(
        linker,
        "proxy_set_property",
        |guest, path: u32, path_len: u32, value: u32, value_len: u32| {
            let path = guest.text(path, path_len)?.replace('\0', ".");
            let value = guest.text(value, value_len)?;
            let Some((stream, _)) = guest.host().contexts.effective_stream() else {
                return Ok(status::BAD_ARGUMENT);
            };
            guest.host().effects.push(Effect::FilterState { stream, path, value });
            Ok(status::OK)
        }
    );
    import!(linker, "proxy_remove_header_map_value", |guest, map: u32, name: u32, len: u32| {
        let name = guest.text(name, len)?;
        Ok(change(&mut guest, map, &name, None))
    });
    Ok(())
}

/// A map that is not available is an empty one.
fn pairs(host: &mut Host, map: u32) -> HeaderMap {
    let shown = host.calls.shown.as_ref().map(|answer| answer.headers.clone());
    let stream = host.contexts.effective_stream().map(|(_, stream)| stream);
    match map {
        REQUEST => stream.map(|stream| stream.request.clone()),
        TRAILERS => stream.map(|stream| stream.trailers.clone()),
        CALL_RESPONSE => shown,
        _ => None,
    }
    .unwrap_or_default()
}

fn buffer(host: &mut Host, kind: u32) -> Option<Vec<u8>> {
    match kind {
        CALL_RESPONSE_BODY => host.calls.shown.as_ref()?.body.clone(),
        PLUGIN_CONFIGURATION => {
            let root = host.contexts.effective_root();
            Some(host.contexts.find(root)?.configuration.clone())
        }
        _ => None,
    }
}

/// Replaces or removes. Out of reach: no stream, another map, or a request that is on its way.
fn change(guest: &mut Guest<'_>, kind: u32, name: &str, value: Option<&str>) -> u32 {
    let host = guest.host();
    let Some((stream, state)) = host.contexts.effective_stream() else {
        return status::BAD_ARGUMENT;
    };
    let (map, headers) = match kind {
        REQUEST if !host.referee.mutate(stream, state) => return status::BAD_ARGUMENT,
        REQUEST => (Map::Request, &mut state.request),
        TRAILERS => (Map::Trailers, &mut state.trailers),
        _ => return status::BAD_ARGUMENT,
    };
    let name = name.to_owned();
    host.effects.push(match value {
        Some(value) => {
            headers.replace(name.as_bytes(), value.as_bytes());
            Effect::Replace { stream, map, name, value: value.to_owned() }
        }
        None => {
            headers.remove(name.as_bytes());
            Effect::Remove { stream, map, name }
        }
    });
    status::OK
}
