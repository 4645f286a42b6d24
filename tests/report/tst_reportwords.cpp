// SPDX-License-Identifier: GPL-3.0-or-later
// What the page says of things that are many, alike, far apart or left out.
#include "core/report/report.h"
#include "core/report/svg.h"
#include "tests/report/page.h"
#include "tests/report/values.h"

#include <QRegularExpression>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestReportWords : public QObject
{
    Q_OBJECT
private slots:
    void whatDiffersInANameIsNotAlike();
    void whatDiffersInNumbersIsToldOnce();
    void figuresAreOfTheMoment();
    void overMidnight();
    void wherePeopleSetTheirClocks();
    void nothingIsCutInSilence();
    void aRangeIsSaidToBeOne();
    void whereNobodyAnswered();
    void theAxisEndsWithTheRange();
    void severityInWords();
    void holdersAlikeAreToldOnce();
};

namespace {

report::Moment warning(Duration at, const char* who, const char* sentence,
                       TargetId target = process)
{
    return {start + at, MarkKind::warning, target, who, sentence};
}

report::Period alert(Duration at, const char* who, const char* sentence)
{
    report::Period period;
    period.kind = report::Period::Kind::alert;
    period.weight = report::Weight::warning;
    period.target = process;
    period.from = start + at;
    period.to = start + at + 5s;
    period.what = "pool busy";
    period.who = who;
    period.sentence = sentence;
    return period;
}

/// The text beside a name in a drawing, the first after it or the second.
QString figure(const std::string& svg, const char* name, int which)
{
    const QRegularExpression label(
        QStringLiteral(">%1</text><text [^>]*>([^<]*)</text><text [^>]*>([^<]*)<")
            .arg(QLatin1String(name)));
    return label.match(QString::fromStdString(svg)).captured(which);
}

} // namespace

void TestReportWords::whatDiffersInANameIsNotAlike()
{
    report::Incident i = bare();
    i.periods = {alert(1s, "app, pool orders1", "9 of 10 connections are used."),
                 alert(2s, "app, pool orders2", "9 of 10 connections are used.")};
    i.moments = {warning(10s, "app", "orders1 held for 30 s by cart.cpp:7"),
                 warning(11s, "app", "orders2 held for 30 s by cart.cpp:7"),
                 warning(12s, "app", "orders2 held for 30 s by cart.cpp:8"),
                 // Two targets may have the same name.
                 warning(13s, "db", "12 idle", server), warning(14s, "db", "13 idle", process)};
    const Page page = readPage(page_of(i));
    QVERIFY2(!page.text.contains(QLatin1String("more like it")), qPrintable(page.text));
    for (const char* const told : {"pool orders1", "pool orders2", "orders1 held", "orders2 held",
                                   "cart.cpp:8", "12 idle", "13 idle"})
        QVERIFY2(page.text.contains(QLatin1String(told)), told);
}

void TestReportWords::whatDiffersInNumbersIsToldOnce()
{
    report::Incident i = bare();
    i.moments = {warning(10s, "app", "4711 of shop-api idle in transaction for 30 s"),
                 warning(11s, "app", "4712 of shop-api idle in transaction for 1 min 2 s"),
                 warning(12s, "app", "1\u2009204 of shop-api idle in transaction for 5 min")};
    for (const char* const note : {"call 1", "call 2"})
        i.moments.push_back({start + 20s, MarkKind::note, TargetId{}, {}, note});
    const Page page = readPage(page_of(i));
    QVERIFY2(
        page.text.contains(QLatin1String("for 30 s (and 2 more like it, the last at 14:28:52)")),
        qPrintable(page.text));
    QVERIFY(!page.text.contains(QLatin1String("4712")));
    // What somebody wrote is nobody else's.
    QVERIFY(page.text.contains(QLatin1String("call 1")));
    QVERIFY(page.text.contains(QLatin1String("call 2")));
}

