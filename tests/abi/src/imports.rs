//! The host functions. Each first asks the script whether it is to be refused; what the script
//! says nothing of behaves as on Envoy 1.40.

mod calls;
mod headers;
mod root;
mod streams;

use wasmi::{Caller, Engine, Error, Linker, Val};

use crate::host::Host;
use crate::{module, wasi};

/// Links one host function: its name, its arguments, and what it does with the guest.
macro_rules! import {
    ($linker:ident, $name:literal, |$guest:ident $(, $arg:ident: $ty:ty)*| $body:expr) => {
        $linker.func_wrap("env", $name,
            |caller: wasmi::Caller<'_, crate::host::Host> $(, $arg: $ty)*| -> Result<u32, wasmi::Error> {
                let mut $guest = crate::guest::Guest(caller);
                let first = [$($arg as u32),*].first().copied().unwrap_or(0);
                if let Some(status) = crate::imports::precondition(&mut $guest, $name, first)? {
                    return Ok(status);
                }
                $body
            })?;
    };
}
pub(crate) use import;

use crate::guest::Guest;

/// During `_initialize` Envoy stops a module that calls anything but `proxy_log`; afterwards the
/// script may have a status to answer with.
fn precondition(
    guest: &mut Guest<'_>,
    function: &'static str,
    first: u32,
) -> Result<Option<u32>, Error> {
    let host = guest.host();
    if host.contexts.running == 0 && function != "proxy_log" {
        return Err(Error::new(format!("{function} was called before any context was there")));
    }
    Ok(host.refusal(function, first))
}

/// All imports. What may be imported and is not scripted stops the test that reaches it.
pub(crate) fn link(engine: &Engine) -> Result<Linker<Host>, Error> {
    let mut linker = Linker::new(engine);
    headers::link(&mut linker)?;
    streams::link(&mut linker)?;
    calls::link(&mut linker)?;
    root::link(&mut linker)?;
    wasi::link(&mut linker)?;
    for import in module::plugin().module.imports() {
        let Some(ty) = import.ty().func() else { continue };
        let name = import.name().to_owned();
        let stop = move |_: Caller<'_, Host>, _: &[Val], _: &mut [Val]| {
            Err(Error::new(format!("{name} is not scripted")))
        };
        // An error says that it is linked already.
        let _ = linker.func_new(import.module(), import.name(), ty.clone(), stop);
    }
    Ok(linker)
}
