// SPDX-License-Identifier: GPL-3.0-or-later
// What stands below everything else, and of what it is silent.
#include "ui/mainwindow/statusstrip.h"
#include "ui/theme/theme.h"

#include <QLabel>
#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

TargetSummary server(unsigned id, const std::string& name, Duration clockOffset)
{
    TargetSummary target;
    target.info.id = TargetId{id};
    target.info.kind = "postgresql";
    target.info.name = name;
    target.clock_offset = clockOffset;
    return target;
}

QString clockWords(const std::vector<TargetSummary>& targets)
{
    StatusStrip strip;
    Update update;
    update.targets = targets;
    strip.setUpdate(update);
    QStringList said;
    for (const QLabel* const label : strip.findChildren<QLabel*>()) {
        if (label->text().contains(QStringLiteral("clock of")))
            said += label->text();
    }
    return said.join(QStringLiteral(" | "));
}

} // namespace

class TestStatusStrip : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { Theme::current().install(); }
    void clocks_data();
    void clocks();
    void clocksOfManyAreNotAllTold();
    void namesArePlainText();
};

void TestStatusStrip::clocks_data()
{
    QTest::addColumn<qint64>("us");
    QTest::addColumn<QString>("said");
    QTest::newRow("right") << qint64{0} << QString();
    QTest::newRow("as right as can be told") << qint64{4'900} << QString();
    QTest::newRow("ahead") << qint64{12'340}
                           << QStringLiteral("clock of shop-db +12.3 ms, corrected");
    QTest::newRow("behind") << qint64{-250'000}
                            << QStringLiteral("clock of shop-db -250.0 ms, corrected");
    QTest::newRow("far ahead") << qint64{7'200'000'000}
                               << QStringLiteral("clock of shop-db +2h 00m, corrected");
    QTest::newRow("seconds behind")
        << qint64{-3'000'000} << QStringLiteral("clock of shop-db -3.0 s, corrected");
}

void TestStatusStrip::clocks()
{
    QFETCH(qint64, us);
    QFETCH(QString, said);
    QCOMPARE(clockWords({server(1, "shop-db", std::chrono::microseconds{us})}), said);
}

void TestStatusStrip::clocksOfManyAreNotAllTold()
{
    const QString said = clockWords(
        {server(1, "a", 1s), server(2, "b", 0s), server(3, "c", 1s), server(4, "d", 1s)});
    QCOMPARE(said.count(QStringLiteral("corrected")), 2);
    QVERIFY(said.contains(QStringLiteral("clock of a ")));
    QVERIFY(said.contains(QStringLiteral("clock of c ")));
}

void TestStatusStrip::namesArePlainText()
{
    StatusStrip strip;
    Update update;
    update.targets = {server(1, "<b>x</b>\n" + std::string(500, 'y'), 1s)};
    strip.setUpdate(update);
    for (const QLabel* const label : strip.findChildren<QLabel*>()) {
        if (!label->text().contains(QStringLiteral("clock of")))
            continue;
        QCOMPARE(label->textFormat(), Qt::PlainText);
        QVERIFY(label->text().contains(QStringLiteral("<b>x</b>")));
        QVERIFY(!label->text().contains(QLatin1Char('\n')));
        QVERIFY(label->text().size() < 100);
        return;
    }
    QFAIL("the clock is not told");
}

QTEST_MAIN(TestStatusStrip)
#include "tst_statusstrip.moc"
