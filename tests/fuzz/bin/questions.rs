//! libFuzzer's side of [`claimgate_fuzz::questions`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| claimgate_fuzz::questions(data));
