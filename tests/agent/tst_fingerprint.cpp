// SPDX-License-Identifier: GPL-3.0-or-later
// The table of the agents for other languages; see fingerprint.rs and parts_test.go.
#include "core/agent/fingerprint.h"
#include "core/wire/limits.h"

#include <QTest>

#include <array>
#include <random>

using namespace poolscope;

class TestFingerprint : public QObject
{
    Q_OBJECT
private slots:
    void literalsGo();
    void longOnesEnd();
    void cutAnywhereShowsNoLiteral();
    void anyBytesAreSurvived();
    void dialectOfAnAddress();
};

void TestFingerprint::literalsGo()
{
    struct Case
    {
        std::string_view statement;
        Dialect dialect;
        std::string_view expected;
    };
    constexpr auto any = Dialect::any;
    constexpr auto postgres = Dialect::postgresql;
    constexpr auto mysql = Dialect::mysql;
    using namespace std::string_view_literals;
    const std::array cases = std::to_array<Case>({
        {"SELECT * FROM t1 WHERE id = 42", any, "SELECT * FROM t1 WHERE id = ?"},
        {"  SELECT\n\t1.5e-3 ,0x1F", any, "SELECT ? ,?"},
        {"SELECT 'it''s', $1 FROM \"Tab\"", postgres, "SELECT ?, $1 FROM \"Tab\""},
        {"SELECT \"secret\"", mysql, "SELECT ?"},
        {"SELECT \"secret\"", any, "SELECT ?"},
        {R"(SELECT 'a\'secret' FROM t)", mysql, "SELECT ?…"}, // NO_BACKSLASH_ESCAPES may be set
        {R"(INSERT INTO t VALUES ('C:\', 'secret'))", mysql, "INSERT INTO t VALUES (?…"},
        {R"(SELECT E'a\'secret' FROM t)", any, "SELECT ?…"},
        {R"(SELECT 'a\'secret' FROM t)", any, "SELECT ?…"},
        {R"(SELECT 'a\' FROM t WHERE x = 'secret')", postgres, "SELECT ?…"},
        {R"(SELECT E'a\'secret' FROM t)", postgres, "SELECT ? FROM t"},
        {R"(SELECT 'C:\\' FROM t)", postgres, "SELECT ? FROM t"},
        {"SELECT $$secret$$, $x$se$$cret$x$", postgres, "SELECT ?, ?"},
        {"SELECT $x$secret", postgres, "SELECT ?…"},
        {"SELECT 1 -- secret\n+ 2 /* secret */ # no", postgres, "SELECT ? + ? # no"},
        {"SELECT 1 -- secret\r+ 2", postgres, "SELECT ? + ?"},
        {"SELECT 1 # secret\n+ 2", mysql, "SELECT ? + ?"},
        {"SELECT 1 # it's\n+ 'secret'", any, "SELECT ?…"},
        {"SELECT 1 --'se\ncret'", mysql, "SELECT ? --?"},
        {"SELECT 1 --'se\ncret'", any, "SELECT ? -…"},
        {"SELECT /* a /* b */ secret */ 1", postgres, "SELECT…"},
        {"/*/", any, ""},
        {"/*/ x */ SELECT 1", any, "SELECT ?"},
        {"/*/ secret", postgres, ""},
        {"/*/*/ secret */*/ SELECT 1", postgres, "…"},
        {"SELECT /*!40001 SQL_NO_CACHE */ 1 /*! + 'a*/secret' */", mysql, "SELECT ?…"},
        {"SELECT $$ ' $$ secret '", any, "SELECT ?…"},
        {"SELECT q'[it's secret]'", any, "SELECT…"},
        {"SELECT [it's], 'secret'", any, "SELECT…"},
        {"SELECT ` 'secret' `", postgres, "SELECT ` ? `"},
        {"SELECT `name` FROM t", any, "SELECT `name` FROM t"},
        {"SELECT 'secret", any, "SELECT ?"},
        {"SELECT /* secret", any, "SELECT"},
        {"SELECT X'ab', N'secret'", any, "SELECT ?, ?"},
        {"SELECT 1\0secret"sv, any, "SELECT ?…"},
        {"SELECT \"\"", postgres, "SELECT \"\""},
        {"SELECT ``", any, "SELECT ``"},
        {"SELECT ? FROM t WHERE a = $1", any, "SELECT ? FROM t WHERE a = $1"}, // is one already
        {"", any, ""},
        // Character sets whose second byte may be a backslash or a backquote: not UTF-8.
        {"SELECT '\x83\x5C\\', ' secret '"sv, mysql, "SELECT ?…"},
        {"SELECT '\x83\x5C\\', ' secret '"sv, postgres, "SELECT ?…"},
        {"SELECT a\x83` = 'secret' AND b\x83` = 1"sv, mysql, "SELECT a…"},
        {"SELECT 'é', `é` FROM été", mysql, "SELECT ?, `é` FROM été"},
        // MySQL from 9.0 on has them too.
        {"SELECT $$secret$$, $a$secret$a$", mysql, "SELECT…"},
        {"SELECT $a, a$b$c FROM t", mysql, "SELECT $a, a$b$c FROM t"},
        // A parameter for some, money for SQL Server.
        {"SELECT $12.34 FROM t", any, "SELECT…"},
        {"SELECT $12.34, $1.field FROM t", postgres, "SELECT $12?, $1.field FROM t"},
    });
    for (const Case& c : cases)
        QCOMPARE(fingerprint(c.statement, c.dialect), std::string(c.expected));
}

