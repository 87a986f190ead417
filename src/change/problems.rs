//! What is wrong with an input, collected so that it is said all at once; and the checks that many inputs share.

use std::collections::BTreeSet;

use async_graphql::MaybeUndefined;
use chrono::NaiveDate;

use super::{Changed, Stop};
use crate::{
    auth::RoleSet,
    graphql::{UserError, UserErrorCode},
};

/// Characters in a line of text (a name, a title) at most.
const MAX_LINE: usize = 200;
/// Characters in a text at most.
const MAX_TEXT: usize = 10_000;
/// Rows that a field names at most.
const MAX_ROWS: usize = 100;

/// What is wrong with an input. Paths name fields of the input as the client wrote them, in dots: `parents.0.phone`.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<UserError>);

impl Problems {
    /// Adds a problem.
    pub fn add(&mut self, path: &str, code: UserErrorCode, message: impl Into<String>) {
        self.0.push(UserError::new(path, code, message));
    }

    /// Adds a problem unless `fine`.
    pub fn require(&mut self, fine: bool, path: &str, code: UserErrorCode, message: &str) {
        if !fine {
            self.add(path, code, message);
        }
    }

    /// That the row that a field names is not there for this viewer.
    pub fn not_found(&mut self, path: &str) {
        self.add(path, UserErrorCode::NotFound, "there is no such row, or none that you reach");
    }

    /// The first of the rows that a store found in the viewer's scope, with the roles by which it was reached.
    ///
    /// # Errors
    /// `NOT_FOUND` at `path`, with all other problems, where there is none.
    pub fn found<R>(&mut self, path: &str, rows: Vec<(R, i32)>) -> Changed<(R, RoleSet)> {
        let Some((row, granted)) = rows.into_iter().next() else {
            self.not_found(path);
            return Err(std::mem::take(self).refusal());
        };
        Ok((row, RoleSet::from_bits(granted)))
    }

