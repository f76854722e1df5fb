//! The module's memory as host functions use it. A pointer that leaves it is a trap: Envoy would
//! answer a status, but a module that does it is broken.

use wasmi::{Caller, Error};

use crate::host::Host;
use crate::status;

/// The module that is calling.
pub(crate) struct Guest<'a>(pub(crate) Caller<'a, Host>);

impl Guest<'_> {
    pub(crate) fn host(&mut self) -> &mut Host {
        self.0.data_mut()
    }

    pub(crate) fn read(&self, at: u32, len: u32) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; len as usize];
        self.memory()?.read(&self.0, at as usize, &mut bytes).map_err(outside)?;
        Ok(bytes)
    }

    pub(crate) fn text(&self, at: u32, len: u32) -> Result<String, Error> {
        let bytes = self.read(at, len)?;
        String::from_utf8(bytes).map_err(|_| Error::new("the module passed a text that is none"))
    }

    pub(crate) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error> {
        self.memory()?.write(&mut self.0, at as usize, bytes).map_err(outside)
    }

    pub(crate) fn put(&mut self, at: u32, value: u32) -> Result<(), Error> {
        self.write(at, &value.to_le_bytes())
    }

    pub(crate) fn get(&self, at: u32) -> Result<u32, Error> {
        let bytes = self.read(at, 4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Hands bytes over through the module's allocator; nothing is allocated for none.
    pub(crate) fn give(&mut self, bytes: &[u8], at: u32, len_at: u32) -> Result<u32, Error> {
        let len = u32::try_from(bytes.len()).map_err(|_| Error::new("too much to hand over"))?;
        let mut data = 0;
        if len > 0 {
            let allocate = self.0.data().allocate.ok_or_else(|| Error::new("no allocator"))?;
            data = allocate.call(&mut self.0, len)?;
            self.write(data, bytes)?;
        }
        self.put(at, data)?;
        self.put(len_at, len)?;
        Ok(status::OK)
    }

    fn memory(&self) -> Result<wasmi::Memory, Error> {
        let exported = || self.0.get_export("memory").and_then(wasmi::Extern::into_memory);
        self.0.data().memory.or_else(exported).ok_or_else(|| Error::new("no memory"))
    }
}

fn outside<E: std::fmt::Display>(error: E) -> Error {
    Error::new(format!("the module passed a pointer that leaves its memory: {error}"))
}
