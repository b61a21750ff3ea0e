//! The package: a stripped binary with shell completions, a systemd unit and a Containerfile in one tar.gz; and its
//! figures: sizes, cold build time, and the time from unpacking to the first row in the lake.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Outcome, cargo, root, run, target};

/// Longest wait for the unpacked server and its sample rows.
const FIRST_ROW_WITHIN: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "the times are what is reported")]
pub(crate) fn dist() -> Outcome {
    let text = |error: std::io::Error| error.to_string();
    // A target folder of its own makes every build a cold one.
    let cold = target().join("dist-build");
    let _ = fs::remove_dir_all(&cold);
    let start = Instant::now();
    run(cargo(&["build", "--release", "--locked", "--package", "tributary"]).env("CARGO_TARGET_DIR", &cold))?;
    let build = start.elapsed();

    let name = format!("tributary-{}-{}-linux", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let dist = root().join("dist");
    let folder = dist.join(&name);
    let _ = fs::remove_dir_all(&dist);
    fs::create_dir_all(folder.join("completions")).map_err(text)?;
    let binary = folder.join("tributary");
    fs::copy(cold.join("release/tributary"), &binary).map_err(text)?;
    for (shell, file) in [("bash", "tributary.bash"), ("zsh", "_tributary"), ("fish", "tributary.fish")] {
        let script = Command::new(&binary).args(["completions", shell]).output().map_err(text)?;
        fs::write(folder.join("completions").join(file), script.stdout).map_err(text)?;
    }
    for file in [
        "packaging/tributary.service",
        "packaging/Containerfile",
        "packaging/tributary.toml",
        "LICENSE",
        "README.md",
    ] {
        let from = root().join(file);
        let to = folder.join(from.file_name().unwrap_or_default());
        fs::copy(&from, to).map_err(|error| format!("{file}: {error}"))?;
    }
    let package = dist.join(format!("{name}.tar.gz"));
    run(Command::new("tar").arg("-czf").arg(&package).arg("-C").arg(&dist).arg(&name))?;
    let first_row = unpack_to_first_row(&package, &name, &dist)?;
    println!("package              {} ({})", package.display(), size(&package)?);
    println!("binary               {}", size(&binary)?);
    println!("cold release build   {} s", build.as_secs());
    println!("unpack to first row  {:.2} s", first_row.as_secs_f64());
    Ok(())
}

fn size(path: &Path) -> Result<String, String> {
    let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
    Ok(format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)))
}

/// A child that is ended with the function that started it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Unpacks into an empty folder, starts `dev`, and waits for the file that says that the sample rows have landed.
#[expect(clippy::disallowed_methods, reason = "the time is what is reported")]
fn unpack_to_first_row(package: &Path, name: &str, dist: &Path) -> Result<Duration, String> {
    let text = |error: std::io::Error| error.to_string();
    let scratch: PathBuf = dist.join("scratch");
    fs::create_dir_all(&scratch).map_err(text)?;
    let start = Instant::now();
    run(Command::new("tar").arg("-xzf").arg(package).arg("-C").arg(&scratch))?;
    let ready = scratch.join("ready");
    let child = Command::new(scratch.join(name).join("tributary"))
        .args(["dev", "--listen", "127.0.0.1:0", "--data"])
        .arg(scratch.join("data"))
        .arg("--ready-file")
        .arg(&ready)
        .stdout(Stdio::null())
        .spawn()
        .map_err(text)?;
    let running = Running(child);
    while !ready.exists() {
        if start.elapsed() > FIRST_ROW_WITHIN {
            return Err(format!("no row within {} s of unpacking", FIRST_ROW_WITHIN.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let elapsed = start.elapsed();
    drop(running);
    fs::remove_dir_all(&scratch).map_err(text)?;
    Ok(elapsed)
}
