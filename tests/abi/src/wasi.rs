//! The part of WASI that Envoy implements: environment, randomness, clocks, the console. The
//! clock is the test's, and leaving the process is a trap.

use wasmi::{Caller, Error, Linker};

use crate::guest::Guest;
use crate::host::Host;

const MODULE: &str = "wasi_snapshot_preview1";
const SUCCESS: u32 = 0;

pub(crate) fn link(linker: &mut Linker<Host>) -> Result<(), Error> {
    linker.func_wrap(
        MODULE,
        "environ_sizes_get",
        |caller: Caller<'_, Host>, n: u32, len: u32| {
            let mut guest = Guest(caller);
            let variables = environment(guest.host());
            guest.put(n, u32::try_from(variables.len()).unwrap_or(0))?;
            guest.put(len, u32::try_from(variables.concat().len()).unwrap_or(0))?;
            Ok(SUCCESS)
        },
    )?;
    linker.func_wrap(MODULE, "environ_get", |caller: Caller<'_, Host>, list: u32, data: u32| {
        let mut guest = Guest(caller);
        let (mut list, mut data) = (list, data);
        for variable in environment(guest.host()) {
            guest.put(list, data)?;
            guest.write(data, &variable)?;
            list += 4;
            data += u32::try_from(variable.len()).unwrap_or(0);
        }
        Ok(SUCCESS)
    })?;
    linker.func_wrap(MODULE, "random_get", |caller: Caller<'_, Host>, at: u32, len: u32| {
        Guest(caller).write(at, &random(len)).map(|()| SUCCESS)
    })?;
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |caller: Caller<'_, Host>, _clock: u32, _precision: u64, at: u32| {
            let mut guest = Guest(caller);
            let clock = guest.host().script.clock;
            guest.write(at, &clock.to_le_bytes()).map(|()| SUCCESS)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_write",
        |caller: Caller<'_, Host>, _fd: u32, parts: u32, count: u32, written: u32| {
            write_console(&mut Guest(caller), parts, count, written)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proc_exit",
        |_: Caller<'_, Host>, code: u32| -> Result<(), Error> {
            Err(Error::new(format!("the module left with code {code}")))
        },
    )?;
    Ok(())
}

fn environment(host: &Host) -> Vec<Vec<u8>> {
    let variables = host.script.environment.iter();
    variables.map(|(name, value)| format!("{name}={value}\0").into_bytes()).collect()
}

/// Different in every call, the same in every run.
fn random(len: u32) -> Vec<u8> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static STATE: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    let next = || {
        let mut z = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z.to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

fn write_console(
    guest: &mut Guest<'_>,
    parts: u32,
    count: u32,
    written: u32,
) -> Result<u32, Error> {
    let mut total = 0;
    for part in 0..count {
        let (at, len) = (guest.get(parts + 8 * part)?, guest.get(parts + 8 * part + 4)?);
        let text = String::from_utf8_lossy(&guest.read(at, len)?).into_owned();
        guest.host().console.push_str(&text);
        total += len;
    }
    guest.put(written, total)?;
    Ok(SUCCESS)
}
