//! Global object identification: opaque, type-tagged ids and the keys that seal them.
//!
//! A row's number never leaves the service. What a client sees is the number with the tag of its type, encrypted as
//! one AES-128 block under a key derived from `SECRET_KEY`: ids cannot be counted or guessed, and a forged or mistyped
//! one fails the check (64 fixed bits) and names nothing.

use aes::{
    Aes128,
    cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};
use aes_siv::siv::Aes128Siv;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;

use crate::error::{Error, Result};

/// The types that have a global id. The numbers are part of every id that clients hold: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is the type of its name")]
pub enum Kind {
    Institute = 1,
    Account = 2,
    Staff = 3,
    Student = 4,
    Parent = 5,
    Course = 6,
    Batch = 7,
    Subject = 8,
    StudyFile = 9,
    Routine = 10,
    AttendanceSession = 11,
    AttendanceRecord = 12,
    Meeting = 13,
    LeaveRequest = 14,
    TeacherFeedback = 15,
    InstituteFeedback = 16,
    Notice = 17,
    CourseTracking = 18,
    SubjectProgress = 19,
    AuditEntry = 20,
    ApiKey = 21,
    AccessEntry = 22,
    Session = 23,
    Notification = 24,
    Device = 25,
    Job = 26,
    Export = 27,
}

impl Kind {
    /// Every type that has a global id.
    pub const ALL: [Self; 27] = [
        Self::Institute,
        Self::Account,
        Self::Staff,
        Self::Student,
        Self::Parent,
        Self::Course,
        Self::Batch,
        Self::Subject,
        Self::StudyFile,
        Self::Routine,
        Self::AttendanceSession,
        Self::AttendanceRecord,
        Self::Meeting,
        Self::LeaveRequest,
        Self::TeacherFeedback,
        Self::InstituteFeedback,
        Self::Notice,
        Self::CourseTracking,
        Self::SubjectProgress,
        Self::AuditEntry,
        Self::ApiKey,
        Self::AccessEntry,
        Self::Session,
        Self::Notification,
        Self::Device,
        Self::Job,
        Self::Export,
    ];

    /// The type's name in the schema.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

/// Seals what clients carry for the service (global ids, cursors) and what the database keeps of secrets, and makes digests.
///
/// Everything is made under the present `SECRET_KEY`. What was sealed under the one before still opens while that is known;
/// a digest is of the present one alone.
#[derive(Clone)]
pub struct Seal {
    keys: Keys,
    previous: Option<Keys>,
}

/// The keys that come of one secret.
#[derive(Clone)]
struct Keys {
    ids: Aes128,
    cursors: [u8; 32],
    digests: [u8; 32],
    secrets: [u8; 32],
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// Derives the keys from the deployment's secret. The same secret gives the same ids on every instance.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self { keys: Keys::new(secret), previous: None }
    }

    /// The same seal, which also opens what was sealed under `secret`, the deployment's secret before.
    #[must_use]
    pub fn after(self, secret: &str) -> Self {
        Self { previous: Some(Keys::new(secret)), ..self }
    }

    /// What the present keys open, or else those before.
    fn opened<T>(&self, open: impl Fn(&Keys) -> Option<T>) -> Option<T> {
        open(&self.keys).or_else(|| open(self.previous.as_ref()?))
    }

    /// The name under which this deployment keeps what it has in a Redis that it may share with others.
    #[must_use]
    pub fn namespace(&self) -> String {
        let digest = self.digest(&["namespace"]);
        format!("rollcall:{}", URL_SAFE_NO_PAD.encode(&digest[..9]))
    }

    /// The global id of row `number` of a type.
    #[must_use]
    pub fn id(&self, kind: Kind, number: i64) -> async_graphql::ID {
        let mut block = [0; 16];
        block[0] = kind as u8;
        block[8..].copy_from_slice(&number.to_be_bytes());
        let mut block = block.into();
        self.keys.ids.encrypt_block(&mut block);
        async_graphql::ID(URL_SAFE_NO_PAD.encode(block))
    }

