//! libFuzzer's side of [`claimgate_fuzz::token`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| claimgate_fuzz::token(data));
