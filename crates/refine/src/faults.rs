//! Faults that are planted to prove the tests, and places where the process can be made to die. Without the cargo feature
//! `faults` nothing of this is in the program.

/// A fault chosen by the environment variable `TRIBUTARY_FAULT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Leaves one delivered record in a hundred out of the lake.
    LakeDrop,
    /// Puts one delivered record in a hundred into the lake twice.
    LakeDouble,
}

#[cfg(feature = "faults")]
pub(crate) fn planted() -> Option<Fault> {
    match std::env::var("TRIBUTARY_FAULT").ok()?.as_str() {
        "lake-drop" => Some(Fault::LakeDrop),
        "lake-double" => Some(Fault::LakeDouble),
        _ => None,
    }
}

#[cfg(not(feature = "faults"))]
pub(crate) fn planted() -> Option<Fault> {
    None
}

/// Dies here when `TRIBUTARY_FAIL_AT` names the place.
pub(crate) fn fail_point(name: &str) {
    #[cfg(feature = "faults")]
    if std::env::var("TRIBUTARY_FAIL_AT").is_ok_and(|at| at == name) {
        std::process::abort();
    }
    #[cfg(not(feature = "faults"))]
    let _ = name;
}
