//! Logs, metrics, ticks, time, shared data, and the host's own functions.

use wasmi::{Error, Linker};

use super::import;
use crate::host::{Host, number};
use crate::sign;
use crate::{Effect, status};

pub(super) fn link(linker: &mut Linker<Host>) -> Result<(), Error> {
    import!(linker, "proxy_log", |guest, level: u32, text: u32, len: u32| {
        let text = guest.text(text, len)?;
        guest.host().effects.push(Effect::Log { level, text });
        Ok(status::OK)
    });
    import!(linker, "proxy_set_tick_period_milliseconds", |guest, millis: u32| {
        let root = guest.host().contexts.effective_root();
        guest.host().effects.push(Effect::TickPeriod { root, millis });
        Ok(status::OK)
    });
    import!(linker, "proxy_get_current_time_nanoseconds", |guest, at: u32| {
        let clock = guest.host().script.clock;
        guest.write(at, &clock.to_le_bytes()).map(|()| status::OK)
    });
    import!(linker, "proxy_define_metric", |guest, _kind: u32, name: u32, len: u32, id: u32| {
        let name = guest.text(name, len)?;
        let metrics = &mut guest.host().metrics;
        metrics.push(name);
        let number = number(metrics.len() - 1);
        guest.put(id, number).map(|()| status::OK)
    });
    import!(linker, "proxy_increment_metric", |guest, id: u32, by: i64| {
        Ok(increment(guest.host(), id, by))
    });
    import!(linker, "proxy_record_metric", |guest, id: u32, value: u64| {
        let host = guest.host();
        let Some(name) = name_of(host, id) else { return Ok(status::BAD_ARGUMENT) };
        host.gauges.insert(name, value);
        Ok(status::OK)
    });
    shared_data(linker)?;
    import!(
        linker,
        "proxy_call_foreign_function",
        |guest, name: u32, name_len: u32, arguments: u32, len: u32, at: u32, len_at: u32| {
            let name = guest.text(name, name_len)?;
            let arguments = guest.read(arguments, len)?;
            let script = &guest.host().script;
            match script.foreign.clone() {
                Some(result) => guest.give(&result, at, len_at),
                None if script.signs && sign::has(&name) => match sign::call(&name, &arguments) {
                    Some(result) => guest.give(&result, at, len_at),
                    None => Ok(status::BAD_ARGUMENT),
                },
                None => Ok(status::NOT_FOUND),
            }
        }
    );
    Ok(())
}

fn shared_data(linker: &mut Linker<Host>) -> Result<(), Error> {
    import!(
        linker,
        "proxy_get_shared_data",
        |guest, key: u32, key_len: u32, data: u32, len: u32, cas: u32| {
            let key = guest.text(key, key_len)?;
            let Some((value, number)) = guest.host().shared.load(&key) else {
                return Ok(status::NOT_FOUND);
            };
            guest.put(cas, number)?;
            guest.give(&value, data, len)
        }
    );
    import!(
        linker,
        "proxy_set_shared_data",
        |guest, key: u32, key_len: u32, value: u32, value_len: u32, cas: u32| {
            let key = guest.text(key, key_len)?;
            let value = guest.read(value, value_len)?;
            Ok(guest.host().shared.store(key, value, cas))
        }
    );
    Ok(())
}

fn name_of(host: &Host, id: u32) -> Option<String> {
    let index = usize::try_from(id).ok()?.checked_sub(1)?;
    host.metrics.get(index).cloned()
}

fn increment(host: &mut Host, id: u32, by: i64) -> u32 {
    let Some(name) = name_of(host, id) else { return status::BAD_ARGUMENT };
    if by < 1 {
        host.referee.fault(format!("metric {name} was moved by {by}"));
    }
    host.effects.extend((0..by).map(|_| Effect::Count { name: name.clone() }));
    status::OK
}