void TestReportWords::figuresAreOfTheMoment()
{
    const report::Calendar utc{true};
    const std::vector<report::Period> none;
    const report::Axis axis{utc, start, start + 100s, start + 50s, &none, 1};
    report::PoolCounts pool = connections({process, Text{"orders"}, {pool_point(0s, 5, 9)}});
    pool.then = pool_point(50s, 3, 0);
    pool.most_used = 5;
    pool.most_pending = 17;
    pool.timeouts = 4;
    const std::string drawn = report::pool_chart(pool, "orders", axis);
    QCOMPARE(figure(drawn, "in use", 1), QStringLiteral("3"));
    QCOMPARE(figure(drawn, "in use", 2), QStringLiteral("5"));
    QCOMPARE(figure(drawn, "waiting", 1), QStringLiteral("0"));
    QCOMPARE(figure(drawn, "waiting", 2), QStringLiteral("17"));
    QCOMPARE(figure(drawn, "idle", 2), QStringLiteral("not reported"));
    QVERIFY(drawn.find("timed out</text><text") != std::string::npos);
    report::SessionCounts counts = sessions({point(0s, 9)});
    counts.then = point(50s, 2);
    counts.most[static_cast<std::size_t>(SessionState::active)] = 12;
    const std::string states = report::sessions_chart(counts, "shop", axis);
    QCOMPARE(figure(states, "active", 1), QStringLiteral("2"));
    QCOMPARE(figure(states, "active", 2), QStringLiteral("12"));
    // Not seen at the moment: no made-up zero.
    counts.then.reset();
    QCOMPARE(figure(report::sessions_chart(counts, "shop", axis), "active", 1),
             QStringLiteral("-"));
}

