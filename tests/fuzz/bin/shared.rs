//! libFuzzer's side of [`claimgate_fuzz::shared`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| claimgate_fuzz::shared(data));
