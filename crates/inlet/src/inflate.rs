//! Compressed request bodies: gzip, with a bound on what they grow to.

use std::io::Read as _;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

/// Why a body could not be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    #[error("the body is not gzip")]
    Malformed,
    /// It inflates to more than the bound; the rest was not looked at.
    #[error("the inflated body is too large")]
    TooLarge,
}

/// Inflates a gzip body of one or more members into at most `bytes_max` bytes.
pub fn inflate(body: &[u8], bytes_max: usize) -> Result<Bytes, InflateError> {
    let mut inflated = Vec::with_capacity(body.len().saturating_mul(4).min(bytes_max));
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(body).take(limit).read_to_end(&mut inflated);
    if inflated.len() > bytes_max {
        return Err(InflateError::TooLarge);
    }
    read.map_err(|_| InflateError::Malformed)?;
    Ok(inflated.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn bodies() {
        let check = |body: &[u8], expected: Result<&[u8], InflateError>| {
            assert_eq!(inflate(body, 100).as_deref(), expected.as_deref());
        };
        let two = [gzip(b"{\"a\":"), gzip(b"1}")].concat();
        let cut = gzip(b"{\"a\":1}");
        check(&gzip(b"{}"), Ok(b"{}"));
        check(&two, Ok(b"{\"a\":1}"));
        check(&gzip(&[b'a'; 100]), Ok(&[b'a'; 100]));
        check(&gzip(&[b'a'; 101]), Err(InflateError::TooLarge));
        check(b"{}", Err(InflateError::Malformed));
        check(&cut[..cut.len() - 1], Err(InflateError::Malformed));
        check(&[gzip(b"{}"), b"x".to_vec()].concat(), Err(InflateError::Malformed));
    }

    #[test]
    fn bounded_when_a_small_body_inflates_to_a_large_one() {
        let bomb = gzip(&vec![0; 100 << 20]);
        assert!(bomb.len() < 200 << 10);
        assert_eq!(inflate(&bomb, 1 << 20), Err(InflateError::TooLarge));
    }
}
