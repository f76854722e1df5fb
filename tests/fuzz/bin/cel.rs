//! libFuzzer's side of [`claimgate_fuzz::cel`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| claimgate_fuzz::cel(data));