    /// That a row has been changed since the client read it.
    pub fn fresh(&mut self, read: i32, now: i32) {
        let message = "somebody has changed it since you read it: read it again";
        self.require(read == now, "version", UserErrorCode::Stale, message);
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on where nothing is wrong.
    ///
    /// # Errors
    /// With all problems.
    pub fn stop(self) -> Changed<()> {
        if self.0.is_empty() { Ok(()) } else { Err(self.refusal()) }
    }

    /// The end of a change that cannot go on without what a problem was found with.
    #[must_use]
    pub fn refusal(self) -> Stop {
        Stop::Refused(self.0)
    }

    /// The problems.
    #[must_use]
    pub fn into_vec(self) -> Vec<UserError> {
        self.0
    }

    /// A line of text that must be given: up to 200 characters, none of them a control character, trimmed.
    pub fn line(&mut self, path: &str, text: &str) -> String {
        let line = self.maybe_line(path, Some(text));
        self.require(!text.trim().is_empty(), path, UserErrorCode::Required, "it must not be empty");
        line.unwrap_or_default()
    }

    /// The same where it may be left empty.
    pub fn maybe_line(&mut self, path: &str, text: Option<&str>) -> Option<String> {
        let control = text.is_some_and(|text| text.trim().chars().any(char::is_control));
        self.require(!control, path, UserErrorCode::Invalid, "it is one line, without control characters");
        self.sized(path, text, MAX_LINE)
    }

    /// A text that must be given: up to 10,000 characters, in lines, trimmed.
    pub fn text(&mut self, path: &str, text: &str) -> String {
        let cleaned = self.maybe_text(path, Some(text));
        self.require(!text.trim().is_empty(), path, UserErrorCode::Required, "it must not be empty");
        cleaned.unwrap_or_default()
    }

    /// The same where it may be left empty.
    pub fn maybe_text(&mut self, path: &str, text: Option<&str>) -> Option<String> {
        let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        let control = text.is_some_and(|text| text.chars().any(is_control));
        self.require(!control, path, UserErrorCode::Invalid, "it has control characters in it");
        self.sized(path, text, MAX_TEXT)
    }

    fn sized(&mut self, path: &str, text: Option<&str>, most: usize) -> Option<String> {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        let message = format!("it has at most {most} characters");
        self.require(text.chars().count() <= most, path, UserErrorCode::TooLong, &message);
        Some(text.to_owned())
    }

    /// An `https` address of something kept elsewhere (a photo, a file).
    pub fn maybe_url(&mut self, path: &str, url: Option<&str>) -> Option<String> {
        let url = self.maybe_line(path, url)?;
        let host = url.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let fine = host.is_some_and(|host| !host.is_empty()) && !url.contains(char::is_whitespace);
        self.require(fine, path, UserErrorCode::Invalid, "it is an address that begins with https://");
        Some(url)
    }

    /// The same where it must be given.
    pub fn url(&mut self, path: &str, url: &str) -> String {
        let cleaned = self.maybe_url(path, Some(url));
        self.require(!url.trim().is_empty(), path, UserErrorCode::Required, "it must not be empty");
        cleaned.unwrap_or_default()
    }

    /// An e-mail address, folded to lower case. Only its shape is checked: whether it is somebody's shows a message.
    pub fn maybe_email(&mut self, path: &str, email: Option<&str>) -> Option<String> {
        let email = email.map(str::trim).filter(|email| !email.is_empty())?.to_lowercase();
        let (local, domain) = email.rsplit_once('@').unwrap_or_default();
        let shaped = !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.');
        let plain =
            !email.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '<' | '>'));
        let fine = shaped && plain && !local.contains('@') && email.len() <= 254;
        self.require(fine, path, UserErrorCode::Invalid, "it is no e-mail address");
        Some(email).filter(|_| fine)
    }

    /// A phone number in E.164: `+` and 7 to 15 digits. Spaces, hyphens and brackets are left out.
    pub fn maybe_phone(&mut self, path: &str, phone: Option<&str>) -> Option<String> {
        let phone = phone.map(str::trim).filter(|phone| !phone.is_empty())?;
        let phone: String = phone.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
        let digits = phone.strip_prefix('+').unwrap_or_default();
        let fine = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        let message = "it is no phone number with its country code, such as +977 9812345678";
        self.require(fine, path, UserErrorCode::Invalid, message);
        Some(phone).filter(|_| fine)
    }

    /// The rows that a field names: 100 at most, each of them once. Where each stands in the list stays as it is.
    pub fn rows(&mut self, path: &str, mut numbers: Vec<i64>) -> Vec<i64> {
        self.require(numbers.len() <= MAX_ROWS, path, UserErrorCode::OutOfRange, "it has at most 100 rows");
        numbers.truncate(MAX_ROWS);
        let mut seen = BTreeSet::new();
        for (n, number) in numbers.iter().enumerate() {
            // 0 is no row: it is not found, however often it is named.
            let again = *number != 0 && !seen.insert(number);
            self.require(!again, &format!("{path}.{n}"), UserErrorCode::Duplicate, "it is in the list already");
        }
        numbers
    }

    /// A date that is not in the future.
    pub fn past(&mut self, path: &str, date: Option<NaiveDate>, today: NaiveDate) {
        let fine = date.is_none_or(|date| date <= today);
        self.require(fine, path, UserErrorCode::InFuture, "it must not be in the future");
    }

    /// Nobody joins before they are born.
    pub fn born_before(&mut self, birth: Option<NaiveDate>, joining: Option<NaiveDate>, path: &str) {
        let fine = birth.zip(joining).is_none_or(|(birth, joining)| birth < joining);
        self.require(fine, path, UserErrorCode::OutOfRange, "the birth date is before the joining date");
    }

    /// A field of an edit that keeps its value where it is left out, and cannot be emptied.
    pub fn patch_required<T, U>(
        &mut self,
        path: &str,
        value: MaybeUndefined<T>,
        check: impl FnOnce(&mut Self, T) -> U,
    ) -> Option<U> {
        match value {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => {
                self.add(path, UserErrorCode::Required, "it must not be empty");
                None
            }
            MaybeUndefined::Value(value) => Some(check(self, value)),
        }
    }
}

