//! Writes the seeds of a target into a folder: `fuzz-seeds TARGET FOLDER`.

use std::path::Path;
use std::{env, fs, process};

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [target, folder] = &arguments[..] else { fail("usage: fuzz-seeds TARGET FOLDER") };
    let Some(seeds) = claimgate_fuzz::seeds(target) else { fail("no such target") };
    for (number, seed) in seeds.iter().enumerate() {
        let file = Path::new(folder).join(format!("seed-{number:03}"));
        if let Err(error) = fs::write(&file, seed) {
            fail(&format!("cannot write {}: {error}", file.display()));
        }
    }
}

fn fail(why: &str) -> ! {
    eprintln!("{why}");
    process::exit(1);
}