    /// What a global id names, or `None` if this service never made it.
    #[must_use]
    pub fn open(&self, id: &str) -> Option<(Kind, i64)> {
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
        self.opened(|keys| {
            let mut block = bytes.into();
            keys.ids.decrypt_block(&mut block);
            let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == block[0])?;
            let (tag, number) = block.split_at(8);
            let number = i64::from_be_bytes(number.try_into().ok()?);
            (tag[1..] == [0; 7] && number > 0).then_some((kind, number))
        })
    }

    /// The row that `id` names if it is of type `kind`; an id of another type is as unknown as a forged one.
    #[must_use]
    pub fn open_as(&self, kind: Kind, id: &str) -> Option<i64> {
        self.open(id).and_then(|(found, number)| (found == kind).then_some(number))
    }

    /// The type's name and the number of what `id` names, for logs of rows of any type; of one that is unknown, neither is
    /// anything's.
    #[must_use]
    pub fn subject(&self, id: &str) -> (String, i64) {
        self.open(id).map_or_else(|| (String::new(), 0), |(kind, number)| (kind.name(), number))
    }

    /// A cursor that holds `position`, unreadable, and is good only where `binding` (query, filter, viewer) is the same:
    /// AES-SIV (RFC 5297) with the binding as associated data.
    ///
    /// # Errors
    /// When it cannot be sealed, which needs a position of gigabytes.
    pub fn cursor(&self, binding: &str, position: &str) -> Result<String> {
        let sealed = Aes128Siv::new(&self.keys.cursors.into()).encrypt([binding], position.as_bytes());
        Ok(URL_SAFE_NO_PAD.encode(sealed.map_err(|_| Error::internal("a cursor could not be sealed"))?))
    }

    /// The position in a cursor that this service made for this binding. The tag is compared in constant time.
    #[must_use]
    pub fn open_cursor(&self, binding: &str, cursor: &str) -> Option<String> {
        let sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let position = self.opened(|keys| Aes128Siv::new(&keys.cursors.into()).decrypt([binding], &sealed).ok())?;
        String::from_utf8(position).ok()
    }

    /// A digest by which `parts` are found again, and nobody without the secret finds out what they are: HMAC-SHA-256.
    #[must_use]
    pub fn digest(&self, parts: &[&str]) -> [u8; 32] {
        // With their lengths, so that what stands in one part is never taken for another.
        let lengths: Vec<[u8; 8]> = parts.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
        let message: Vec<&[u8]> =
            lengths.iter().zip(parts).flat_map(|(length, part)| [length.as_slice(), part.as_bytes()]).collect();
        mac(self.keys.digests, &message)
    }

    /// A secret that only the service is to read again, and only for the same purpose: AES-SIV (RFC 5297) with the purpose
    /// as associated data.
    ///
    /// # Errors
    /// When it cannot be sealed, which needs a secret of gigabytes.
    pub fn secret(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let sealed = Aes128Siv::new(&self.keys.secrets.into()).encrypt([purpose], secret);
        sealed.map_err(|_| Error::internal("a secret could not be sealed"))
    }

    /// The secret that was sealed for this purpose, under a `SECRET_KEY` that is known. The tag is compared in constant time.
    #[must_use]
    pub fn open_secret(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.opened(|keys| Aes128Siv::new(&keys.secrets.into()).decrypt([purpose], sealed).ok())
    }

    /// What the service is to know of something that is under way, for the client to keep meanwhile: sealed as a secret, for
    /// one purpose, in the letters of base64url.
    ///
    /// # Errors
    /// When it is nothing that JSON has, or as [`Self::secret`].
    pub fn parcel(&self, purpose: &str, content: &impl Serialize) -> Result<String> {
        let json = serde_json::to_vec(content).map_err(Error::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(self.secret(purpose, &json)?))
    }

    /// What this service sealed for this purpose, and a client gives back.
    #[must_use]
    pub fn open_parcel<T: DeserializeOwned>(&self, purpose: &str, parcel: &str) -> Option<T> {
        let json = self.open_secret(purpose, &URL_SAFE_NO_PAD.decode(parcel).ok()?)?;
        serde_json::from_slice(&json).ok()
    }
}

impl Keys {
    fn new(secret: &str) -> Self {
        let key = derive(secret, "rollcall/ids/1");
        let mut half = [0; 16];
        half.copy_from_slice(&key[..16]);
        let [cursors, digests, secrets] =
            ["cursors", "digests", "secrets"].map(|of| derive(secret, &format!("rollcall/{of}/1")));
        Self { ids: Aes128::new(&half.into()), cursors, digests, secrets }
    }
}

