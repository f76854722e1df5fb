//! libFuzzer's side of [`claimgate_fuzz::check_request`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| claimgate_fuzz::check_request(data));
