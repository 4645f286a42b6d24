// SPDX-License-Identifier: Apache-2.0
//! What an inspector says.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::json;
use crate::wire::{MAX_ID, MAX_LINE};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Auth {
        mac: String,
    },
    Ping,
    Resync,
    Reclaim,
    /// What a later version may ask for is ignored.
    Other,
}

/// A line without its newline, and its number; `None` where it cannot be read.
pub(crate) fn read(line: &[u8]) -> Option<(u64, Command)> {
    if line.len() > MAX_LINE {
        return None;
    }
    let value = json::parse(std::str::from_utf8(line).ok()?)?;
    let kind = value.text("k").filter(|kind| !kind.is_empty())?;
    let number = value.number("n")?;
    let command = match kind {
        "auth" => {
            Command::Auth { mac: value.text("mac").filter(|mac| !mac.is_empty())?.to_owned() }
        }
        "ping" => Command::Ping,
        "resync" => Command::Resync,
        "reclaim" => {
            value.text("id").filter(|id| !id.is_empty() && id.len() <= MAX_ID)?;
            Command::Reclaim
        }
        _ => Command::Other,
    };
    Some((number, command))
}

/// Whether `mac` is HMAC-SHA256(token, nonce) in lower-case hexadecimal; in constant time.
pub(crate) fn knows_token(token: &str, nonce: &str, mac: &str) -> bool {
    let Ok(mut right) = Hmac::<Sha256>::new_from_slice(token.as_bytes()) else {
        return false;
    };
    right.update(nonce.as_bytes());
    let mut bytes = [0u8; 32];
    if mac.len() != 64 || !mac.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        return false;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&mac[2 * i..2 * i + 2], 16).unwrap_or(0);
    }
    right.verify_slice(&bytes).is_ok()
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
