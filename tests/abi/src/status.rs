//! What a host function can answer, by its number on the wire. Only numbers here: a scripted host
//! must be able to answer what no enumeration has.

/// Done.
pub const OK: u32 = 0;
/// There is no such thing.
pub const NOT_FOUND: u32 = 1;
/// Not possible with these arguments, or not now.
pub const BAD_ARGUMENT: u32 = 2;
/// A pointer that leaves the module's memory.
pub const INVALID_MEMORY_ACCESS: u32 = 6;
/// The queue holds nothing.
pub const EMPTY: u32 = 7;
/// Somebody else has changed the value.
pub const CAS_MISMATCH: u32 = 8;
/// The host could not, or a capability is denied.
pub const INTERNAL_FAILURE: u32 = 10;
/// A number that the SDK's enumeration does not have.
pub const BROKEN_CONNECTION: u32 = 11;
