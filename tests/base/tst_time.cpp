// SPDX-License-Identifier: Apache-2.0
#include "core/base/time.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

class TestTime : public QObject
{
    Q_OBJECT
private slots:
    void isoRoundTrips_data();
    void isoRoundTrips();
    void isoReadsVariants();
    void isoRefusesNonsense_data();
    void isoRefusesNonsense();
    void durations();
    void cells();
    void prose();
};

void TestTime::isoRoundTrips_data()
{
    QTest::addColumn<qint64>("us");
    for (const qint64 us : {0LL, 1LL, -1LL, 1763735320412000LL, 4102444800000000LL})
        QTest::addRow("%lld", us) << us;
}

void TestTime::isoRoundTrips()
{
    QFETCH(qint64, us);
    const Timestamp time = timestamp_from_us(us);
    const auto read = parse_iso8601(format_iso8601(time));
    QVERIFY(read.has_value());
    QCOMPARE(to_us(*read), us);
}

void TestTime::isoReadsVariants()
{
    const auto expected = parse_iso8601("2026-11-21T14:28:40.412000Z");
    QVERIFY(expected.has_value());
    QCOMPARE(QString::fromStdString(format_iso8601(*expected)),
             QStringLiteral("2026-11-21T14:28:40.412000Z"));
    for (const char* text : {"2026-11-21 14:28:40.412", "2026-11-21T15:28:40.412+01",
                             "2026-11-21T15:58:40.412+01:30", "2026-11-21T12:28:40.412-0200",
                             "2026-11-21t14:28:40,412z", "2026-11-21T14:28:40.4120009Z"})
        QCOMPARE(parse_iso8601(text), expected);
    QCOMPARE(parse_iso8601("2026-11-21"), parse_iso8601("2026-11-21T00:00:00Z"));
    QCOMPARE(parse_iso8601("2026-11-21T14:28"), parse_iso8601("2026-11-21T14:28:00Z"));
}

void TestTime::isoRefusesNonsense_data()
{
    QTest::addColumn<QByteArray>("text");
    for (const char* text : {"", "x", "2026", "2026-13-01", "2026-02-30", "2026-01-01T25:00:00",
                             "2026-01-01T10:61", "2026-01-01T10:00:00.", "2026-01-01T10:00:00Zx",
                             "2026-01-01T10:00:00+", "-026-01-01", "2026-01-01T1:00:00"})
        QTest::addRow("<%s>", text) << QByteArray(text);
}

void TestTime::isoRefusesNonsense()
{
    QFETCH(QByteArray, text);
    QVERIFY(!parse_iso8601(std::string_view{text.constData(), size_t(text.size())}).has_value());
}

void TestTime::durations()
{
    QCOMPARE(parse_duration("500ms"), std::optional<Duration>(500ms));
    QCOMPARE(parse_duration("30s"), std::optional<Duration>(30s));
    QCOMPARE(parse_duration("10m"), std::optional<Duration>(10min));
    QCOMPARE(parse_duration("2h"), std::optional<Duration>(2h));
    QCOMPARE(parse_duration("0s"), std::optional<Duration>(0s));
    for (const char* bad : {"", "s", "10", "-1s", "1.5s", "1 s", "10x", "99999999999999999999s",
                            "9223372036854775807h", "4000d"})
        QVERIFY2(!parse_duration(bad), bad);
}

void TestTime::cells()
{
    const auto cell = [](Duration d) {
        return QString::fromStdString(format_duration_cell(d));
    };
    QCOMPARE(cell(400us), QStringLiteral("0.4 ms"));
    QCOMPARE(cell(999999us), QStringLiteral("999.9 ms"));
    QCOMPARE(cell(48s), QStringLiteral("48.0 s"));
    QCOMPARE(cell(59999999us), QStringLiteral("59.9 s"));
    QCOMPARE(cell(6min + 12s), QStringLiteral("6m 12s"));
    QCOMPARE(cell(2h + 5min), QStringLiteral("2h 05m"));
    QCOMPARE(cell(76h), QStringLiteral("3d 04h"));
    QCOMPARE(cell(-5s), QStringLiteral("0.0 ms"));
}

void TestTime::prose()
{
    const auto prose = [](Duration d) {
        return QString::fromStdString(format_duration_prose(d));
    };
    QCOMPARE(prose(6min + 12s), QStringLiteral("6 min 12 s"));
    QCOMPARE(prose(5min), QStringLiteral("5 min"));
    QCOMPARE(prose(30s), QStringLiteral("30 s"));
    QCOMPARE(prose(2h), QStringLiteral("2 h"));
    QCOMPARE(prose(76h), QStringLiteral("3 d 4 h"));
}

QTEST_APPLESS_MAIN(TestTime)
#include "tst_time.moc"
