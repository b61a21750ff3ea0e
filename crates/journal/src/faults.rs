//! Faults that are planted to prove the tests, and places where the process can be made to die. Without the cargo feature
//! `faults` nothing of this is in the program.

/// A fault chosen by the environment variable `TRIBUTARY_FAULT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "faults"),
    expect(dead_code, reason = "only a build with planted faults makes them")
)]
pub(crate) enum Fault {
    /// Answers before anything is written.
    EarlyAck,
    /// Never syncs.
    NoSync,
    /// Never syncs the folder in which a segment was made.
    NoDirSync,
    /// Drops one acknowledged record in a hundred.
    Drop,
    /// Writes one record in a hundred twice.
    Double,
    /// Writes one request in a hundred and then refuses it.
    RefusedButWritten,
}

#[cfg(feature = "faults")]
pub(crate) fn planted() -> Option<Fault> {
    static PLANTED: std::sync::LazyLock<Option<Fault>> =
        std::sync::LazyLock::new(|| match std::env::var("TRIBUTARY_FAULT").ok()?.as_str() {
            "early-ack" => Some(Fault::EarlyAck),
            "no-sync" => Some(Fault::NoSync),
            "no-dir-sync" => Some(Fault::NoDirSync),
            "drop" => Some(Fault::Drop),
            "double" => Some(Fault::Double),
            "refused-but-written" => Some(Fault::RefusedButWritten),
            _ => None,
        });
    *PLANTED
}

#[cfg(not(feature = "faults"))]
pub(crate) fn planted() -> Option<Fault> {
    None
}

/// True once in a hundred calls.
pub(crate) fn one_in_a_hundred() -> bool {
    static CALLS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 100 == 99
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
