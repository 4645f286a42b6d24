// SPDX-License-Identifier: GPL-3.0-or-later
// The page itself, from values: what it must never hold, and what it must not draw.
#include "core/report/report.h"
#include "core/report/scene.h"
#include "core/report/svg.h"
#include "tests/analyze/incidentscene.h"
#include "tests/report/page.h"
#include "tests/report/values.h"

#include <QRegularExpression>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

const std::string hostile =
    "</title></style></pre><script>alert(1)</script><img src=x onerror='y'>&amp;\"'\x01\x1B[31m"
    "\xFF\xFE\xE2\x80\xAE]]>";

/// Every text of it is `words`.
report::Incident incident(const std::string& words)
{
    report::Incident i;
    i.file = words;
    i.from = start;
    i.to = start + 100s;
    i.moment = start + 50s;
    i.why_then = words;
    report::Target db;
    db.info = {server, words, words, words};
    db.server = true;
    db.version = words;
    db.status = words;
    report::Target app = db;
    app.info.id = process;
    app.server = false;
    app.host = words;
    i.targets = {db, app};
    report::Why why;
    why.who = why.cause = why.confidence = why.sentence = why.relief = why.prevention = why.waits =
        words;
    why.evidence = why.candidates = {words, words};
    why.since = start + 10s;
    i.diagnoses = {why, why};
    for (const auto kind : {report::Period::Kind::diagnosis, report::Period::Kind::alert,
                            report::Period::Kind::gap}) {
        report::Period period;
        period.kind = kind;
        period.weight = report::Weight::critical;
        period.target = server;
        period.from = start + 20s;
        period.to = start + 40s;
        period.what = period.who = period.sentence = words;
        i.periods.push_back(period);
    }
    for (const auto kind : {MarkKind::critical, MarkKind::warning, MarkKind::source_up,
                            MarkKind::source_down, MarkKind::note, MarkKind::action})
        i.moments.push_back(
            {start + 15s * (1 + static_cast<int>(kind)), kind, server, words, words});
    i.sessions = {sessions({point(0s, 3), point(20s, 4), point(40s, 5, true)})};
    i.pools = {connections({process, Text{words}, {pool_point(0s, 2), pool_point(30s, 5, 3)}})};
    report::Leak leak;
    leak.kind = leak.who = leak.sentence = words;
    leak.stack =
        make_stack({{Text{words}, Text{words}, 42, true}, {Text{"main"}, Text{}, 0, false}});
    report::Holding holding;
    holding.id = holding.by = holding.session = holding.statement = words;
    holding.tags = {{words, words}};
    holding.evidence = {words};
    holding.age = 31s;
    leak.holders = {holding};
    leak.more = 3;
    i.leaks = {leak};
    report::Tree tree;
    tree.who = words;
    tree.cycle = true;
    for (const int depth : {0, 1, 2, 2, 1, 3})
        tree.lines.push_back({depth, depth > 1, words, words, 2, words, words});
    i.trees = {tree};
    i.actions = {{start + 60s, words, words, words, words, words}};
    i.notes = {{start + 61s, words}};
    ConfigFinding finding;
    finding.target = process;
    finding.pool = Text{words};
    finding.setting = finding.value = finding.proposed = finding.sentence = words;
    finding.evidence = {words};
    i.findings = {finding};
    i.not_observed = {words};
    return i;
}

QString quoted(const std::string& text)
{
    return QString::fromStdString(text);
}

} // namespace

class TestReport : public QObject
{
    Q_OBJECT
private slots:
    void nothingFromOutsideIsMarkup();
    void itStandsAlone();
    void longTextsAreBounded();
    void manyThingsAreBounded();
    void theSameInputGivesTheSameBytes();
    void allSectionsAreThere();
    void findingsAreTold();
    void nothingIsSaidToBeNothing();
    void whatASlowStatementWasSeenAt();
    void aGapIsAHole();
    void aPoolThatDoesNotTellIsAHole();
    void whoWaitsStandsAboveTheMaximum();
    void localTimesAndUtc();
    void severalRecordings();
    void pointsOfOneInstant();
};

