//! Places where the process can be made to die. Without the cargo feature `faults` nothing of this is in the program.

/// Dies here when `TRIBUTARY_FAIL_AT` names the place.
pub(crate) fn fail_point(name: &str) {
    #[cfg(feature = "faults")]
    if std::env::var("TRIBUTARY_FAIL_AT").is_ok_and(|at| at == name) {
        std::process::abort();
    }
    #[cfg(not(feature = "faults"))]
    let _ = name;
}
