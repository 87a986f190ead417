use super::{super::Address, *};
use crate::events::model::EventKind;

fn message(language: Language, content: Content) -> Message {
    let to = Address::Phone("+9779800000001".to_owned());
    Message { to, language, institute: "Hill & <Dale>".to_owned(), content }
}

fn english(content: Content) -> Message {
    message(Language::English, content)
}

fn news(kind: EventKind) -> News {
    News {
        kind,
        notification: "n1".to_owned(),
        subject: "s1".to_owned(),
        student: None,
        title: None,
        days: None,
        time: None,
        granted: None,
    }
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
}

/// A text without all that is no word of the language's own.
fn own(text: &str) -> String {
    text.replace("Hill & <Dale>", "")
}

fn is_devanagari(c: char) -> bool {
    ('\u{900}'..='\u{97f}').contains(&c)
}

/// Every thing that is ever said.
fn everything() -> Vec<Content> {
    let code = || SecretString::from("012345");
    let mut all = vec![
        Content::ActivationCode(code(), 10),
        Content::ResetCode(code(), 10),
        Content::PasswordChanged,
        Content::Locked(15),
    ];
    for kind in EventKind::ALL {
        for granted in [None, Some(false), Some(true)] {
            all.push(Content::News(vec![News { granted, ..news(*kind) }]));
        }
    }
    let three: Vec<News> = EventKind::ALL.iter().take(3).map(|kind| news(*kind)).collect();
    all.push(Content::News(three));
    all
}

#[test]
fn a_code_is_in_each_form_once_and_the_institute_speaks() {
    let content = Content::ResetCode("012345".to_owned().into(), 10);
    assert!(!format!("{content:?}").contains("012345"));
    for language in Language::ALL {
        let message = message(*language, content.clone());
        let Mail { subject, plain, html } = mail(&message);
        assert!(subject.ends_with(" (Hill & <Dale>)"), "{subject}");
        assert_eq!(plain.lines().filter(|line| *line == "012345").count(), 1, "{plain}");
        assert!(
            html.contains(">012345<") && html.contains("Hill &amp; &lt;Dale&gt;") && !html.contains("<Dale>"),
            "{html}"
        );
        let text = text(&message);
        assert!(text.starts_with("Hill & <Dale>: ") && text.contains(": 012345. "), "{text}");
        for form in [plain, html, text] {
            assert_eq!(form.matches("012345").count(), 1, "{form}");
        }
        assert!(!subject.contains("012345"), "what is shown on a locked screen");
    }
    let message = english(content);
    assert_eq!(mail(&message).subject, "Your code to reset your password (Hill & <Dale>)");
    let shown = "Hill & <Dale>: Your code to set a new password: 012345. It is good once, for 10 minutes.";
    assert!(text(&message).starts_with(shown));
}

#[test]
fn what_is_told_of_an_account_has_no_code() {
    for content in [Content::PasswordChanged, Content::Locked(15)] {
        let message = english(content);
        let forms = [mail(&message).plain, mail(&message).html, text(&message)];
        assert!(forms.iter().all(|form| !form.contains("code")), "{forms:?}");
    }
    assert!(text(&english(Content::Locked(15))).contains("15 minutes"));
}

#[test]
fn every_language_has_words_of_its_own_for_everything() {
    for (language, tag) in [(Language::English, "en"), (Language::Nepali, "ne")] {
        for content in everything() {
            let message = message(language, content);
            let Mail { subject, plain, html } = mail(&message);
            assert!(html.contains(&format!("<html lang=\"{tag}\">")), "{html}");
            for form in [subject, plain, text(&message)] {
                let words = own(&form);
                let (devanagari, latin) =
                    (words.chars().any(is_devanagari), words.chars().any(|c| c.is_ascii_alphabetic()));
                assert_eq!((devanagari, latin), (tag == "ne", tag == "en"), "{form}");
            }
        }
    }
    assert_eq!(Language::ALL.len(), 2, "each is above");
}

#[test]
fn what_happened_is_told_each_in_other_words() {
    for language in Language::ALL {
        let mut heads: Vec<&str> = EventKind::ALL.iter().map(|kind| words(*language).head(&news(*kind))).collect();
        let decided = |granted| words(*language).head(&News { granted, ..news(EventKind::LeaveDecided) });
        heads.extend([decided(Some(true)), decided(Some(false))]);
        let count = heads.len();
        heads.sort_unstable();
        heads.dedup();
        assert_eq!(heads.len(), count, "{heads:?}");
    }
}

