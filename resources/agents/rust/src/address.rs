// SPDX-License-Identifier: Apache-2.0
//! Where a database is, of a URL that may hold a password: scheme, host, port and name, and nothing
//! at all where it is not certain which part is which.

use crate::fingerprint::Dialect;

pub(crate) fn dialect(url: &str) -> Dialect {
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => Dialect::Postgres,
        Some("mysql" | "mariadb") => Dialect::MySql,
        None if url.contains("dbname=") || url.contains("host=") => Dialect::Postgres,
        _ => Dialect::Any,
    }
}

/// Empty where it is not certain.
pub(crate) fn of(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => of_url(scheme, rest),
        None => of_keywords(url),
    }
    .unwrap_or_default()
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'))
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, ""),
    };
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_v6 = |host: &str| host.bytes().all(|c| c.is_ascii_hexdigit() || c == b':' || c == b'.');
    port.bytes().all(|c| c.is_ascii_digit()) && inside.map_or_else(|| is_name(host), is_v6)
}

fn of_url(scheme: &str, rest: &str) -> Option<String> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // An "@" further on may end a password that was not escaped.
    if path.contains('@') || !is_name(scheme) || !is_host(host) {
        return None;
    }
    let name = path.split(['?', '#']).next()?.strip_prefix('/').unwrap_or_default();
    let name = if is_name(name) { name } else { "" };
    Some(format!("{scheme}://{host}/{name}"))
}

/// libpq's "host=… port=… dbname=…".
fn of_keywords(text: &str) -> Option<String> {
    let (mut host, mut port, mut name) = (String::new(), String::new(), String::new());
    let mut rest = text.trim_start();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (keyword, after) = rest.split_once('=')?;
        let (value, after) = keyword_value(after.trim_start())?;
        match keyword.trim_end() {
            "host" => host = value,
            "port" => port = value,
            "dbname" => name = value,
            other if !is_name(other) => return None,
            _ => {}
        }
        rest = after.trim_start();
    }
    // A socket's folder, or nothing.
    let host = if host.is_empty() || host.starts_with('/') { "localhost" } else { &host };
    let place = if port.is_empty() { host.to_owned() } else { format!("{host}:{port}") };
    // A name may be a whole URL or conninfo itself.
    (is_host(&place) && is_name(&name)).then(|| format!("postgresql://{place}/{name}"))
}

fn keyword_value(text: &str) -> Option<(String, &str)> {
    let (mut value, quoted) = (String::new(), text.starts_with('\''));
    let mut letters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.push(letters.next()?.1),
            '\'' if quoted => return Some((value, &text[at + 1..])),
            c if !quoted && c.is_whitespace() => return Some((value, &text[at..])),
            c => value.push(c),
        }
    }
    (!quoted).then_some((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_no_secrets() {
        for (url, address) in [
            (
                "postgres://me:secret@db.example:5432/shop?sslmode=require",
                "postgres://db.example:5432/shop",
            ),
            ("postgresql://[::1]:5432/shop", "postgresql://[::1]:5432/shop"),
            ("mysql://me@127.0.0.1/shop#secret", "mysql://127.0.0.1/shop"),
            ("postgres://me:sec/ret@db/shop", ""),
            ("postgres://me:12/ret@db/shop", ""),
            ("postgres://me:12?secret@db/shop", ""),
            ("postgres://me:sec@ret@db/shop", "postgres://db/shop"),
            ("host=db port=5433 dbname=shop password=secret", "postgresql://db:5433/shop"),
            ("password='a host=secret' host=db", "postgresql://db/"),
            ("password='it\\'s host=secret' dbname = shop", "postgresql://localhost/shop"),
            ("password='secret", ""),
            ("dbname='postgres://me:secret@db/shop'", ""),
            ("/var/lib/shop.sqlite", ""),
            ("file:shop.db?key=secret", ""),
            ("", ""),
        ] {
            assert_eq!(of(url), address, "{url}");
        }
    }
}
