//! `filter-installer FOLDER`: puts the module that is in this program's image, `/plugin.wasm`, into a folder that
//! Envoy's container shares. For clusters where an image cannot be a volume.
//!
//! Envoy must never see half a module: the file appears under its name when it is whole.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

const MODULE: &str = "/plugin.wasm";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        eprintln!("filter-installer: say the folder, and nothing else: filter-installer FOLDER");
        return ExitCode::FAILURE;
    };
    match install(Path::new(MODULE), Path::new(&folder)) {
        Ok(bytes) => {
            eprintln!("filter-installer: plugin.wasm, {bytes} bytes");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let folder = Path::new(&folder).display();
            eprintln!("filter-installer: cannot copy {MODULE} to {folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Its size.
fn install(module: &Path, folder: &Path) -> io::Result<u64> {
    let unfinished = folder.join(".plugin.wasm.unfinished");
    let bytes = fs::copy(module, &unfinished)?;
    fs::File::open(&unfinished)?.sync_all()?;
    fs::rename(unfinished, folder.join("plugin.wasm"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder =
            env::temp_dir().join(format!("filter-installer-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn the_module_is_there_whole_and_replaces_another() {
        let folder = folder("whole");
        let module = folder.join("module");
        for content in ["first", "another"] {
            fs::write(&module, content).unwrap();
            assert_eq!(install(&module, &folder).unwrap(), content.len() as u64);
            assert_eq!(fs::read_to_string(folder.join("plugin.wasm")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "something is left over");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn without_a_module_or_a_folder_it_fails() {
        let folder = folder("nothing");
        assert!(install(&folder.join("module"), &folder).is_err());
        assert!(install(&folder, &folder.join("nowhere")).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
