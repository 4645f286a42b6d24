// SPDX-License-Identifier: Apache-2.0
//! A statement without its literals, comments and superfluous space. Where it cannot be sure what a
//! literal is, it ends.

use crate::wire::MAX_STATEMENT;

/// What servers read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Whatever is not the same for all ends the text.
    Any,
    Postgres,
    MySql,
}

/// More of a statement is not looked at, in bytes.
pub(crate) const MOST_READ: usize = 16 << 10;

pub(crate) fn fingerprint(statement: &str, dialect: Dialect) -> String {
    let bytes = &statement.as_bytes()[..statement.len().min(MOST_READ)];
    // Zero ends comments on some servers.
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let mut reader = Reader { input: &bytes[..end], at: 0, out: Vec::new(), dialect, space: false };
    while reader.at < end && reader.out.len() < MAX_STATEMENT && reader.step() {}
    let cut = reader.at < end || end < statement.len();
    let mut text = String::from_utf8_lossy(&reader.out).trim().to_owned();
    if cut {
        text.push('…');
    }
    text
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    out: Vec<u8>,
    dialect: Dialect,
    space: bool,
}

fn is_word(c: u8) -> bool {
    c == b'_' || c == b'$' || c >= 0x80 || c.is_ascii_alphanumeric()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Something may begin in the text that reaches beyond it.
fn opens(text: &[u8]) -> bool {
    text.iter().any(|c| b"'\"`$\\/#[-".contains(c))
}

impl Reader<'_> {
    fn rest(&self) -> &[u8] {
        &self.input[self.at..]
    }

    fn put(&mut self, from: usize, to: usize) {
        let input = self.input;
        self.put_text(&input[from..to]);
    }

    fn put_text(&mut self, text: &[u8]) {
        if self.space && !self.out.is_empty() {
            self.out.push(b' ');
        }
        self.space = false;
        self.out.extend_from_slice(text);
    }

    fn put_next(&mut self, size: usize) {
        self.put(self.at, self.at + size);
        self.at += size;
    }

    /// Takes one piece; false where the rest is not to be trusted.
    fn step(&mut self) -> bool {
        use Dialect::{Any, MySql, Postgres};
        let rest = self.rest();
        let (c, next) = (rest[0], rest.get(1).copied().unwrap_or(0));
        match c {
            0..=b' ' => {
                self.space = true;
                self.at += 1;
            }
            // A comment, an operator, or part of a name.
            b'#' if self.dialect == Any => return false,
            b'#' if self.dialect == MySql => return self.line_comment(),
            b'-' if next == b'-' => return self.dashes(),
            b'/' if next == b'*' => return self.block_comment(),
            b'\'' => return self.literal(c, false),
            b'"' if self.dialect != Postgres => return self.literal(c, false),
            b'"' => return self.name(c),
            b'`' if self.dialect != Postgres => return self.name(c), // there it is an operator
            b'[' if self.dialect == Any => {
                // A name in brackets may hold a quote.
                match rest.iter().position(|&b| b == b']') {
                    Some(end) if !opens(&rest[1..end]) => self.put_next(1),
                    _ => return false,
                }
            }
            b'$' if self.dialect != MySql => return self.dollar(),
            b'.' if next.is_ascii_digit() => return self.number(),
            b'0'..=b'9' => return self.number(),
            _ if is_word(c) => return self.word(),
            _ => self.put_next(1),
        }
        true
    }

    fn name(&mut self, quote: u8) -> bool {
        let inside = &self.rest()[1..];
        let Some(end) = inside.iter().position(|&b| b == quote) else {
            return false;
        };
        let doubtful = inside[0].is_ascii_digit()
            || !inside[..end].iter().all(|&c| is_word(c))
            || opens(&inside[..end]);
        if self.dialect == Dialect::Any && doubtful {
            return false;
        }
        self.put_next(end + 2);
        true
    }

    fn dashes(&mut self) -> bool {
        // Without a space behind it is no comment for MySQL.
        let after = self.rest().get(2).copied();
        if self.dialect == Dialect::Postgres || after.is_none_or(|c| c <= b' ' || c == 0x7f) {
            return self.line_comment();
        }
        self.put_next(1);
        self.dialect == Dialect::MySql
    }

    /// PostgreSQL ends it at a carriage return too, others do not.
    fn line_comment(&mut self) -> bool {
        self.space = true;
        let rest = self.rest();
        let mut end = rest.iter().position(|&b| b == b'\n');
        let carriage = rest.iter().position(|&b| b == b'\r');
        match (self.dialect, carriage) {
            (Dialect::Postgres, Some(at)) => end = Some(end.map_or(at, |end| end.min(at))),
            (Dialect::Any, Some(at)) if end != Some(at + 1) => return false,
            _ => {}
        }
        self.at += end.map_or(rest.len(), |end| end + 1);
        true
    }

    /// Nested ones end, for some servers, later than for others; "/*!" is a comment only for some.
    fn block_comment(&mut self) -> bool {
        self.space = true;
        let inside = &self.rest()[2..];
        let Some(end) = find(inside, b"*/") else {
            self.at = self.input.len();
            return false;
        };
        if find(&inside[..=end], b"/*").is_some() {
            return false; // in "/*/*/" too
        }
        let inside = &inside[..end];
        let executed = inside.starts_with(b"!") || inside.starts_with(b"M!");
        if self.dialect != Dialect::Postgres && executed && opens(inside) {
            return false;
        }
        self.at += end + 4;
        true
    }

    /// A backslash before a quote means different things to different servers and settings: only where
    /// it certainly escapes the statement goes on behind.
    fn literal(&mut self, quote: u8, escapes: bool) -> bool {
        self.put_text(b"?");
        self.at += 1;
        while self.at < self.input.len() {
            match self.input[self.at] {
                b'\\' if self.at + 1 < self.input.len() => {
                    self.at += 1;
                    if self.input[self.at] == quote && !escapes {
                        return false;
                    }
                }
                c if c == quote => {
                    self.at += 1;
                    if self.rest().first() != Some(&quote) {
                        return true;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        true
    }

    /// A parameter ($1) or a literal ($tag$…$tag$).
    fn dollar(&mut self) -> bool {
        let rest = self.rest();
        let digits = rest[1..].iter().take_while(|c| c.is_ascii_digit()).count();
        let end = rest[1..].iter().position(|&b| b == b'$');
        let tag = match end {
            Some(end) if digits == 0 && rest[1..=end].iter().all(|&c| is_word(c)) => {
                &rest[..end + 2]
            }
            _ => {
                self.put_next(1 + digits);
                return true;
            }
        };
        let (size, stop) = (tag.len(), find(&rest[tag.len()..], tag));
        self.put_text(b"?");
        match stop {
            Some(stop) if self.dialect == Dialect::Postgres => self.at += 2 * size + stop,
            _ => return false,
        }
        true
    }

    /// A number, and what is written to it. Whether "$" behind belongs to it is not the same everywhere.
    fn number(&mut self) -> bool {
        self.put_text(b"?");
        while let Some(&c) = self.rest().first() {
            if !(is_word(c) && c != b'$' || c == b'.') {
                break;
            }
            self.at += 1;
            if matches!(c, b'e' | b'E') {
                if let [b'+' | b'-', digit, ..] = self.rest() {
                    if digit.is_ascii_digit() {
                        self.at += 1;
                    }
                }
            }
        }
        self.rest().first() != Some(&b'$')
    }

    /// A name, a keyword or a parameter; a letter before a quote belongs to a literal (E'…').
    fn word(&mut self) -> bool {
        let size = self.rest().iter().take_while(|&&c| is_word(c)).count();
        let word = &self.rest()[..size];
        let quoted = self.rest().get(size) == Some(&b'\'');
        let dollars = word.iter().filter(|&&c| c == b'$').count();
        // $tag$ right behind a name; Oracle's q'[…]'
        let oracles = quoted && matches!(word.last(), Some(b'q' | b'Q'));
        if self.dialect == Dialect::Any && (dollars > 1 || oracles) {
            return false;
        }
        if quoted && size == 1 {
            let escapes = self.dialect == Dialect::Postgres && matches!(word[0], b'E' | b'e');
            self.at += size;
            return self.literal(b'\'', escapes);
        }
        self.put_next(size);
        true
    }
}

#[cfg(test)]
#[path = "tests/fingerprint.rs"]
mod tests;
