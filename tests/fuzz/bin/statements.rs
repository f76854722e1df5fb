//! libFuzzer's side of [`claimgate_fuzz::statements`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| claimgate_fuzz::statements(data));
