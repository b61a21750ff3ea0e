//! Tools that tests use beside the toolchain: lake readers and clients from PyPI in virtual environments, cargo-deny.

use std::path::PathBuf;
use std::process::Command;

use crate::{Outcome, cargo, root, run, target};

/// The Python of a virtual environment with the pinned packages of `tests/NAME`, made when it is not there.
pub(crate) fn python(name: &str) -> Result<PathBuf, String> {
    let requirements = root().join("tests").join(name).join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
    let home = target().join("python").join(name);
    let python = home.join("bin/python");
    let stamp = home.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    std::fs::create_dir_all(target().join("python")).map_err(|error| error.to_string())?;
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))
        .map_err(|error| format!("{error}: the tests need Python 3 with venv (Debian: python3-venv)"))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements))?;
    std::fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

/// The path of cargo-deny, installed under the target folder when it is not there.
pub(crate) fn cargo_deny() -> Result<PathBuf, String> {
    let home = target().join("tools");
    let binary = home.join("bin/cargo-deny");
    if !binary.exists() {
        install(&home)?;
    }
    Ok(binary)
}

fn install(home: &std::path::Path) -> Outcome {
    let mut command = cargo(&["install", "cargo-deny", "--locked", "--quiet", "--root"]);
    run(command.arg(home))
}
