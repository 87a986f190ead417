//! The words of every message, in one place: as mail, plain and in HTML, and as a text message, in each language.
//!
//! [`Words`] is all that a language has to say; what is made of it is the same in all of them. A subject, which is shown on a
//! locked screen, has neither a code nor a name. Nothing else is of a person but what the message is for: of a code nothing,
//! of news the name of who it is about, to who may know of it.

use chrono::{NaiveDate, NaiveDateTime};
use secrecy::{ExposeSecret, SecretString};

use super::{Content, Language, Message, News};

mod english;
mod nepali;

use english::English;
use nepali::Nepali;

/// How many news a text message tells; of the others it has the number.
const IN_A_TEXT: usize = 3;

/// A mail, written.
pub(super) struct Mail {
    pub(super) subject: String,
    pub(super) plain: String,
    pub(super) html: String,
}

/// A message about an account: its subject, and what stands before and after a code.
struct Wording {
    subject: String,
    opening: String,
    closing: String,
}

/// What a language has to say.
trait Words: Sync {
    /// Its tag (BCP 47).
    fn tag(&self) -> &'static str;

    /// With a code that activates an account.
    fn activation_code(&self, minutes: i64) -> Wording;

    /// With a code that resets a password.
    fn reset_code(&self, minutes: i64) -> Wording;

    /// That the account has a new password.
    fn password_changed(&self) -> Wording;

    /// That nobody can sign in for so many minutes.
    fn locked(&self, minutes: i64) -> Wording;

    /// What happened, in a few words and without a name.
    fn head(&self, news: &News) -> &'static str;

    /// That so many things happened.
    fn several(&self, count: usize) -> String;

    /// That there are so many more.
    fn more(&self, count: usize) -> String;

    /// Where to read on.
    fn closing(&self) -> &'static str;

    /// A day.
    fn day(&self, day: NaiveDate) -> String;

    /// Days, from the first to the last.
    fn days(&self, first: NaiveDate, last: NaiveDate) -> String;

    /// A day and a time.
    fn time(&self, time: NaiveDateTime) -> String;
}

fn words(language: Language) -> &'static dyn Words {
    match language {
        Language::English => &English,
        Language::Nepali => &Nepali,
    }
}

/// The parts that every form of a message is made of.
struct Parts<'a> {
    subject: String,
    opening: String,
    code: Option<&'a SecretString>,
    /// What happened, where it is more than the one thing that the opening tells.
    items: Vec<String>,
    closing: String,
}

fn parts(Message { language, content, .. }: &Message) -> Parts<'_> {
    let words = words(*language);
    match content {
        Content::ActivationCode(code, minutes) => of_account(words.activation_code(*minutes), Some(code)),
        Content::ResetCode(code, minutes) => of_account(words.reset_code(*minutes), Some(code)),
        Content::PasswordChanged => of_account(words.password_changed(), None),
        Content::Locked(minutes) => of_account(words.locked(*minutes), None),
        Content::News(news) => of_news(words, news),
    }
}

fn of_account(Wording { subject, opening, closing }: Wording, code: Option<&SecretString>) -> Parts<'_> {
    Parts { subject, opening, code, items: Vec::new(), closing }
}

fn of_news(words: &dyn Words, news: &[News]) -> Parts<'static> {
    let (subject, opening, items) = match news {
        [one] => (words.head(one).to_owned(), line(words, one), Vec::new()),
        several => {
            let subject = words.several(several.len());
            let opening = format!("{subject}:");
            (subject, opening, several.iter().map(|one| line(words, one)).collect())
        }
    };
    Parts { subject, opening, code: None, items, closing: words.closing().to_owned() }
}

/// What happened, in a line: to whom, of what, and when, as far as there is any of it.
fn line(words: &dyn Words, news: &News) -> String {
    let days = news.days.map(|(first, last)| if first == last { words.day(first) } else { words.days(first, last) });
    let details = [news.student.clone(), news.title.clone(), news.time.map(|time| words.time(time)), days];
    let details: Vec<String> = details.into_iter().flatten().collect();
    let head = words.head(news);
    if details.is_empty() { head.to_owned() } else { format!("{head}: {}", details.join(", ")) }
}

/// A message as a text message: as short as it can be, for its letters cost money.
pub(super) fn text(message: &Message) -> String {
    let Parts { opening, code, items, closing, .. } = parts(message);
    let institute = &message.institute;
    if matches!(message.content, Content::News(_)) {
        let told = items.iter().take(IN_A_TEXT).cloned();
        let more = items.len().saturating_sub(IN_A_TEXT);
        let more = (more > 0).then(|| words(message.language).more(more));
        let told: Vec<String> = told.chain(more).collect();
        return if told.is_empty() {
            format!("{institute}: {opening}")
        } else {
            format!("{institute}: {}", told.join("; "))
        };
    }
    let code = code.map(|code| format!(" {}.", code.expose_secret())).unwrap_or_default();
    format!("{institute}: {opening}{code} {closing}")
}

/// A message as mail.
pub(super) fn mail(message: &Message) -> Mail {
    let Parts { subject, opening, code, items, closing } = parts(message);
    let institute = &message.institute;
    let code = code.map(|code| code.expose_secret().to_owned());
    let list = |mark: fn(&String) -> String| {
        (!items.is_empty()).then(|| items.iter().map(mark).collect::<Vec<_>>().join("\n"))
    };
    let lines = [
        Some(opening.clone()),
        code.clone(),
        list(|item| format!("- {item}")),
        Some(closing.clone()),
        Some(institute.clone()),
    ];
    let plain = lines.into_iter().flatten().map(|line| format!("{line}\n")).collect::<Vec<_>>().join("\n");
    let paragraph = |text: &str| format!("<p>{}</p>", escaped(text));
    let blocks = [
        Some(paragraph(&opening)),
        code.map(|code| format!("<p><strong style=\"font-size:1.5em\">{}</strong></p>", escaped(&code))),
        list(|item| format!("<li>{}</li>", escaped(item))).map(|items| format!("<ul>\n{items}\n</ul>")),
        Some(paragraph(&closing)),
        Some(paragraph(institute)),
    ];
    let body = blocks.into_iter().flatten().collect::<Vec<_>>().join("\n");
    let html =
        format!("<!doctype html>\n<html lang=\"{}\"><body>\n{body}\n</body></html>\n", words(message.language).tag());
    Mail { subject: format!("{subject} ({institute})"), plain, html }
}

/// A text as HTML shows it.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests;
