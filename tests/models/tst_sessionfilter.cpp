// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/updates.h"
#include "ui/models/formatter.h"
#include "ui/models/sessionfilter.h"

#include <QTest>

using namespace poolscope;
using poolscope::support::SyntheticUpdates;

class SessionFilterTest : public QObject
{
    Q_OBJECT
private slots:
    void aTextReadsBackAsThatText_data()
    {
        QTest::addColumn<QString>("text");
        for (const char* text :
             {"shop:read", "-api", "select 1", "age>5m", "blocked", "a\"b\\", "*", "billing"})
            QTest::newRow(text) << QString::fromLatin1(text);
    }
    void aTextReadsBackAsThatText()
    {
        QFETCH(QString, text);
        const auto parsed = SessionFilter::parse(SessionFilter::ofText(text));
        QVERIFY2(parsed.error.isEmpty(), qPrintable(parsed.error));
        SessionRow row;
        row.session.statement = Text{"x " + text.toUpper().toStdString() + " y"};
        QVERIFY(parsed.filter.matches(row, Timestamp{}));
        row.session.statement = Text{"something else: api, 5m"};
        QVERIFY(!parsed.filter.matches(row, Timestamp{}));
    }

    void matches_data();
    void matches();
    void errors_data();
    void errors();
    void likeThisReadsBack();
    void formats();
};

void SessionFilterTest::matches_data()
{
    QTest::addColumn<QString>("filter");
    QTest::addColumn<bool>("expected");
    const auto row = [](const char* filter, bool expected) {
        QTest::addRow("%s", filter) << QString::fromUtf8(filter) << expected;
    };
    row("", true);
    row("SHOP-api", true);
    row("for update", true);
    row("\"for update\"", true);
    row("billing", false);
    row("-billing", true);
    row("4821", true);
    row("pid:48213", true);
    row("pid:1,48213", true);
    row("pid:4821", false);
    row("state:idle_in_transaction", true);
    row("state:idle_in_transaction*", true);
    row("state:waiting,idle*", true);
    row("state:idle", false);
    row("-state:idle", true);
    row("app:shop", true);
    row("app:\"shop\"", false);
    row("app:\"Shop-API\"", true);
    row("app:s*i", true);
    row("user:shop db:shop", true);
    row("client:10.20.", true);
    row("age>5m", true);
    row("age>10m", false);
    row("age<10m", true);
    row("tx>30s", true);
    row("blocking", true);
    row("blocked", false);
    row("-blocked", true);
    row("state:idle_in_transaction* age>5m app:\"shop-api\"", true);
}

void SessionFilterTest::matches()
{
    QFETCH(QString, filter);
    QFETCH(bool, expected);
    SyntheticUpdates updates;
    SessionRow& row = updates.put(48213, SessionState::idle_in_transaction, "shop-api",
                                  std::chrono::seconds{372});
    row.blocks = 14;
    const auto parsed = SessionFilter::parse(filter);
    QCOMPARE(parsed.error, QString());
    QCOMPARE(parsed.filter.matches(row, updates.now()), expected);
}

void SessionFilterTest::errors_data()
{
    QTest::addColumn<QString>("filter");
    QTest::addColumn<QString>("says");
    QTest::newRow("field") << QStringLiteral("stat:x") << QStringLiteral("not a field");
    QTest::newRow("state") << QStringLiteral("state:sleeping") << QStringLiteral("no state");
    QTest::newRow("pid") << QStringLiteral("pid:abc") << QStringLiteral("number");
    QTest::newRow("age") << QStringLiteral("age>5 minutes") << QStringLiteral("duration");
    QTest::newRow("quote") << QStringLiteral("app:\"shop") << QStringLiteral("not closed");
    QTest::newRow("nothing") << QStringLiteral("app:") << QStringLiteral("value");
}

void SessionFilterTest::errors()
{
    QFETCH(QString, filter);
    QFETCH(QString, says);
    const QString error = SessionFilter::parse(filter).error;
    QVERIFY2(error.contains(says), qPrintable(error));
}

void SessionFilterTest::likeThisReadsBack()
{
    for (const char* name :
         {"shop-api", "a \"quoted\" \\ name", "", "<b>x</b> state:idle", "две\nline"}) {
        SyntheticUpdates updates;
        const SessionRow row =
            updates.put(1, SessionState::idle_in_transaction, name, std::chrono::seconds{372});
        const SessionRow other =
            updates.put(2, SessionState::idle_in_transaction, "x", std::chrono::seconds{372});
        const auto parsed = SessionFilter::parse(SessionFilter::likeThis(row.session));
        QCOMPARE(parsed.error, QString());
        QVERIFY2(parsed.filter.matches(row, updates.now()), name);
        QVERIFY(!parsed.filter.matches(other, updates.now()));
        QVERIFY(parsed.filter.dependsOnTime());
    }
}

void SessionFilterTest::formats()
{
    QCOMPARE(Formatter::count(0), QStringLiteral("0"));
    QCOMPARE(Formatter::count(999), QStringLiteral("999"));
    QCOMPARE(Formatter::count(2310), QStringLiteral("2\u2009310"));
    QCOMPARE(Formatter::count(-1234567), QStringLiteral("-1\u2009234\u2009567"));
    QCOMPARE(Formatter::ofLimit(20, 20), QStringLiteral("20/20"));
    QCOMPARE(Formatter::ofLimit(20, std::nullopt), QStringLiteral("20"));
    const Formatter utc(true);
    const Timestamp t = *parse_iso8601("2026-11-21T14:28:40.412Z");
    QCOMPARE(utc.instant(t, t), QStringLiteral("14:28:40"));
    QCOMPARE(utc.instantExact(t, t), QStringLiteral("14:28:40.412"));
    QCOMPARE(utc.instant(t, t + std::chrono::hours{24}), QStringLiteral("2026-11-21 14:28:40"));
}

QTEST_GUILESS_MAIN(SessionFilterTest)
#include "tst_sessionfilter.moc"
