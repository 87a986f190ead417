//! `rollcall accounts check`: e-mails and phones that are malformed, or that somebody else has as well, before they are
//! imported or among those that are kept.
//!
//! What is an e-mail or a phone, and when two are the same, is decided as it is when one is written: by
//! [`Problems::maybe_email`] and [`Problems::maybe_phone`]. None is shown whole.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::Path,
    process::ExitCode,
};

use csv::{ByteRecord, ReaderBuilder};

use crate::{change::Problems, db::Db, error::Result, read};

/// Checks the accounts of a database, or with `csv` a file that is to be imported into it, and prints a line for each that is
/// wrong: 0 where there is none, 1 where there are, and 2 where the file cannot be read.
///
/// The file has a head, with a column `email` or `phone` or both; other columns are left alone.
pub async fn run(db: &Db, csv: Option<&Path>) -> Result<ExitCode> {
    let mut check = Check::default();
    let contacts = read!(db, accounts::contacts())?;
    for (number, contact) in &contacts {
        let place = format!("account {number}");
        for (what, text) in [(What::Email, &contact.email), (What::Phone, &contact.phone)] {
            let Some(text) = text else { continue };
            if csv.is_some() {
                check.know(what, text, place.clone());
            } else {
                check.kept(what, text, &place);
            }
        }
    }
    if let Some(path) = csv
        && let Err(problem) = check.file(path)
    {
        eprintln!("{}: {problem}", path.display());
        return Ok(ExitCode::from(2));
    }
    for found in &check.found {
        println!("{found}");
    }
    println!("{} of {} wrong", check.found.len(), check.looked_at);
    Ok(if check.found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Email,
    Phone,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Email => "e-mail",
            Self::Phone => "phone",
        }
    }

    /// As it is kept; none where it is malformed.
    fn normal(self, text: &str) -> Option<String> {
        let mut problems = Problems::default();
        match self {
            Self::Email => problems.maybe_email("", Some(text)),
            Self::Phone => problems.maybe_phone("", Some(text)),
        }
    }

    /// Enough of it to find it by, for who has it before them.
    fn masked(self, text: &str) -> String {
        let first = |text: &str| text.chars().next().map_or_else(String::new, |c| format!("{c}…"));
        match (self, text.split_once('@')) {
            (Self::Email, Some((local, domain))) => format!("{}@{}", first(local), first(domain)),
            (Self::Email, None) => first(text),
            (Self::Phone, _) => {
                let end = text.char_indices().rev().nth(1).filter(|(at, _)| *at > 2).map_or("", |(at, _)| &text[at..]);
                format!("…{end}")
            }
        }
    }
}

/// What was looked at so far, and what was found.
#[derive(Default)]
struct Check {
    /// Where each was first.
    seen: HashMap<(What, String), String>,
    found: Vec<String>,
    looked_at: usize,
}

impl Check {
    /// What others are compared with.
    fn know(&mut self, what: What, text: &str, place: String) {
        let normal = what.normal(text).unwrap_or_else(|| text.to_owned());
        self.seen.insert((what, normal), place);
    }

    /// Looks at one that is to be written; what is empty is none.
    fn look(&mut self, what: What, text: &str, place: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.looked_at += 1;
        let problem = match what.normal(text) {
            None => "malformed".to_owned(),
            Some(normal) => match self.seen.entry((what, normal)) {
                Entry::Occupied(first) => format!("the same as that of {}", first.get()),
                Entry::Vacant(free) => {
                    free.insert(place.to_owned());
                    return;
                }
            },
        };
        self.found.push(format!("{place}: {} {}: {problem}", what.name(), what.masked(text)));
    }

    /// Looks at one that is kept: it must be as it would be written, too.
    fn kept(&mut self, what: What, text: &str, place: &str) {
        let before = self.found.len();
        self.look(what, text, place);
        if before == self.found.len() && what.normal(text).as_deref() != Some(text) {
            self.found.push(format!("{place}: {} {}: not as it would be written", what.name(), what.masked(text)));
        }
    }

    /// Looks at every line of a file; else says why it cannot be read.
    fn file(&mut self, path: &Path) -> Result<(), String> {
        let mut reader =
            ReaderBuilder::new().flexible(true).from_path(path).map_err(|_| "cannot be opened".to_owned())?;
        let head = reader.byte_headers().map_err(|error| error.to_string())?.clone();
        let columns: Vec<(usize, What)> = (0..head.len()).filter_map(|n| Some((n, column(&text(&head, n))?))).collect();
        if columns.is_empty() {
            return Err("its first line names no column `email` or `phone`".to_owned());
        }
        for (n, record) in reader.byte_records().enumerate() {
            // What the reader says of a line can have the line in it.
            let record = record.map_err(|_| format!("the record {} cannot be read", n + 1))?;
            let line = record.position().map_or(0, csv::Position::line);
            for (n, what) in &columns {
                self.look(*what, &text(&record, *n), &format!("line {line}"));
            }
        }
        Ok(())
    }
}

/// What is in a column with this name.
fn column(name: &str) -> Option<What> {
    match name.trim_start_matches('\u{feff}').trim().to_lowercase().as_str() {
        "email" | "e-mail" => Some(What::Email),
        "phone" => Some(What::Phone),
        _ => None,
    }
}

/// A field of a record; where it is no UTF-8 there is something in it that no e-mail or phone has.
fn text(record: &ByteRecord, n: usize) -> String {
    String::from_utf8_lossy(record.get(n).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown_whole() {
        assert_eq!(What::Email.masked("ann.lee@school.example"), "a…@s…");
        assert_eq!(What::Email.masked("ann.lee"), "a…");
        assert_eq!(What::Email.masked("@"), "@");
        assert_eq!(What::Phone.masked("+9779812345678"), "…78");
        assert_eq!(What::Phone.masked("12"), "…");
        assert_eq!(What::Phone.masked("é7"), "…");
    }

    #[test]
    fn what_is_kept_is_as_it_would_be_written_and_nobody_elses() {
        let mut check = Check::default();
        for (n, email) in ["a@b.example", "É@b.example", "é@b.example", "c@nowhere"].iter().enumerate() {
            check.kept(What::Email, email, &format!("account {n}"));
        }
        let expected = [
            "account 1: e-mail É…@b…: not as it would be written",
            "account 2: e-mail é…@b…: the same as that of account 1",
            "account 3: e-mail c…@n…: malformed",
        ];
        assert_eq!(check.found, expected);
        assert_eq!(check.looked_at, 4);
    }
}
