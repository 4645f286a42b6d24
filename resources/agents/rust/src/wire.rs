// SPDX-License-Identifier: Apache-2.0
//! Writes lines of JSON as the protocol wants them. Never fails: texts are cut, control characters
//! escaped, numbers held within what a reader takes.

// What the protocol allows (PROTOCOL.md). Lengths are in bytes of UTF-8.
pub(crate) const VERSION: u64 = 1;
pub(crate) const MAX_LINE: usize = 65_536;
pub(crate) const MAX_NUMBER: u64 = (1 << 53) - 1;
pub(crate) const MAX_ID: usize = 128;
pub(crate) const MAX_POOL_NAME: usize = 128;
pub(crate) const MAX_POOLS: usize = 1024;
pub(crate) const MAX_DATABASE: usize = 512;
pub(crate) const MAX_CONFIG: usize = 64;
pub(crate) const MAX_FRAMES: usize = 64;
pub(crate) const MAX_FUNCTION: usize = 384;
pub(crate) const MAX_FILE: usize = 384;
pub(crate) const MAX_TAGS: usize = 16;
pub(crate) const MAX_TAG_NAME: usize = 64;
pub(crate) const MAX_TAG_VALUE: usize = 256;
pub(crate) const MAX_BY: usize = 128;
pub(crate) const MAX_THREAD: usize = 64;
pub(crate) const MAX_TRACE_ID: usize = 64;
pub(crate) const MAX_STATEMENT: usize = 1024;
pub(crate) const MAX_WHY: usize = 256;
pub(crate) const MAX_WORD: usize = 64;
pub(crate) const MAX_HOST: usize = 255;

const ELLIPSIS: &str = "…";

/// Shortens a text to `max` bytes at a character's edge, with room for an ellipsis; whether it did.
pub(crate) fn cut(text: &str, max: usize) -> (&str, bool) {
    if text.len() <= max {
        return (text, false);
    }
    let mut end = max.saturating_sub(ELLIPSIS.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], true)
}

/// One line, appended to a buffer.
pub(crate) struct Line<'a> {
    buffer: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Line<'a> {
    pub(crate) fn begin(buffer: &'a mut Vec<u8>, kind: &str, number: u64) -> Self {
        let start = buffer.len();
        let mut line = Line { buffer, start };
        line.raw("{\"k\":\"");
        line.raw(kind);
        line.raw("\",\"n\":");
        line.digits(number);
        line
    }

    pub(crate) fn end(self) {
        self.buffer.extend_from_slice(b"}\n");
    }

    /// Bytes so far.
    pub(crate) fn size(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Takes back what came after the line had this size.
    pub(crate) fn shrink_to(&mut self, size: usize) {
        self.buffer.truncate(self.start + size);
    }

    pub(crate) fn raw(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn comma(&mut self) {
        if !matches!(self.buffer.last(), Some(b'{' | b'[')) {
            self.buffer.push(b',');
        }
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.buffer.push(b'"');
        self.raw(key);
        self.raw("\":");
    }

    pub(crate) fn text(&mut self, key: &str, value: &str, max: usize) {
        self.key(key);
        self.quoted(value, max);
    }

    pub(crate) fn text_unless_empty(&mut self, key: &str, value: &str, max: usize) {
        if !value.is_empty() {
            self.text(key, value, max);
        }
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.digits(value);
    }

    pub(crate) fn number_if(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.number(key, value);
        }
    }

    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.raw(if value { "true" } else { "false" });
    }

    pub(crate) fn null(&mut self, key: &str) {
        self.key(key);
        self.raw("null");
    }

    pub(crate) fn open(&mut self, key: &str, bracket: &str) {
        self.key(key);
        self.raw(bracket);
    }

    pub(crate) fn pair(&mut self, name: &str, max_name: usize, value: &str, max_value: usize) {
        self.comma();
        self.quoted(name, max_name);
        self.buffer.push(b':');
        self.quoted(value, max_value);
    }

    fn digits(&mut self, value: u64) {
        use std::io::Write;
        // Writing to a Vec does not fail.
        let _ = write!(self.buffer, "{}", value.min(MAX_NUMBER));
    }

    pub(crate) fn quoted(&mut self, text: &str, max: usize) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let (text, short) = cut(text, max);
        self.buffer.push(b'"');
        for &byte in text.as_bytes() {
            match byte {
                b'"' | b'\\' => self.buffer.extend_from_slice(&[b'\\', byte]),
                0..=0x1f | 0x7f => {
                    let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                    self.buffer.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                }
                _ => self.buffer.push(byte),
            }
        }
        if short {
            self.raw(ELLIPSIS);
        }
        self.buffer.push(b'"');
    }
}
