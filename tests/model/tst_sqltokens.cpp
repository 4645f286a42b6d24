// SPDX-License-Identifier: GPL-3.0-or-later
// The pieces of a statement, as each dialect reads them; nothing of it is lost.
#include "core/model/sqltokens.h"

#include <QString>
#include <QTest>

#include <random>
#include <string>

using namespace poolscope;

namespace {

/// "word|space|number"; without the spaces.
QString parts_of(const std::string& statement, SqlDialect dialect, bool careful = false)
{
    static constexpr const char* names[]{"space", "line",   "comment",   "word", "name",
                                         "text",  "number", "parameter", "sign"};
    QString parts;
    SqlTokens tokens{statement, dialect, careful};
    while (!tokens.ended()) {
        const SqlToken token = tokens.next();
        if (token.part != SqlPart::space)
            parts += QString::fromLatin1(parts.isEmpty() ? "" : "|") +
                     QString::fromLatin1(names[static_cast<std::size_t>(token.part)]);
    }
    return parts;
}

} // namespace

class TestSqlTokens : public QObject
{
    Q_OBJECT
private slots:
    void pieces_data();
    void pieces();
    void whatASettingDecides();
    void nothingIsLost();
    void kindsOfTargets();
};

void TestSqlTokens::pieces_data()
{
    QTest::addColumn<QString>("statement");
    QTest::addColumn<QString>("postgres");
    QTest::addColumn<QString>("mysql");
    QTest::addColumn<QString>("unknown");
    const auto row = [](const char* statement, const char* postgres, const char* mysql,
                        const char* unknown) {
        QTest::newRow(statement) << QString::fromUtf8(statement) << QString::fromUtf8(postgres)
                                 << QString::fromUtf8(mysql) << QString::fromUtf8(unknown);
    };
    const auto all = [&](const char* statement, const char* parts) {
        row(statement, parts, parts, parts);
    };
    all("a1 = 42", "word|sign|number");
    all("'it''s' b", "text|word");
    all("x'1F', N'n', 4.2e-1", "text|sign|text|sign|number");
    all("/* a */ b -- c", "comment|word|line");
    all("a 'cut", "word|text");
    all("a /* cut", "word|comment");
    row("\"a b\" c", "name|word", "text|word", "text|word");
    row("\"cut", "text", "text", "text");
    row("`a b` c", "sign|word|word|sign|word", "name|word", "name|word");
    row("`it's` c", "sign|word|text", "name|word", "text");
    row("'a\\' b", "text|word", "text", "text");
    row("'a\\'bc' d", "text|word|text", "text|word", "text");
    row("E'a\\'b' c", "text|word", "text|word", "text|word");
    row("U&'d' e", "text|word", "text|word", "text|word");
    row("a # b\nc", "word|sign|word|word", "word|line|word", "word|line|word");
    row("a # it's\nc", "word|sign|word|text", "word|line|word", "word|text");
    row("5 --1\nc", "number|line|word", "number|sign|sign|number|word", "number|line|word");
    row("5 --'1' c", "number|line", "number|sign|sign|text|word", "number|text");
    row("5 --\tb\nc", "number|line|word", "number|line|word", "number|line|word");
    row("/* a /* b */ c */ d", "comment|word", "comment|word|sign|sign|word", "comment|word");
    row("$1 a", "parameter|word", "word|word", "parameter|word");
    row("$$it's$$ a", "text|word", "word|text", "text");
    row("$x$ b $x$ a", "text|word", "word|word|word|word", "text|word");
    row("$x b", "sign|word|word", "word|word", "sign|word|word");
    row("[it's] b", "sign|word|text", "sign|word|text", "text");
}

void TestSqlTokens::pieces()
{
    QFETCH(const QString, statement);
    QFETCH(const QString, postgres);
    QFETCH(const QString, mysql);
    QFETCH(const QString, unknown);
    const std::string text = statement.toStdString();
    QCOMPARE(parts_of(text, SqlDialect::postgresql), postgres);
    QCOMPARE(parts_of(text, SqlDialect::mysql), mysql);
    QCOMPARE(parts_of(text, SqlDialect::unknown), unknown);
}

/// Whether \' ends a string; but for the one place where everybody writes it so.
void TestSqlTokens::whatASettingDecides()
{
    const std::string text = "'c:\\' AND b", clause = "LIKE 'a\\%' ESCAPE '\\' AND b";
    QCOMPARE(parts_of(text, SqlDialect::postgresql), QStringLiteral("text|word|word"));
    QCOMPARE(parts_of(text, SqlDialect::postgresql, true), QStringLiteral("text"));
    for (const bool careful : {false, true})
        QCOMPARE(parts_of(clause, SqlDialect::postgresql, careful),
                 QStringLiteral("word|text|word|text|word|word"));
}

/// Whatever it is, each piece is some of it, and all are all of it.
void TestSqlTokens::nothingIsLost()
{
    std::mt19937 random(16); // NOLINT: the same each time
    const std::string letters = "'\"`$#-/*\\[] \nEUe&a1._\x80;";
    for (int i = 0; i < 20'000; ++i) {
        std::string statement;
        for (std::size_t k = random() % 24; k > 0; --k)
            statement += letters[random() % letters.size()];
        for (const SqlDialect dialect :
             {SqlDialect::postgresql, SqlDialect::mysql, SqlDialect::unknown}) {
            SqlTokens tokens{statement, dialect, i % 2 == 0};
            std::string put_together;
            while (!tokens.ended()) {
                const SqlToken token = tokens.next();
                QVERIFY2(!token.text.empty(), statement.c_str());
                put_together += token.text;
            }
            QCOMPARE(put_together, statement);
        }
    }
}

void TestSqlTokens::kindsOfTargets()
{
    QCOMPARE(sql_dialect_of("postgresql"), SqlDialect::postgresql);
    QCOMPARE(sql_dialect_of("mysql"), SqlDialect::mysql);
    QCOMPARE(sql_dialect_of("pool"), SqlDialect::unknown);
}

QTEST_APPLESS_MAIN(TestSqlTokens)
#include "tst_sqltokens.moc"
