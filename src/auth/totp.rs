//! Time-based one-time passwords (TOTP, RFC 6238): what an authenticator makes of a shared secret and the time.
//!
//! SHA-1, six digits, 30 seconds: the one kind that every authenticator knows. The weakness of SHA-1 is collisions, of which
//! HMAC makes no use (RFC 6238, section 1.2; NIST SP 800-63B-4, 3.1.4).

use chrono::NaiveDateTime;
use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// Digits of a code.
pub const DIGITS: usize = 6;
/// Seconds that a code stands for.
const STEP: i64 = 30;
/// How many steps a clock may be off, each way.
const DRIFT: i64 = 1;

/// What an authenticator and the service share: 160 bits, as RFC 4226 asks for (section 4, R6).
pub type Secret = [u8; 20];

/// The number of the step that a time (UTC) is in.
#[must_use]
pub fn step_at(now: NaiveDateTime) -> i64 {
    now.and_utc().timestamp().div_euclid(STEP)
}

/// The code of a step (RFC 4226, section 5.3).
#[must_use]
pub fn code(secret: &Secret, step: i64) -> String {
    // HMAC pads a short key with zeros itself; doing it here leaves no error to handle.
    let mut key = hmac::digest::Key::<Hmac<Sha1>>::default();
    key[..secret.len()].copy_from_slice(secret);
    let mac = Hmac::<Sha1>::new(&key).chain_update(step.to_be_bytes()).finalize().into_bytes();
    let offset = usize::from(mac[mac.len() - 1] & 0xf);
    let bits = mac[offset..offset + 4].iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:0DIGITS$}", bits % 10_u32.pow(6))
}

/// The step whose code this is, of those around `now` that come after the step `last`: so that no code is taken twice
/// (RFC 6238, section 5.2). All of them are compared, each in constant time.
#[must_use]
pub fn matching(secret: &Secret, given: &str, now: NaiveDateTime, last: i64) -> Option<i64> {
    let now = step_at(now);
    (now - DRIFT..=now + DRIFT).fold(None, |found, step| {
        let same = bool::from(code(secret, step).as_bytes().ct_eq(given.as_bytes()));
        if same && step > last { Some(step) } else { found }
    })
}

/// A secret as people type it into an authenticator: base32 (RFC 4648) without padding.
#[must_use]
pub fn base32(secret: &Secret) -> String {
    BASE32_NOPAD.encode(secret)
}

/// The address by which an authenticator takes a secret over, also as a QR code
/// (<https://github.com/google/google-authenticator/wiki/Key-Uri-Format>).
#[must_use]
pub fn uri(secret: &Secret, issuer: &str, account: &str) -> String {
    let (issuer, account, secret) = (escaped(issuer), escaped(account), base32(secret));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP}"
    )
}

/// Text in an address: all but the unreserved characters of RFC 3986 as `%XX`.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    const SECRET: &Secret = b"12345678901234567890";

    fn at(seconds: i64) -> NaiveDateTime {
        DateTime::from_timestamp(seconds, 0).unwrap().naive_utc()
    }

    #[test]
    fn the_codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, whose eight digits end in these six.
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, expected) in vectors {
            assert_eq!(code(SECRET, step_at(at(seconds))), expected, "{seconds}");
        }
        // RFC 4226, appendix D.
        let counted: Vec<String> = (0..4).map(|step| code(SECRET, step)).collect();
        assert_eq!(counted, ["755224", "287082", "359152", "969429"]);
    }

    #[test]
    fn a_clock_may_be_a_step_off_and_a_code_is_taken_once() {
        let now = at(1_234_567_890);
        let step = step_at(now);
        for drift in -2..=2 {
            let found = matching(SECRET, &code(SECRET, step + drift), now, 0);
            assert_eq!(found, (drift.abs() <= 1).then_some(step + drift), "{drift}");
        }
        assert_eq!(matching(SECRET, &code(SECRET, step), now, step), None, "again");
        assert_eq!(matching(SECRET, &code(SECRET, step - 1), now, step), None, "an older one");
        for none in ["", "00592", "0059240", "00592a"] {
            assert_eq!(matching(SECRET, none, now, 0), None, "{none}");
        }
    }

    #[test]
    fn an_authenticator_takes_it_over() {
        let expected = "otpauth://totp/St.%20Mary%3A:a%40b.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
                        &issuer=St.%20Mary%3A&algorithm=SHA1&digits=6&period=30";
        assert_eq!(uri(SECRET, "St. Mary:", "a@b.example"), expected);
    }
}