/// A field of an edit: left out, it keeps its value (`None`); null empties it (`Some(None)`).
pub fn patch<T, U>(value: MaybeUndefined<T>, check: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(check(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(check: impl FnOnce(&mut Problems)) -> Vec<UserErrorCode> {
        let mut problems = Problems::default();
        check(&mut problems);
        problems.0.iter().map(UserError::is).collect()
    }

    #[test]
    fn text_is_trimmed_and_bounded_and_has_no_control_characters() {
        let mut problems = Problems::default();
        assert_eq!(problems.line("name", "  Ann Lee "), "Ann Lee");
        assert_eq!(problems.maybe_line("name", Some("   ")), None);
        assert_eq!(problems.maybe_text("notes", Some("a\nb")), Some("a\nb".to_owned()));
        assert!(problems.is_empty());
        assert_eq!(codes(|p| drop(p.line("name", " "))), [UserErrorCode::Required]);
        assert_eq!(codes(|p| drop(p.line("name", "a\nb"))), [UserErrorCode::Invalid]);
        assert_eq!(codes(|p| drop(p.maybe_text("notes", Some("a\0b")))), [UserErrorCode::Invalid]);
        assert_eq!(codes(|p| drop(p.line("name", &"a".repeat(201)))), [UserErrorCode::TooLong]);
    }

    #[test]
    fn identifiers_are_folded_to_what_the_database_takes() {
        let mut problems = Problems::default();
        assert_eq!(problems.maybe_email("email", Some(" Ann@School.Example ")), Some("ann@school.example".to_owned()));
        assert_eq!(problems.maybe_phone("phone", Some("+977 (981) 234-5678")), Some("+9779812345678".to_owned()));
        assert!(problems.is_empty());
        for email in ["ann", "@b.c", "ann@", "a@b", "a b@c.d", "a@b@c.d", "ann@.example"] {
            assert_eq!(codes(|p| drop(p.maybe_email("email", Some(email)))), [UserErrorCode::Invalid], "{email}");
        }
        for phone in ["981234567", "+0123456789", "+12345", "+1234567890123456", "+12345abc"] {
            assert_eq!(codes(|p| drop(p.maybe_phone("phone", Some(phone)))), [UserErrorCode::Invalid], "{phone}");
        }
    }

    #[test]
    fn an_address_is_https_with_a_host() {
        for url in ["http://a.example/x", "https://", "https:///x", "javascript:alert(1)", "https://a b"] {
            assert_eq!(codes(|p| drop(p.maybe_url("photoUrl", Some(url)))), [UserErrorCode::Invalid], "{url}");
        }
        assert_eq!(codes(|p| drop(p.maybe_url("photoUrl", Some("https://files.example/a.jpg")))), []);
        assert_eq!(codes(|p| drop(p.url("fileUrl", " "))), [UserErrorCode::Required]);
    }

    #[test]
    fn a_list_names_each_row_once_and_not_too_many() {
        let mut problems = Problems::default();
        assert_eq!(problems.rows("ids", vec![0, 3, 0, 4, 3]), [0, 3, 0, 4, 3]);
        let errors: Vec<String> = problems.0.iter().map(|error| format!("{error:?}")).collect();
        assert!(errors.len() == 1 && errors[0].contains("\"4\""), "{errors:?}");
        assert_eq!(codes(|p| assert_eq!(p.rows("ids", (1..=101).collect()).len(), 100)), [UserErrorCode::OutOfRange]);
    }

    #[test]
    fn an_edit_tells_leaving_out_from_emptying() {
        assert_eq!(patch(MaybeUndefined::<i32>::Undefined, Some), None);
        assert_eq!(patch(MaybeUndefined::<i32>::Null, Some), Some(None));
        assert_eq!(patch(MaybeUndefined::Value(1), Some), Some(Some(1)));
        let required =
            |p: &mut Problems| assert_eq!(p.patch_required("name", MaybeUndefined::<i32>::Null, |_, v| v), None);
        assert_eq!(codes(required), [UserErrorCode::Required]);
    }
}
