//! The text of a document, looked at before it is parsed.

use async_graphql::Pos;

/// What a text has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Tokens: never fewer than the parser finds.
    pub tokens: u64,
    /// How deep brackets of any kind stand in one another.
    pub nesting: u64,
}

/// Counts the tokens of a text and how deep its brackets stand, without recursion and in one pass.
///
/// The parser takes some texts for more than one token that the specification takes for one (`000`, `truetrue`), so those
/// are more than one here; a fraction or a sign counts of its own, which only makes the count larger.
///
/// # Errors
/// With the place of a string that does not end. Nobody could say what comes after it: the parser takes `"""` that nothing
/// ends for an empty string and the begin of another.
pub(super) fn scan(text: &str) -> Result<Scanned, Pos> {
    let bytes = text.as_bytes();
    let (mut scanned, mut open, mut at) = (Scanned::default(), 0_u64, 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let ignored = ignored(rest);
        if ignored > 0 {
            at += ignored;
            continue;
        }
        match rest[0] {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        scanned.nesting = scanned.nesting.max(open);
        scanned.tokens += 1;
        at += token(rest).ok_or_else(|| position(text, at))?;
    }
    Ok(scanned)
}

/// Bytes at the begin of `rest` that are no token: spaces, commas, a byte order mark, a comment.
fn ignored(rest: &[u8]) -> usize {
    match rest[0] {
        b' ' | b'\t' | b'\n' | b'\r' | b',' => 1,
        0xef if rest.starts_with("\u{feff}".as_bytes()) => 3,
        b'#' => rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len()),
        _ => 0,
    }
}

/// Bytes of the token at the begin of `rest`; nothing where it is a string that does not end.
fn token(rest: &[u8]) -> Option<usize> {
    let run = |takes: fn(&u8) -> bool| rest.iter().take_while(|byte| takes(byte)).count();
    Some(match rest[0] {
        b'"' => return string(rest),
        b'.' if rest.starts_with(b"...") => 3,
        b't' if rest.starts_with(b"true") => 4,
        b'f' if rest.starts_with(b"false") => 5,
        b'n' if rest.starts_with(b"null") => 4,
        b'1'..=b'9' => run(u8::is_ascii_digit),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => run(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'),
        _ => 1,
    })
}

/// Bytes of the string at the begin of `rest`; nothing where it does not end.
fn string(rest: &[u8]) -> Option<usize> {
    const BLOCK: &[u8] = b"\"\"\"";
    let block = rest.starts_with(BLOCK);
    let mut at = if block { 3 } else { 1 };
    loop {
        let here = rest.get(at..)?;
        at += match (here.first()?, block) {
            (b'\\', true) if here[1..].starts_with(BLOCK) => 4,
            (b'"', true) if here.starts_with(BLOCK) => return Some(at + 3),
            (b'\n' | b'\r', false) => return None,
            (b'"', false) => return Some(at + 1),
            (b'\\', false) => 2,
            _ => 1,
        };
    }
}

fn position(text: &str, at: usize) -> Pos {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    Pos { line: 1 + before.matches('\n').count(), column: 1 + line.chars().count() }
}
