//! The admin console in a real Chromium, signed in at a real identity provider.
//!
//! `cargo xtask test-browser` builds what is run here and finds the browser. Console and provider are
//! two sites to the browser (`localhost` and `127.0.0.1`), as they are to people's.

mod console;
mod webdriver;
mod world;
