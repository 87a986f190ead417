//! The words of every message, in one place: as mail, plain and in HTML, and as a text message.
//!
//! Nothing in them is of the person but what the message is for: who reads it over a shoulder learns no name.

use secrecy::{ExposeSecret, SecretString};

use super::{Content, Message};

/// A mail, written.
pub(super) struct Mail {
    pub(super) subject: String,
    pub(super) plain: String,
    pub(super) html: String,
}

/// The parts that every form of a message is made of.
struct Parts<'a> {
    subject: &'static str,
    opening: String,
    code: Option<&'a SecretString>,
    closing: String,
}

fn parts(content: &Content) -> Parts<'_> {
    let of_code = |subject, to: &str, code, minutes: &i64| Parts {
        subject,
        opening: format!("Your code to {to}:"),
        code: Some(code),
        closing: format!(
            "It is good once, for {minutes} minutes. Nobody who works here asks you for it. \
             If you did not ask for a code, there is nothing that you need to do."
        ),
    };
    let of_news =
        |subject, opening: String, closing: &str| Parts { subject, opening, code: None, closing: closing.to_owned() };
    match content {
        Content::ActivationCode(code, minutes) => {
            of_code("Your code to activate your account", "activate your account", code, minutes)
        }
        Content::ResetCode(code, minutes) => {
            of_code("Your code to reset your password", "set a new password", code, minutes)
        }
        Content::News(news) => of_news(
            "News",
            news.iter().map(|news| news.kind.as_str()).collect::<Vec<_>>().join(", "),
            "Sign in to read more.",
        ),
        Content::PasswordChanged => of_news(
            "Your password was changed",
            "Your account has a new password, and whoever was signed in to it is signed out.".to_owned(),
            "If that was not you, reset your password now and tell the administration.",
        ),
        Content::Locked(minutes) => of_news(
            "Your account is locked for a while",
            format!("Sign-ins to your account failed so often that nobody can sign in to it for {minutes} minutes."),
            "If that was not you, somebody may be guessing your password: after that time it is as good as before. \
             There is nothing that you need to do.",
        ),
    }
}

/// A message as a text message.
pub(super) fn text(Message { institute, content, .. }: &Message) -> String {
    let Parts { opening, code, closing, .. } = parts(content);
    let code = code.map(|code| format!(" {}.", code.expose_secret())).unwrap_or_default();
    format!("{institute}: {opening}{code} {closing}")
}

/// A message as mail.
pub(super) fn mail(Message { institute, content, .. }: &Message) -> Mail {
    let Parts { subject, opening, code, closing } = parts(content);
    let code = code.map(ExposeSecret::expose_secret);
    let lines = [Some(opening.as_str()), code, Some(&closing), Some(institute)];
    let plain = lines.into_iter().flatten().map(|line| format!("{line}\n")).collect::<Vec<_>>().join("\n");
    let code = code.map(|code| format!("<p><strong style=\"font-size:1.5em\">{code}</strong></p>\n"));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><body>\n<p>{}</p>\n{}<p>{}</p>\n<p>{}</p>\n</body></html>\n",
        escaped(&opening),
        code.unwrap_or_default(),
        escaped(&closing),
        escaped(institute)
    );
    Mail { subject: format!("{subject} ({institute})"), plain, html }
}

/// A text as HTML shows it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{super::Address, *};

    fn message(content: Content) -> Message {
        let language = super::super::Language::English;
        Message {
            to: Address::Phone("+9779800000001".to_owned()),
            language,
            institute: "Hill & <Dale>".to_owned(),
            content,
        }
    }

    #[test]
    fn a_code_is_in_each_form_once_and_the_institute_speaks() {
        let content = Content::ResetCode("012345".to_owned().into(), 10);
        assert!(!format!("{content:?}").contains("012345"));
        let message = message(content);
        let Mail { subject, plain, html } = mail(&message);
        assert_eq!(subject, "Your code to reset your password (Hill & <Dale>)");
        assert_eq!(plain.lines().filter(|line| *line == "012345").count(), 1, "{plain}");
        assert!(
            html.contains(">012345<") && html.contains("Hill &amp; &lt;Dale&gt;") && !html.contains("<Dale>"),
            "{html}"
        );
        let text = text(&message);
        assert!(
            text.starts_with(
                "Hill & <Dale>: Your code to set a new password: 012345. It is good once, for 10 minutes."
            )
        );
        for form in [plain, html, text] {
            assert_eq!(form.matches("012345").count(), 1, "{form}");
        }
        assert!(!subject.contains("012345"), "what is shown on a locked screen");
    }

    #[test]
    fn news_have_no_code() {
        for content in [Content::PasswordChanged, Content::Locked(15)] {
            let message = message(content);
            let forms = [mail(&message).plain, mail(&message).html, text(&message)];
            assert!(forms.iter().all(|form| !form.contains("code")), "{forms:?}");
        }
        assert!(text(&message(Content::Locked(15))).contains("15 minutes"));
    }
}