void TestReport::nothingFromOutsideIsMarkup()
{
    const std::string html = page_of(incident(hostile));
    const Page page = readPage(html);
    QCOMPARE(page.trouble, QString());
    QVERIFY(html.find("<script") == std::string::npos);
    QVERIFY(html.find("<img") == std::string::npos);
    QVERIFY(html.find('\x01') == std::string::npos);
    QVERIFY(html.find('\x1B') == std::string::npos);
    QVERIFY(html.find("\xE2\x80\xAE") == std::string::npos);
    // It is there, as text.
    QVERIFY(page.text.contains(QLatin1String("<script>alert(1)</script>")));
    // A text that would end the style of the page does not get into it.
    QCOMPARE(quoted(html).count(QLatin1String("</style>")), 1);
}

void TestReport::itStandsAlone()
{
    const std::string html = page_of(incident("orders"));
    QVERIFY(html.starts_with("<!DOCTYPE html>\n"));
    QCOMPARE(readPage(html).trouble, QString());
    QVERIFY(html.find("Content-Security-Policy\" content=\"default-src 'none'") !=
            std::string::npos);
    for (const char* const never : {"http:", "https:", "//", "src=", "href=", "<script", "@import"})
        QVERIFY2(html.find(never) == std::string::npos, never);
}