void TestReportWords::overMidnight()
{
    report::Incident i = bare();
    i.sessions = {sessions({point(0s, 3)})};
    const Timestamp night = timestamp_from_us(1'763'769'540'000'000); // 23:59:00 UTC
    i.from = night;
    i.to = night + 5min;
    i.moment = night + 1min;
    i.notes = {{night + 30s, "before"}, {night + 90s, "after"}};
    i.actions = {{night + 100s, "db", "terminate 1", "", "accepted", ""}};
    i.moments = {{night + 2min, MarkKind::warning, server, "db", "late"}};
    const std::string html = page_of(i);
    const Page page = readPage(html);
    for (const char* const told : {"11-21 23:59:30", "11-22 00:00:30", "11-22 00:00:40",
                                   "11-22 00:01:00", "2025-11-21 23:59:00 to 2025-11-22 00:04:00"})
        QVERIFY2(page.text.contains(QLatin1String(told)), qPrintable(page.text));
    // On the axis too.
    QVERIFY(html.find("text-anchor=\"middle\">11-22</text>") != std::string::npos);
    // On one day nobody needs it.
    i.from = i.moment = night + 1min;
    const Page day = readPage(page_of(i));
    QVERIFY(day.text.contains(QLatin1String("00:00:30")));
    QVERIFY(!day.text.contains(QLatin1String("11-22 00:00:30")));
}

void TestReportWords::wherePeopleSetTheirClocks()
{
    const QByteArray before = qgetenv("TZ");
    qputenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");
    tzset();
    report::Incident i = bare();
    i.from = timestamp_from_us(1'761'438'600'000'000); // 2025-10-26 00:30 UTC
    i.to = i.moment = i.from + 1h;
    const Page page = readPage(page_of(i, false));
    if (before.isNull())
        qunsetenv("TZ");
    else
        qputenv("TZ", before);
    tzset();
    QVERIFY2(page.text.contains(
                 QLatin1String("2025-10-26 02:30:00 (UTC+02:00) to 02:30:00 (UTC+01:00), 1 h")),
             qPrintable(page.text.left(300)));
}

void TestReportWords::nothingIsCutInSilence()
{
    report::Incident i = bare();
    i.sessions = {sessions({point(0s, 3)})};
    report::Leak leak;
    report::Holding holding;
    holding.tags.resize(15, {"key", "value"});
    leak.holders = {holding};
    i.leaks = {leak};
    i.trees = {{}};
    i.leaks_left_out = 7;
    i.trees_left_out = 8;
    i.sessions_left_out = 9;
    i.pools_left_out = 1;
    const Page page = readPage(page_of(i));
    for (const char* const told :
         {"7 more are not listed.", "8 more are not listed.",
          "9 servers that came less near their maximum are not drawn.",
          "1 pool that came less near its maximum is not drawn.", "key = value, and 3 more"})
        QVERIFY2(page.text.contains(QLatin1String(told)), told);
}

void TestReportWords::aRangeIsSaidToBeOne()
{
    report::Incident i = bare();
    i.cut = true;
    const Page page = readPage(page_of(i));
    QVERIFY(page.text.contains(QLatin1String("None from Poolscope in this time.")));
    QVERIFY(page.text.contains(QLatin1String("Nobody took notes of this time.")));
    QVERIFY(!page.text.contains(QLatin1String("while it was recorded")));
}

void TestReportWords::whereNobodyAnswered()
{
    report::Incident i = bare();
    const Page page = readPage(page_of(i));
    QCOMPARE(page.text.count(QLatin1String("Not known: no target answered at that moment.")), 2);
    QVERIFY(!page.text.contains(QLatin1String("Nothing was held longer")));
    i.targets[0].up = true;
    const Page seen = readPage(page_of(i));
    QVERIFY(seen.text.contains(QLatin1String("Nothing was held longer")));
    QVERIFY(seen.text.contains(QLatin1String("No session waited for another")));
}

void TestReportWords::theAxisEndsWithTheRange()
{
    report::Incident i = bare();
    i.sessions = {sessions({point(500ms, 3)})};
    i.from = start + 500ms;
    i.to = i.moment = start + 5500ms;
    const Page page = readPage(page_of(i));
    QVERIFY(page.text.contains(QLatin1String("14:28:45")));
    QVERIFY(!page.text.contains(QLatin1String("14:28:46")));
}

void TestReportWords::severityInWords()
{
    report::Incident i = bare();
    i.periods = {alert(1s, "app", "busy"), alert(2s, "app", "full"), alert(3s, "app", "why")};
    i.periods[1].weight = report::Weight::critical;
    i.periods[1].to.reset();
    i.periods[2].kind = report::Period::Kind::diagnosis;
    i.periods[2].weight = report::Weight::critical;
    const Page page = readPage(page_of(i));
    for (const char* const told :
         {"warning alert", "critical alert", "critical: begins", "busy It lasted 5 s.",
          "full Still firing at the end.", "pool busy, after 5 s."})
        QVERIFY2(page.text.contains(QLatin1String(told)), qPrintable(page.text));
}

void TestReportWords::holdersAlikeAreToldOnce()
{
    report::Incident i = bare();
    report::Leak leak;
    leak.kind = "session";
    leak.sentence = "4 sessions held without work.";
    const auto held = [](const char* pid, Duration age, std::vector<std::string> evidence,
                         const char* statement) {
        report::Holding holding;
        holding.id = pid;
        holding.age = age;
        holding.session =
            std::string{pid} + " shop, idle in transaction for " + format_duration_prose(age);
        holding.evidence = std::move(evidence);
        holding.statement = statement;
        return holding;
    };
    leak.holders = {
        held("1", 60s, {"Idle for 1 min.", "3 sessions wait behind it."}, "SELECT\n  1"),
        held("2", 50s, {"Idle for 50 s.", "3 sessions wait behind it."}, "SELECT\n  1"),
        held("3", 40s, {"Idle for 40 s.", "4 sessions wait behind it."}, "SELECT\n  2"),
        held("4", 30s, {"Idle for 29 s."}, "SELECT\n  2")};
    i.leaks = {leak};
    const std::string html = page_of(i);
    const QString text = readPage(html).text;
    QCOMPARE(text.count(QLatin1String("3 sessions wait behind it.")), 1);
    QCOMPARE(text.count(QLatin1String("4 sessions wait behind it.")), 1);
    QVERIFY(!text.contains(QLatin1String("Idle for 50 s.")));
    QVERIFY(text.contains(QLatin1String("Idle for 29 s."))); // not its age
    QCOMPARE(text.count(QLatin1String("idle in transaction for ")), 4);
    QVERIFY(!text.contains(QLatin1String("held for")));
    // As it was written, then in short.
    QVERIFY(html.find("<pre>SELECT\n  1</pre>") != std::string::npos);
    QVERIFY(html.find("<pre>SELECT 2</pre>") != std::string::npos);
    QCOMPARE(text.count(QLatin1String("SELECT")), 2);
    QVERIFY(text.contains(QLatin1String("What is not said of one is as of the one above it.")));
}

QTEST_APPLESS_MAIN(TestReportWords)
#include "tst_reportwords.moc"