#[test]
fn an_absence_tells_who_of_what_and_when_and_the_subject_has_no_name() {
    let absent = News {
        student: Some("Asha Rai".to_owned()),
        title: Some("Mathematics".to_owned()),
        days: Some((day(20), day(20))),
        ..news(EventKind::StudentAbsent)
    };
    let message = english(Content::News(vec![absent.clone()]));
    let Mail { subject, plain, .. } = mail(&message);
    assert_eq!(subject, "Absent from class (Hill & <Dale>)");
    let told = "Absent from class: Asha Rai, Mathematics, 20 March 2026";
    assert_eq!(plain, format!("{told}\n\nSign in to read more.\n\nHill & <Dale>\n"));
    assert_eq!(text(&message), format!("Hill & <Dale>: {told}"));
    let message = self::message(Language::Nepali, Content::News(vec![absent]));
    assert_eq!(text(&message), "Hill & <Dale>: कक्षामा अनुपस्थित: Asha Rai, Mathematics, २० मार्च २०२६");
}

#[test]
fn days_and_times_are_written_plainly() {
    let leave = News { days: Some((day(9), day(11))), granted: Some(true), ..news(EventKind::LeaveDecided) };
    let meeting = News { time: day(20).and_hms_opt(9, 5, 0), ..news(EventKind::MeetingMoved) };
    for (language, of_leave, of_meeting) in [
        (
            Language::English,
            "Leave is granted: 9 March 2026 to 11 March 2026",
            "A meeting was moved to another time: 20 March 2026, 09:05",
        ),
        (
            Language::Nepali,
            "बिदा स्वीकृत भयो: ९ मार्च २०२६ देखि ११ मार्च २०२६ सम्म",
            "भेटघाटको समय सारियो: २० मार्च २०२६, ०९:०५",
        ),
    ] {
        for (news, told) in [(&leave, of_leave), (&meeting, of_meeting)] {
            assert_eq!(text(&message(language, Content::News(vec![news.clone()]))), format!("Hill & <Dale>: {told}"));
        }
    }
}

#[test]
fn several_come_as_a_list_and_a_text_message_tells_the_first() {
    let absent = |name: &str| News { student: Some(name.to_owned()), ..news(EventKind::StudentAbsent) };
    let several =
        |count| english(Content::News(["A", "B", "C", "D", "E"].map(absent).into_iter().take(count).collect()));
    let Mail { subject, plain, html } = mail(&several(5));
    assert_eq!(subject, "5 new notifications (Hill & <Dale>)");
    assert_eq!(plain.lines().filter(|line| line.starts_with("- Absent from class: ")).count(), 5, "{plain}");
    assert_eq!(html.matches("<li>Absent from class: ").count(), 5, "{html}");
    let [a, b, c] = ["A", "B", "C"].map(|name| format!("Absent from class: {name}"));
    assert_eq!(text(&several(3)), format!("Hill & <Dale>: {a}; {b}; {c}"));
    assert_eq!(text(&several(5)), format!("Hill & <Dale>: {a}; {b}; {c}; and 2 more"));
    let nepali = message(Language::Nepali, several(5).content);
    assert_eq!(mail(&nepali).subject, "५ वटा नयाँ जानकारी (Hill & <Dale>)");
    assert!(text(&nepali).ends_with("; र थप २ वटा"), "{}", text(&nepali));
}

#[test]
fn nothing_comes_into_html_as_it_is() {
    let wild = "<script>'\"&";
    let one = News { student: Some(wild.to_owned()), title: Some(wild.to_owned()), ..news(EventKind::NoticePublished) };
    for (language, count) in
        [(Language::English, 1), (Language::English, 2), (Language::Nepali, 1), (Language::Nepali, 2)]
    {
        let Mail { html, plain, .. } = mail(&message(language, Content::News(vec![one.clone(); count])));
        assert!(!html.contains("<script>") && plain.contains(wild), "{html} {plain}");
        assert_eq!(html.matches("&lt;script&gt;&#39;&quot;&amp;").count(), 2 * count, "{html}");
    }
}
