// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgpace.h"

#include <QTest>

using namespace poolscope;

using std::chrono::milliseconds;

class TestPgPace : public QObject
{
    Q_OBJECT
private slots:
    void backsOffAndComesBack();
    void oneSlowPollIsNoTrend();
    void itIsSoonOver();
    void neverSlowerThanAMinute();
    void anotherInterval();
};

void TestPgPace::backsOffAndComesBack()
{
    PgPace pace;
    pace.set_interval(milliseconds{1000});
    for (int i = 0; i < 20; ++i)
        pace.weigh(milliseconds{150});
    QVERIFY(!pace.stretched()); // under a fifth
    for (int i = 0; i < 40; ++i)
        pace.weigh(milliseconds{700});
    // 700 ms are at most a fifth of 4 s, and more than that of 2 s.
    QCOMPARE(pace.pace(), milliseconds{4000});
    for (int i = 0; i < 40; ++i)
        pace.weigh(milliseconds{150});
    // A tenth of 2 s would be exceeded no more, that of 1 s would: no swinging to and fro.
    QCOMPARE(pace.pace(), milliseconds{2000});
    for (int i = 0; i < 40; ++i)
        pace.weigh(milliseconds{20});
    QCOMPARE(pace.pace(), milliseconds{1000});
    QVERIFY(!pace.stretched());
}

void TestPgPace::oneSlowPollIsNoTrend()
{
    PgPace pace;
    pace.set_interval(milliseconds{1000});
    for (int i = 0; i < 20; ++i)
        pace.weigh(milliseconds{5});
    pace.weigh(milliseconds{1200});
    QVERIFY(!pace.stretched());
    pace.weigh(milliseconds{5});
    pace.weigh(milliseconds{5});
    pace.weigh(std::chrono::seconds{13}); // it stood still, and is well again
    QVERIFY(!pace.stretched());
    PgPace first;
    first.set_interval(milliseconds{1000});
    first.weigh(std::chrono::seconds{13});
    QVERIFY(!first.stretched());
}

void TestPgPace::itIsSoonOver()
{
    PgPace pace;
    pace.set_interval(milliseconds{1000});
    for (int i = 0; i < 10; ++i)
        pace.weigh(milliseconds{2500});
    QVERIFY(pace.pace() >= milliseconds{8000});
    milliseconds waited{};
    while (pace.stretched()) {
        pace.weigh(milliseconds{5});
        waited += pace.pace();
    }
    QVERIFY2(waited < std::chrono::seconds{40}, qPrintable(QString::number(waited.count())));
}

void TestPgPace::neverSlowerThanAMinute()
{
    PgPace pace;
    pace.set_interval(milliseconds{1000});
    for (int i = 0; i < 100; ++i)
        pace.weigh(std::chrono::minutes{5});
    QCOMPARE(pace.pace(), milliseconds{64000});
    pace.set_interval(std::chrono::hours{9});
    pace.weigh(std::chrono::hours{1});
    QCOMPARE(pace.pace(), milliseconds{std::chrono::hours{1}});
}

void TestPgPace::anotherInterval()
{
    PgPace pace;
    pace.set_interval(milliseconds{100});
    for (int i = 0; i < 40; ++i)
        pace.weigh(milliseconds{90});
    QCOMPARE(pace.pace(), milliseconds{800});
    pace.set_interval(milliseconds{100});
    QCOMPARE(pace.pace(), milliseconds{800}); // the same one changes nothing
    pace.set_interval(milliseconds{10000});
    QCOMPARE(pace.pace(), milliseconds{10000});
    pace.set_interval(milliseconds{1});
    QCOMPARE(pace.interval(), Duration{milliseconds{100}});
    for (int i = 0; i < 40; ++i)
        pace.weigh(milliseconds{90});
    pace.forget();
    QCOMPARE(pace.pace(), milliseconds{100});
}

QTEST_GUILESS_MAIN(TestPgPace)
#include "tst_pgpace.moc"
