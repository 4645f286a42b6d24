// SPDX-License-Identifier: Apache-2.0
use super::Dialect::{Any, MySql, Postgres};
use super::*;

#[test]
fn literals_go_and_what_is_uncertain_ends() {
    for (statement, dialect, expected) in [
        ("SELECT * FROM t1 WHERE id = 42", Any, "SELECT * FROM t1 WHERE id = ?"),
        ("  SELECT\n\t1.5e-3 ,0x1F", Any, "SELECT ? ,?"),
        ("SELECT 'it''s', $1 FROM \"Tab\"", Postgres, "SELECT ?, $1 FROM \"Tab\""),
        ("SELECT \"secret\"", MySql, "SELECT ?"),
        ("SELECT \"secret\"", Any, "SELECT ?"),
        ("SELECT 'a\\'secret' FROM t", MySql, "SELECT ?…"), // NO_BACKSLASH_ESCAPES may be set
        ("INSERT INTO t VALUES ('C:\\', 'secret')", MySql, "INSERT INTO t VALUES (?…"),
        ("SELECT E'a\\'secret' FROM t", Any, "SELECT ?…"),
        ("SELECT 'a\\' FROM t WHERE x = 'secret'", Postgres, "SELECT ?…"),
        ("SELECT E'a\\'secret' FROM t", Postgres, "SELECT ? FROM t"),
        ("SELECT 'C:\\\\' FROM t", Postgres, "SELECT ? FROM t"),
        ("SELECT $$secret$$, $x$se$$cret$x$", Postgres, "SELECT ?, ?"),
        ("SELECT $x$secret", Postgres, "SELECT ?…"),
        ("SELECT 1 -- secret\n+ 2 /* secret */ # no", Postgres, "SELECT ? + ? # no"),
        ("SELECT 1 -- secret\r+ 2", Postgres, "SELECT ? + ?"),
        ("SELECT 1 # secret\n+ 2", MySql, "SELECT ? + ?"),
        ("SELECT 1 # it's\n+ 'secret'", Any, "SELECT ?…"),
        ("SELECT 1 --'se\ncret'", MySql, "SELECT ? --?"),
        ("SELECT 1 --'se\ncret'", Any, "SELECT ? -…"),
        ("SELECT /* a /* b */ secret */ 1", Postgres, "SELECT…"),
        ("/*/", Any, ""),
        ("/*/ x */ SELECT 1", Any, "SELECT ?"),
        ("/*/*/ secret */*/ SELECT 1", Postgres, "…"),
        ("SELECT /*!40001 SQL_NO_CACHE */ 1 /*! + 'a*/secret' */", MySql, "SELECT ?…"),
        ("SELECT $$ ' $$ secret '", Any, "SELECT ?…"),
        ("SELECT q'[it's secret]'", Any, "SELECT…"),
        ("SELECT [it's], 'secret'", Any, "SELECT…"),
        ("SELECT ` 'secret' `", Postgres, "SELECT ` ? `"),
        ("SELECT `name` FROM t", Any, "SELECT `name` FROM t"),
        ("SELECT 'secret", Any, "SELECT ?"),
        ("SELECT X'ab', N'secret'", Any, "SELECT ?, ?"),
        ("SELECT 1\0secret", Any, "SELECT ?…"),
        ("SELECT \"\"", Postgres, "SELECT \"\""),
        ("SELECT ``", Any, "SELECT ``"),
        ("", Any, ""),
    ] {
        assert_eq!(fingerprint(statement, dialect), expected, "{statement:?} for {dialect:?}");
    }
    let long = format!("SELECT {}", "a, ".repeat(5000));
    let text = fingerprint(&long, Any);
    assert!(text.len() <= MAX_STATEMENT + 8 && text.ends_with('…'), "{} bytes", text.len());
}

/// Whatever it is given it ends, and shows no more than came in.
#[test]
fn any_bytes_are_survived() {
    let pieces = [
        "'", "\"", "`", "$", "$a$", "--", "/*", "*/", "#", "[", "]", "\\", "e", "E'", "1", ".",
        " ", "\n", "\r", "é", "q'", "/*!", "\0", "x",
    ];
    let mut seed = 42u64;
    for _ in 0..20_000 {
        let mut statement = String::new();
        for _ in 0..8 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            statement.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
        }
        for dialect in [Any, Postgres, MySql] {
            let text = fingerprint(&statement, dialect);
            assert!(text.len() <= 2 * statement.len() + 4, "{statement:?} is {text:?}");
        }
    }
}
