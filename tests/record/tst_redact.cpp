// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/reader.h"
#include "core/record/redact.h"
#include "core/record/writer.h"
#include "tests/record/stream.h"

#include <QTest>

#include <fstream>

using namespace poolscope;
using namespace poolscope::test;

class Redact : public QObject
{
    Q_OBJECT

private slots:
    void statements_data();
    void statements();
    void otherDialects_data();
    void otherDialects();
    void nothingOfALiteralReachesTheFile();
};

void Redact::statements_data()
{
    QTest::addColumn<QString>("statement");
    QTest::addColumn<QString>("expected");
    const auto row = [](const char* statement, const char* expected) {
        QTest::newRow(statement) << QString::fromUtf8(statement) << QString::fromUtf8(expected);
    };
    row("SELECT * FROM t WHERE id = 42 AND name = 'x'",
        "SELECT * FROM t WHERE id = ? AND name = ?");
    row("SELECT 'it''s', E'a\\'b', U&'d\\0061t', B'01', x'1F'", "SELECT ?, ?, ?, ?, ?");
    row("SELECT e'\\\\', 'secret'", "SELECT ?, ?");
    row("SELECT 'unfinished secret", "SELECT ?");
    row("SELECT E'secret\\", "SELECT ?");
    row("SELECT $1, $22 FROM t2", "SELECT $1, $22 FROM t2");
    row("SELECT $$se'cret$$, $a$ $$ secret $a$, 1", "SELECT ?, ?, ?");
    row("DO $body$ secret", "DO ?");
    row("SELECT 1 -- secret\n, 2", "SELECT ? \n, ?");
    row("SELECT /* a /* secret */ b */ 3", "SELECT   ?");
    row("SELECT 1 /* secret", "SELECT ?  ");
    row("SELECT 4.2e-10, .5, 0x2A, 1_000, -7", "SELECT ?, ?, ?, ?, -?");
    row("SELECT a1, t2.b3, \"odd 1\" FROM c4$5", "SELECT a1, t2.b3, \"odd 1\" FROM c4$5");
    row("SELECT \"cut 12", "SELECT ?");
    row("SELECT \xC3\xA4 FROM \xC3\xBC"
        "9 WHERE a=9",
        "SELECT \xC3\xA4 FROM \xC3\xBC"
        "9 WHERE a=?");
    row("SELECT a FROM t WHERE a = 'it\\'s secret' AND b = 1", "SELECT a FROM t WHERE a = ?");
    row("SELECT a FROM t WHERE a LIKE 'x\\%' ESCAPE '\\' AND b = 1",
        "SELECT a FROM t WHERE a LIKE ? ESCAPE ? AND b = ?");
    row("SELECT escape = '\\' OR ' secret", "SELECT escape = ?");
    row("SELECT d #>> '{a,\nsecret}' FROM t", "SELECT d #>> ? FROM t");
    row("", "");
    row("<insufficient privilege>", "<insufficient privilege>");
    row("SELECT 1;SELECT 'a'", "SELECT ?;SELECT ?");
    row("LIMIT 5OFFSET 6", "LIMIT ? ?");
}

void Redact::statements()
{
    QFETCH(QString, statement);
    QFETCH(QString, expected);
    QCOMPARE(QString::fromStdString(redact_statement(statement.toStdString())), expected);
}