void TestReport::longTextsAreBounded()
{
    const std::string html = page_of(incident(std::string(1'000'000, 'x')));
    QCOMPARE(readPage(html).trouble, QString());
    QVERIFY2(html.size() < 150'000, qPrintable(QString::number(html.size())));
}

void TestReport::manyThingsAreBounded()
{
    report::Incident many = incident("orders");
    many.moments.resize(5000, many.moments.front());
    many.periods.resize(2000, many.periods.front());
    many.notes.resize(5000, many.notes.front());
    many.actions.resize(5000, many.actions.front());
    many.findings.resize(5000, many.findings.front());
    many.not_observed.resize(5000, "orders");
    many.diagnoses.resize(5000, many.diagnoses.front());
    const std::string html = page_of(many);
    const Page page = readPage(html);
    QCOMPARE(page.trouble, QString());
    QVERIFY2(html.size() < 1'500'000, qPrintable(QString::number(html.size())));
    QVERIFY(page.text.contains(QLatin1String("4700 more are not listed.")));
}

void TestReport::theSameInputGivesTheSameBytes()
{
    QCOMPARE(page_of(incident(hostile)), page_of(incident(hostile)));
}

void TestReport::allSectionsAreThere()
{
    const Page page = readPage(page_of(incident("orders")));
    const QStringList expected{QStringLiteral("Summary"),
                               QStringLiteral("Timeline"),
                               QStringLiteral("Connections over time"),
                               QStringLiteral("Suspected leaks"),
                               QStringLiteral("Who waited behind whom"),
                               QStringLiteral("Actions taken"),
                               QStringLiteral("Configuration"),
                               QStringLiteral("Notes"),
                               QStringLiteral("What was not observed")};
    QCOMPARE(page.headings, expected);
    QCOMPARE(page.charts, 3);
    QVERIFY(page.text.contains(QLatin1String("What would prevent it: orders")) ||
            page.text.contains(QLatin1String("What would prevent it:  orders")));
    QVERIFY(page.text.contains(QLatin1String("3 more of the same place.")));
    QVERIFY(page.text.contains(QLatin1String("These wait for each other in a circle:")));
    QVERIFY(page.text.contains(QLatin1String("max_connections 20, 3 reserved")));
}

/// Whose setting, what it is, what it should be and why, in each pool's own names.
void TestReport::findingsAreTold()
{
    report::Incident one = incident("orders");
    ConfigFinding finding;
    finding.severity = ConfigSeverity::critical;
    finding.target = process;
    finding.pool = Text{"shop"};
    finding.setting = "maximumPoolSize";
    finding.value = "80";
    finding.proposed = "24";
    finding.sentence = "Four processes of 80 ask for 320 of 97 connections.";
    finding.evidence = {"shop-db has 100, 3 of them reserved."};
    ConfigFinding ofServer = finding;
    ofServer.pool = {};
    ofServer.setting = "idle_in_transaction_session_timeout";
    one.findings = {finding, ofServer};
    const Page page = readPage(page_of(one));
    QCOMPARE(page.trouble, QString());
    const QString from = page.text.mid(page.text.indexOf(QStringLiteral("Proposed")));
    int at = 0;
    for (const char* const word :
         {"critical", ", shop", "maximumPoolSize", "80", "24", "Four processes",
          "3 of them reserved", "idle_in_transaction_session_timeout"}) {
        const int next = static_cast<int>(from.indexOf(QLatin1String(word), at));
        QVERIFY2(next >= at, word);
        at = next;
    }
}

void TestReport::nothingIsSaidToBeNothing()
{
    report::Incident none;
    none.from = start;
    none.to = none.moment = start;
    const Page page = readPage(page_of(none));
    QCOMPARE(page.trouble, QString());
    for (const char* const sentence :
         {"No pool and no server was exhausted", "Nothing worth a mark happened.",
          "No counts were recorded.", "Nothing was held longer than it should be",
          "No session waited for another", "None from Poolscope while it recorded.",
          "Nothing to object to", "Nobody took notes", "Nothing is known to be missing."})
        QVERIFY2(page.text.contains(QLatin1String(sentence)), sentence);
}

namespace {

/// From where to where a class is drawn, each path of it.
QStringList spans(const std::string& svg, const char* style)
{
    QStringList found;
    const QRegularExpression path(
        QStringLiteral("<path class=\"%1\" d=\"M([0-9.]+) ([^\"]*)\"").arg(QLatin1String(style)));
    static const QRegularExpression across(QStringLiteral("H([0-9.]+)"));
    auto each = path.globalMatch(QString::fromStdString(svg));
    while (each.hasNext()) {
        const auto match = each.next();
        double end = 0;
        auto step = across.globalMatch(match.captured(2));
        while (step.hasNext())
            end = std::max(end, step.next().captured(1).toDouble());
        found << match.captured(1) + QLatin1Char('-') + QString::number(end);
    }
    return found;
}

} // namespace

void TestReport::aGapIsAHole()
{
    const report::Calendar utc{true};
    const report::Incident i = incident("orders");
    const report::Axis axis{utc, i.from, i.to, i.moment, &i.periods, 1};
    // The plot lies between 44 and 516: 4.72 a second. Seen from 0 to 20 and from 40 on.
    const std::string svg = report::sessions_chart(i.sessions.front(), "orders", axis);
    QCOMPARE(spans(svg, "s-active"),
             (QStringList{QStringLiteral("44-139.2"), QStringLiteral("232.8-516")}));
    QVERIFY(svg.find("url(#hatch1)") != std::string::npos);
    // Without one it is one area, from end to end.
    report::Incident whole = i;
    whole.periods.clear();
    whole.sessions.front().series.points.back().gap_before = false;
    const report::Axis open{utc, i.from, i.to, i.moment, &whole.periods, 1};
    const std::string joined = report::sessions_chart(whole.sessions.front(), "orders", open);
    QCOMPARE(spans(joined, "s-active"), QStringList{QStringLiteral("44-516")});
    QVERIFY(joined.find("url(#hatch1)") == std::string::npos);
}

void TestReport::aPoolThatDoesNotTellIsAHole()
{
    const report::Calendar utc{true};
    const report::PoolCounts counts =
        connections({process,
                     Text{"orders"},
                     {pool_point(0s, 2), pool_point(25s, std::nullopt), pool_point(75s, 2)}});
    const std::vector<report::Period> none;
    const report::Axis axis{utc, start, start + 100s, start + 50s, &none, 1};
    const std::string svg = report::pool_chart(counts, "orders", axis);
    QCOMPARE(spans(svg, "s-active"),
             (QStringList{QStringLiteral("44-162"), QStringLiteral("398-516")}));
    // Nothing is known at the moment: no made-up zero.
    QVERIFY(svg.find(">in use</text><text x=\"684\" y=\"53\" class=\"value\" "
                     "text-anchor=\"end\">-<") != std::string::npos);
    QVERIFY(svg.find("not reported") != std::string::npos); // idle never was
}

void TestReport::whoWaitsStandsAboveTheMaximum()
{
    const report::Calendar utc{true};
    const report::PoolCounts counts =
        connections({process, Text{"orders"}, {pool_point(0s, 5, 5)}});
    const std::vector<report::Period> none;
    const report::Axis axis{utc, start, start + 100s, start + 50s, &none, 1};
    const std::string svg = report::pool_chart(counts, "orders", axis);
    // From 14 (10 of them) to 154 (none): the limit, 5, lies in the middle.
    QVERIFY(svg.find("class=\"limit\" d=\"M44 ") != std::string::npos);
    const QRegularExpression limit(QStringLiteral("class=\"limit\" d=\"M44 ([0-9.]+)H516\""));
    const QRegularExpression waiting(
        QStringLiteral("class=\"s-waiting\" d=\"M44 ([0-9.]+)V([0-9.]+)H516"));
    const auto line = limit.match(QString::fromStdString(svg));
    const auto area = waiting.match(QString::fromStdString(svg));
    QVERIFY(line.hasMatch());
    QVERIFY(area.hasMatch());
    QCOMPARE(area.captured(1), line.captured(1));
    QVERIFY(area.captured(2).toDouble() < line.captured(1).toDouble());
}

void TestReport::localTimesAndUtc()
{
    const QByteArray before = qgetenv("TZ");
    qputenv("TZ", "UTC-5:30"); // what POSIX calls so is ahead of UTC
    tzset();
    const Page local = readPage(page_of(incident("orders"), false));
    const Page utc = readPage(page_of(incident("orders"), true));
    if (before.isNull())
        qunsetenv("TZ");
    else
        qputenv("TZ", before);
    tzset();
    QVERIFY2(local.text.contains(QLatin1String("2025-11-21 19:58:40 to 20:00:20 (UTC+05:30)")),
             qPrintable(local.text.left(400)));
    QVERIFY(local.text.contains(QLatin1String("2025-11-21 14:28:40 to 14:30:20 (UTC)")));
    QVERIFY(utc.text.contains(QLatin1String("2025-11-21 14:28:40 to 14:30:20 (UTC)")));
    QVERIFY(!utc.text.contains(QLatin1String("19:58")));
}

void TestReport::severalRecordings()
{
    report::Input input{"0.1.0", true, true, {incident("orders"), incident("billing")}};
    const std::string html = report::html_of(input);
    const Page page = readPage(html);
    QCOMPARE(page.trouble, QString());
    QCOMPARE(page.charts, 6);
    // What charts refer to is their own.
    for (int chart = 1; chart <= 6; ++chart)
        QCOMPARE(QString::fromStdString(html).count(QStringLiteral("id=\"hatch%1\"").arg(chart)),
                 1);
    QVERIFY(page.text.contains(QLatin1String("Redacted:")));
}

void TestReport::pointsOfOneInstant()
{
    report::Incident i = incident("orders");
    i.to = i.from;
    i.moment = i.from;
    QCOMPARE(readPage(page_of(i)).trouble, QString());
    // A century has no more marks on its axis than an hour.
    i.to = i.from + std::chrono::hours{24} * 36500;
    const std::string html = page_of(i);
    QCOMPARE(readPage(html).trouble, QString());
    QVERIFY(QString::fromStdString(html).count(QLatin1String("class=\"tick\"")) <= 8 * 3);
}

/// Each thing, not only the one that most of it is.
void TestReport::whatASlowStatementWasSeenAt()
{
    using Scene = test::IncidentScene;
    Scene scene{{true, false, true, false}};
    scene.run(120, [&](int) { scene.brief(52, 60, 20ms); });
    scene.run(12, [&](int) {
        while (scene.lent() < 10)
            scene.lend(52, Scene::Does::working, "SELECT sum(total) FROM orders");
        for (std::size_t k = 0; k < 7; ++k)
            scene.all_held()[k].wait_event = "IO/DataFileRead";
        scene.pending = 4;
    });
    const std::vector<report::Why> whys = report::diagnoses_of(scene.analysis);
    QCOMPARE(whys.size(), std::size_t{1});
    const std::string said = "Of 120 looks at it in 15 s 84 found it in IO/DataFileRead, 36 on a "
                             "processor.";
    QCOMPARE(whys.front().waits, said);
    report::Incident told = incident("words");
    told.diagnoses = whys;
    const std::string page = page_of(told);
    QVERIFY(page.find("<p class=\"tag\">" + said + "</p>") != std::string::npos);
    // Where nothing tells there is no empty line.
    told.diagnoses.front().waits.clear();
    QVERIFY(page_of(told).find("<p class=\"tag\"></p>") == std::string::npos);
}

QTEST_APPLESS_MAIN(TestReport)
#include "tst_report.moc"
