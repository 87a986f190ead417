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
}

impl Kind {
    /// Every type that has a global id.
    pub const ALL: [Self; 22] = [
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
    ];

    /// The type's name in the schema.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

/// Seals what clients carry for the service: global ids, cursors, and sign-ins under way.
#[derive(Clone)]
pub struct Seal {
    ids: Aes128,
    cursors: [u8; 32],
    flows: [u8; 32],
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
        let key = derive(secret, "rollcall/ids/1");
        let mut half = [0; 16];
        half.copy_from_slice(&key[..16]);
        Self {
            ids: Aes128::new(&half.into()),
            cursors: derive(secret, "rollcall/cursors/1"),
            flows: derive(secret, "rollcall/flows/1"),
        }
    }

    /// The global id of row `number` of a type.
    #[must_use]
    pub fn id(&self, kind: Kind, number: i64) -> async_graphql::ID {
        let mut block = [0; 16];
        block[0] = kind as u8;
        block[8..].copy_from_slice(&number.to_be_bytes());
        let mut block = block.into();
        self.ids.encrypt_block(&mut block);
        async_graphql::ID(URL_SAFE_NO_PAD.encode(block))
    }

    /// What a global id names, or `None` if this service never made it.
    #[must_use]
    pub fn open(&self, id: &str) -> Option<(Kind, i64)> {
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
        let mut block = bytes.into();
        self.ids.decrypt_block(&mut block);
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == block[0])?;
        let (tag, number) = block.split_at(8);
        let number = i64::from_be_bytes(number.try_into().ok()?);
        (tag[1..] == [0; 7] && number > 0).then_some((kind, number))
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
        seal(self.cursors, binding, position)
    }

    /// The position in a cursor that this service made for this binding. The tag is compared in constant time.
    #[must_use]
    pub fn open_cursor(&self, binding: &str, cursor: &str) -> Option<String> {
        unseal(self.cursors, binding, cursor)
    }

    /// What the service is to know of a sign-in that is under way elsewhere, for the client to keep meanwhile: it can
    /// neither read nor change it. It holds random values, so that no two are alike.
    ///
    /// # Errors
    /// As [`Self::cursor`].
    pub fn flow(&self, binding: &str, state: &str) -> Result<String> {
        seal(self.flows, binding, state)
    }

    /// What this service sealed for this binding. The tag is compared in constant time.
    #[must_use]
    pub fn open_flow(&self, binding: &str, flow: &str) -> Option<String> {
        unseal(self.flows, binding, flow)
    }
}

fn seal(key: [u8; 32], binding: &str, text: &str) -> Result<String> {
    let sealed = Aes128Siv::new(&key.into()).encrypt([binding], text.as_bytes());
    Ok(URL_SAFE_NO_PAD.encode(sealed.map_err(|_| Error::internal("a text could not be sealed"))?))
}

fn unseal(key: [u8; 32], binding: &str, sealed: &str) -> Option<String> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let text = Aes128Siv::new(&key.into()).decrypt([binding], &sealed).ok()?;
    String::from_utf8(text).ok()
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
    fn a_flow_is_no_cursor_and_a_cursor_no_flow() {
        let seal = Seal::new("secret");
        let (flow, cursor) = (seal.flow("openid", "x").unwrap(), seal.cursor("openid", "x").unwrap());
        assert_eq!(seal.open_flow("openid", &flow).as_deref(), Some("x"));
        assert_eq!((seal.open_flow("openid", &cursor), seal.open_cursor("openid", &flow)), (None, None));
        assert_eq!(Seal::new("other").open_flow("openid", &flow), None);
    }
}