/// A key for one purpose (HKDF, RFC 5869, whose extract and one step of expand suffice for 32 bytes).
fn derive(secret: &str, purpose: &str) -> [u8; 32] {
    let extracted = mac([0; 32], &[secret.as_bytes()]);
    mac(extracted, &[purpose.as_bytes(), &[1]])
}

fn mac(key: [u8; 32], message: &[&[u8]]) -> [u8; 32] {
    // HMAC pads a short key with zeros itself; doing it here leaves no error to handle.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block[..32].copy_from_slice(&key);
    let mut mac = Hmac::<Sha256>::new(&block);
    for part in message {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_opens_as_what_it_was_made_for_and_as_nothing_else() {
        let seal = Seal::new("secret");
        let id = seal.id(Kind::Student, 7);
        assert_eq!(seal.open(&id), Some((Kind::Student, 7)));
        assert_eq!(seal.open_as(Kind::Parent, &id), None);
        assert_eq!(Seal::new("other").open(&id), None);
        assert_eq!(seal.open("AAAAAAAAAAAAAAAAAAAAAA"), None);
        assert_ne!(seal.id(Kind::Student, 8)[..8], id[..8]);
    }

    #[test]
    fn what_was_sealed_under_the_secret_before_opens_and_nothing_new_is_sealed_under_it() {
        let (before, after) = (Seal::new("before"), Seal::new("after").after("before"));
        let (id, cursor) = (before.id(Kind::Batch, 3), before.cursor("batches", "[2]").unwrap());
        let secret = before.secret("factor/1", b"abc").unwrap();
        assert_eq!(after.open(&id), Some((Kind::Batch, 3)));
        assert_eq!(after.open_cursor("batches", &cursor).as_deref(), Some("[2]"));
        assert_eq!(after.open_secret("factor/1", &secret).as_deref(), Some(&b"abc"[..]));
        assert_eq!((after.open_cursor("students", &cursor), after.open_secret("factor/2", &secret)), (None, None));
        let alone = Seal::new("after");
        assert_eq!(after.id(Kind::Batch, 3), alone.id(Kind::Batch, 3));
        assert_eq!(after.digest(&["a"]), alone.digest(&["a"]));
        assert_eq!(
            alone.open_secret("factor/1", &after.secret("factor/1", b"abc").unwrap()).as_deref(),
            Some(&b"abc"[..])
        );
        assert_eq!((alone.open(&id), before.open(&after.id(Kind::Batch, 3))), (None, None));
    }

    #[test]
    fn a_digest_is_of_its_parts_and_its_secret() {
        let seal = Seal::new("secret");
        assert_eq!(seal.digest(&["a", "bc"]), seal.digest(&["a", "bc"]));
        for other in [seal.digest(&["ab", "c"]), seal.digest(&["abc"]), Seal::new("other").digest(&["a", "bc"])] {
            assert_ne!(seal.digest(&["a", "bc"]), other);
        }
    }

    #[test]
    fn a_cursor_is_good_only_where_it_was_given() {
        let seal = Seal::new("secret");
        let cursor = seal.cursor("students", "[1]").unwrap();
        assert_eq!(seal.open_cursor("students", &cursor).as_deref(), Some("[1]"));
        assert_eq!(seal.open_cursor("parents", &cursor), None);
        let mut forged = cursor.into_bytes();
        forged[0] = if forged[0] == b'A' { b'B' } else { b'A' };
        assert_eq!(seal.open_cursor("students", std::str::from_utf8(&forged).unwrap()), None);
    }

    #[test]
    fn a_secret_opens_for_its_purpose_under_its_key() {
        let seal = Seal::new("secret");
        let sealed = seal.secret("factor/1", b"abc").unwrap();
        assert_eq!(seal.open_secret("factor/1", &sealed).as_deref(), Some(&b"abc"[..]));
        assert_eq!(seal.open_secret("factor/2", &sealed), None);
        assert_eq!(Seal::new("other").open_secret("factor/1", &sealed), None);
        let mut forged = sealed;
        forged[0] ^= 1;
        assert_eq!(seal.open_secret("factor/1", &forged), None);
    }
}