/// Of MySQL, and of what may be it.
void Redact::otherDialects_data()
{
    QTest::addColumn<QString>("statement");
    QTest::addColumn<QString>("expected");
    const auto row = [](const char* statement, const char* expected) {
        QTest::newRow(statement) << QString::fromUtf8(statement) << QString::fromUtf8(expected);
    };
    row("SELECT `a b` FROM t WHERE n = \"secret\" AND m = 'x'",
        "SELECT `a b` FROM t WHERE n = ? AND m = ?");
    row("SELECT \"it's\", \"say \"\"secret\"\"\", 1", "SELECT ?, ?, ?");
    row("SELECT 'it\\'s secret' FROM t", "SELECT ?");
    row("SELECT 'a\\', 'secret'", "SELECT ?");
    row("SELECT 1 # hidden\n, 2", "SELECT ? \n, ?");
    row("SELECT 1 # it's hidden\n, 2", "SELECT ? ?");
    row("SELECT \"secret", "SELECT ?");
    row("SELECT a1 FROM t WHERE b = 4", "SELECT a1 FROM t WHERE b = ?");
    row("SELECT `customer's` FROM t WHERE owner = 'secret'", "SELECT ?");
    row("SELECT `cut off 'secret'", "SELECT ?");
    row("SELECT [it's] FROM t WHERE owner = 'secret'", "SELECT ?");
    row("SELECT a[1] FROM [b c] WHERE d = 'secret'", "SELECT a[?] FROM [b c] WHERE d = ?");
    row("SELECT 5 --'1\nsecret' FROM t", "SELECT ? ?");
    row("SELECT 5 --1\n+ 'secret'", "SELECT ? \n+ ?");
    row("SELECT 5 -- it's a comment\n+ 'secret'", "SELECT ? \n+ ?");
    row("SELECT d #>> '{a,\nsecret}' FROM t", "SELECT d ?");
    row("SELECT $x$ = '$x$secret'", "SELECT ?");
    row("SELECT $x$ = 1, $x$ = 'secret'", "SELECT ? = ?");
}

void Redact::otherDialects()
{
    QFETCH(QString, statement);
    QFETCH(QString, expected);
    QCOMPARE(QString::fromStdString(redact_statement(statement.toStdString(), SqlDialect::unknown)),
             expected);
}

void Redact::nothingOfALiteralReachesTheFile()
{
    const Folder folder;
    auto original = Stream{61, {1, 10, 0.5, true, false}}.take(300);
    for (Observation& o : original) {
        if (auto* const sample = std::get_if<ServerSample>(&o.what)) {
            for (Session& s : sample->changed)
                s.statement = Text{"SELECT pay FROM staff WHERE name = 'Rumpelstilzchen' -- hush"};
        } else if (auto* const pools = std::get_if<PoolSample>(&o.what)) {
            for (Checkout& c : pools->changed) {
                c.statement = Text{"SELECT fee FROM staff WHERE name = 'Rumpelstilzchen' -- hush"};
                c.acquired_by = Text{"GET /item/7"};
            }
            for (PreparedStatements& p : pools->prepared)
                p.statement = Text{"SELECT tax FROM staff WHERE name = 'Rumpelstilzchen' -- hush"};
        }
    }
    WriterOptions options;
    options.redact = true;
    QCOMPARE(record_all(folder / "a.poolrec", original, options), std::string{});
    std::ifstream in{folder / "a.poolrec", std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>{in}, {}};
    QVERIFY(bytes.find("Rumpelstilzchen") == std::string::npos);
    QVERIFY(bytes.find("hush") == std::string::npos);
    QVERIFY(bytes.find("SELECT pay FROM staff WHERE name = ?") != std::string::npos);
    QVERIFY(bytes.find("SELECT fee FROM staff WHERE name = ?") != std::string::npos);
    QVERIFY(bytes.find("SELECT tax FROM staff WHERE name = ?") != std::string::npos);
    QVERIFY(bytes.find("GET /item/7") != std::string::npos);

    for (Observation& o : original) {
        if (auto* const sample = std::get_if<ServerSample>(&o.what)) {
            for (Session& s : sample->changed)
                s.statement = Text{redact_statement(s.statement.str())};
        } else if (auto* const pools = std::get_if<PoolSample>(&o.what)) {
            for (Checkout& c : pools->changed)
                c.statement = Text{redact_statement(c.statement.str())};
            for (PreparedStatements& p : pools->prepared)
                p.statement = Text{redact_statement(p.statement.str())};
        }
    }
    QVERIFY(read_file(folder / "a.poolrec") == original);
    QVERIFY(RecordingReader::open(folder / "a.poolrec").value()->info().value().redacted);
}

QTEST_APPLESS_MAIN(Redact)
#include "tst_redact.moc"