void TestFingerprint::longOnesEnd()
{
    std::string statement = "SELECT ";
    for (int i = 0; i < 5000; ++i)
        statement += "a, ";
    const std::string text = fingerprint(statement, Dialect::any);
    QVERIFY(text.size() <= wire::max_statement + 8 && text.ends_with("…"));
}

/// As the ring does with what is longer than it takes.
void TestFingerprint::cutAnywhereShowsNoLiteral()
{
    const std::string statement = "UPDATE t SET a = 'XaX', b = E'X\\'bX', c = $$XcX$$, d = N'XdX' "
                                  "/* XeX */ WHERE f = \"XgX\" -- XhX";
    for (std::size_t size = 0; size <= statement.size(); ++size) {
        for (const Dialect dialect : {Dialect::any, Dialect::mysql}) {
            const std::string text = fingerprint(statement.substr(0, size), dialect);
            QVERIFY2(text.find('X') == std::string::npos || dialect == Dialect::mysql,
                     text.c_str());
            QVERIFY2(text.find("Xa") == std::string::npos, text.c_str());
        }
    }
}

void TestFingerprint::anyBytesAreSurvived()
{
    constexpr std::array<std::string_view, 23> pieces{
        "'", "\"", "`", "$", "$a$", "--", "/*", "*/", "#",  "[",   "]", "\\",
        "e", "E'", "1", ".", " ",   "\n", "\r", "é",  "q'", "/*!", "x"};
    std::mt19937 random(42);
    for (int i = 0; i < 20'000; ++i) {
        std::string statement;
        for (int piece = 0; piece < 8; ++piece)
            statement += pieces[random() % pieces.size()];
        for (const Dialect dialect : {Dialect::any, Dialect::postgresql, Dialect::mysql})
            QVERIFY(fingerprint(statement, dialect).size() <= 2 * statement.size() + 4);
    }
}

void TestFingerprint::dialectOfAnAddress()
{
    QCOMPARE(dialect_of("postgresql://db:5432/shop"), Dialect::postgresql);
    QCOMPARE(dialect_of("mysql://db/shop"), Dialect::mysql);
    QCOMPARE(dialect_of("mariadb://db/shop"), Dialect::mysql);
    QCOMPARE(dialect_of("sqlite:shop.db"), Dialect::any);
    QCOMPARE(dialect_of(""), Dialect::any);
}

QTEST_APPLESS_MAIN(TestFingerprint)
#include "tst_fingerprint.moc"
