// SPDX-License-Identifier: GPL-3.0-or-later
// From a recording to the page: what an incident is found to be, and what is taken out of it.
#include "core/report/gather.h"
#include "tests/report/incident.h"
#include "tests/report/page.h"
#include "tests/report/recorded.h"
#include "tests/support/places.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <limits>
#include <tuple>

using namespace poolscope;
using namespace poolscope::test;

class TestGather : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void theMomentThatMatters();
    void whyAndWhatHelps();
    void theTimeline();
    void gapsAreHoles();
    void leaksWithTheirLines();
    void whoWaits();
    void actionsAndNotes();
    void anyMomentAndRange();
    void nothingSecretIsLeft();
    void redactionChangesNoFinding();
    void twoReadingsAreEqual();
    void goldenRecordings_data();
    void goldenRecordings();
    void aRecordingThatIsCutOff();
    void aClockThatJumps_data();
    void aClockThatJumps();
    void targetsThatCameLater();
    void countsBeyondAllMeasure();
    void itCanBeWatchedAndStopped();
    void itCanBeStoppedWhileItSeeksTheEnd();

private:
    report::Gathered gather(const report::Question& question = {}) const;
    static std::string page(const report::Gathered& gathered, bool redacted = false)
    {
        return report::html_of({"0.1.0", true, redacted, {gathered.incident}});
    }

    QTemporaryDir dir_;
    QString file_;
};

void TestGather::initTestCase()
{
    QVERIFY(dir_.isValid());
    file_ = dir_.filePath(QStringLiteral("incident.poolrec"));
    const RecordedIncident recorded{file_.toStdString()};
    QCOMPARE(QString::fromStdString(recorded.trouble()), QString());
}

report::Gathered TestGather::gather(const report::Question& question) const
{
    return gatherFrom(file_, question);
}

void TestGather::theMomentThatMatters()
{
    const report::Incident incident = gather().incident;
    // Late in the incident, before it was over.
    QVERIFY(incident.moment > after(60));
    QVERIFY(incident.moment < after(101));
    QCOMPARE(incident.why_then, std::string("when the finding was strongest"));
    QCOMPARE(incident.from, RecordedIncident::start);
    QCOMPARE(incident.targets.size(), std::size_t{2});
    QCOMPARE(incident.targets[0].version, std::string("15.8 (Debian)"));
    QCOMPARE(incident.targets[1].host,
             std::string("orders-service on apphost.corp.example, process 99"));
    QVERIFY(incident.complete);
}

void TestGather::whyAndWhatHelps()
{
    const report::Incident incident = gather().incident;
    QVERIFY(!incident.diagnoses.empty());
    const report::Why& why = incident.diagnoses.front();
    QCOMPARE(why.cause, std::string("leak"));
    QVERIFY(why.who.find("pool orders") != std::string::npos);
    QVERIFY2(why.sentence.find("orders.cpp:42") != std::string::npos, why.sentence.c_str());
    QVERIFY(!why.evidence.empty());
    QVERIFY(!why.prevention.empty());
}

void TestGather::theTimeline()
{
    const report::Incident incident = gather().incident;
    const report::Period* const leak = periodOf(incident, report::Period::Kind::diagnosis, "leak");
    QVERIFY(leak);
    QVERIFY(leak->from >= after(5));
    QVERIFY(leak->to.has_value());
    QVERIFY(*leak->to > after(95));
    QVERIFY(*leak->to < after(110));
    const report::Period* const alert =
        periodOf(incident, report::Period::Kind::alert, "Orders full");
    QVERIFY(alert);
    QVERIFY(alert->from >= after(24));
    QVERIFY(alert->from <= after(28));
    QVERIFY(alert->to.has_value());
    QVERIFY(std::is_sorted(incident.periods.begin(), incident.periods.end(),
                           [](const auto& a, const auto& b) { return a.from < b.from; }));
    // What is a period is no mark as well.
    for (const report::Moment& moment : incident.moments)
        QVERIFY(moment.sentence != leak->sentence && moment.sentence != alert->sentence);
}

void TestGather::gapsAreHoles()
{
    const report::Incident incident = gather().incident;
    const report::Period* const gap = periodOf(incident, report::Period::Kind::gap, "gap");
    QVERIFY(gap);
    QCOMPARE(gap->target, RecordedIncident::server);
    QCOMPARE(gap->from, after(69) + 100ms);
    QVERIFY(gap->to.has_value());
    QCOMPARE(*gap->to, after(80) + 100ms);
    const std::string html = page(gather());
    QVERIFY(html.find("Nothing was seen for 11 s: no answer from") != std::string::npos);
    QVERIFY(html.find("db7/shop: nothing was seen in 1 gap, 11 s in all.") != std::string::npos);
    QVERIFY(html.find("url(#hatch") != std::string::npos);
}

void TestGather::leaksWithTheirLines()
{
    const report::Incident incident = gather().incident;
    const auto place =
        std::find_if(incident.leaks.begin(), incident.leaks.end(),
                     [](const report::Leak& leak) { return leak.kind == "checkout"; });
    QVERIFY(place != incident.leaks.end());
    QCOMPARE(place->holders.size(), std::size_t{4});
    QVERIFY(place->sentence.find("load_orders") != std::string::npos);
    const report::Holding& oldest = place->holders.front();
    QCOMPARE(oldest.id, std::string("c1"));
    QVERIFY2(oldest.session.starts_with("4711 orders-api"), oldest.session.c_str());
    QVERIFY(!oldest.evidence.empty());
    QCOMPARE(oldest.tags.front().second, std::string("Mustermann"));
    const Page read = readPage(page(gather()));
    QCOMPARE(read.trouble, QString());
    QVERIFY(read.text.contains(QLatin1String("load_orders  /Users/alice/src/orders.cpp:42")));
}

void TestGather::whoWaits()
{
    report::Question question;
    question.at = after(60);
    const report::Incident incident = gather(question).incident;
    QCOMPARE(incident.trees.size(), std::size_t{1});
    const report::Tree& tree = incident.trees.front();
    QCOMPARE(tree.lines.size(), std::size_t{2});
    QCOMPARE(tree.lines[0].pid, std::string("4711"));
    QCOMPARE(tree.lines[0].blocks, 1);
    QVERIFY2(tree.lines[0].place.find("orders.cpp:42") != std::string::npos,
             tree.lines[0].place.c_str());
    QCOMPARE(tree.lines[1].pid, std::string("4800"));
    QCOMPARE(tree.lines[1].depth, 1);
}

void TestGather::actionsAndNotes()
{
    const report::Incident incident = gather().incident;
    QCOMPARE(incident.actions.size(), std::size_t{1});
    QCOMPARE(incident.actions[0].verb, std::string("terminate 4711"));
    QCOMPARE(incident.actions[0].phase, std::string("accepted"));
    QCOMPARE(incident.actions[0].outcome, std::string("db7.corp.example took the signal"));
    QCOMPARE(incident.notes.size(), std::size_t{1});
    QCOMPARE(incident.notes[0].text, std::string("told Erika, who knows of it"));
}

void TestGather::anyMomentAndRange()
{
    report::Question question;
    question.from = after(2);
    question.to = after(12);
    const report::Incident calm = gather(question).incident;
    QVERIFY(calm.diagnoses.empty());
    QVERIFY(calm.actions.empty());
    QVERIFY(calm.notes.empty());
    QCOMPARE(calm.moment, after(12));
    QCOMPARE(calm.why_then, std::string("the end of the range"));
    QVERIFY(!calm.pools.empty());
    for (const PoolPoint& point : calm.pools.front().series.points)
        QVERIFY(point.time <= after(12));
    question.at = after(7);
    QCOMPARE(gather(question).incident.moment, after(7));
}

void TestGather::nothingSecretIsLeft()
{
    const std::string open = page(gather());
    report::Question question;
    question.redact = true;
    const std::string html = page(gather(question), true);
    constexpr std::size_t around = 80; // characters, for whoever reads why
    for (const std::string& secret : RecordedIncident::secrets) {
        const std::size_t at = html.find(secret);
        const std::size_t from = std::min(html.size(), at - std::min(at, around));
        QVERIFY2(at == std::string::npos, html.substr(from, 3 * around).c_str());
        // Else this would prove nothing.
        QVERIFY2(open.find(secret) != std::string::npos, secret.c_str());
    }
    QCOMPARE(readPage(html).trouble, QString());
    // What it is about is still there.
    for (const char* const kept : {"load_orders", "orders.cpp:42", "orders-api", "user-1", "host-",
                                   "UPDATE accounts SET owner = ? WHERE id = ?"})
        QVERIFY2(html.find(kept) != std::string::npos, kept);
}

void TestGather::redactionChangesNoFinding()
{
    report::Question question;
    question.redact = true;
    const report::Incident open = gather().incident;
    const report::Incident redacted = gather(question).incident;
    QCOMPARE(redacted.moment, open.moment);
    QCOMPARE(redacted.diagnoses.size(), open.diagnoses.size());
    for (std::size_t i = 0; i < open.diagnoses.size(); ++i) {
        QCOMPARE(redacted.diagnoses[i].cause, open.diagnoses[i].cause);
        QCOMPARE(redacted.diagnoses[i].confidence, open.diagnoses[i].confidence);
        QCOMPARE(redacted.diagnoses[i].evidence.size(), open.diagnoses[i].evidence.size());
    }
    QCOMPARE(redacted.leaks.size(), open.leaks.size());
    QCOMPARE(redacted.trees.size(), open.trees.size());
    QCOMPARE(redacted.findings.size(), open.findings.size());
    QCOMPARE(redacted.moments.size(), open.moments.size());
    // The rule that names its target too.
    QVERIFY(periodOf(open, report::Period::Kind::alert, "Orders full"));
    QCOMPARE(redacted.periods.size(), open.periods.size());
    for (std::size_t i = 0; i < open.periods.size(); ++i) {
        QCOMPARE(redacted.periods[i].what, open.periods[i].what);
        QCOMPARE(redacted.periods[i].from, open.periods[i].from);
    }
}

void TestGather::twoReadingsAreEqual()
{
    QCOMPARE(page(gather()), page(gather()));
    report::Question question;
    question.redact = true;
    QCOMPARE(page(gather(question)), page(gather(question)));
}

void TestGather::goldenRecordings_data()
{
    QTest::addColumn<QString>("file");
    const QDir folder(inTree("tests/data"));
    for (const QString& name : folder.entryList({QStringLiteral("*.poolrec")}))
        QTest::newRow(qPrintable(name)) << folder.filePath(name);
}

void TestGather::goldenRecordings()
{
    QFETCH(const QString, file);
    for (const bool redact : {false, true}) {
        report::Question question;
        question.redact = redact;
        const report::Gathered gathered = gatherFrom(file, question);
        QVERIFY(!gathered.damage);
        QVERIFY(!gathered.incident.targets.empty());
        QCOMPARE(readPage(page(gathered, redact)).trouble, QString());
    }
}

void TestGather::aRecordingThatIsCutOff()
{
    // As a writer that was killed leaves it: not closed.
    const QString file = dir_.filePath(QStringLiteral("open.poolrec"));
    auto created = RecordingWriter::create(file.toStdString(), {});
    QVERIFY(created);
    RecordingWriter& writer = *created.value();
    QVERIFY(writer.append({SequenceNumber{1}, after(0), TargetId{1},
                           TargetAttached{{TargetId{1}, "postgresql", "shop", "service=shop"}}}));
    QVERIFY(writer.append({SequenceNumber{2}, after(1), TargetId{}, Tick{}}));
    QVERIFY(writer.commit());
    const report::Incident incident = gatherFrom(file).incident;
    QVERIFY(!incident.complete);
    QVERIFY(std::any_of(
        incident.not_observed.begin(), incident.not_observed.end(),
        [](const std::string& sentence) { return sentence.find("cut off") != std::string::npos; }));
    QVERIFY(writer.close());
}

void TestGather::itCanBeWatchedAndStopped()
{
    for (const bool redact : {false, true}) {
        auto reader = RecordingReader::open(file_.toStdString());
        QVERIFY(reader);
        report::Question question;
        question.redact = redact;
        std::vector<double> told;
        const auto whole = report::gather(*reader.value(), question, [&told](double fraction) {
            told.push_back(fraction);
            return true;
        });
        QVERIFY(whole);
        QVERIFY(told.size() >= 3);
        QVERIFY(std::is_sorted(told.begin(), told.end()));
        QVERIFY(told.front() >= 0 && told.front() < 0.1);
        QVERIFY(told.back() > 0.4 && told.back() <= 1);
        // After each of them, in whichever reading that is.
        for (std::size_t stop = 1; stop <= told.size(); ++stop) {
            std::size_t calls = 0;
            const auto stopped =
                report::gather(*reader.value(), question, [&](double) { return ++calls < stop; });
            QVERIFY(!stopped);
            QCOMPARE(stopped.error().sentence, std::string("The report was stopped."));
            QCOMPARE(calls, stop);
        }
    }
}

/// Of a long recording an early range: where it ends is looked for all the way.
void TestGather::itCanBeStoppedWhileItSeeksTheEnd()
{
    auto reader = RecordingReader::open(file_.toStdString());
    QVERIFY(reader);
    report::Question question;
    question.to = RecordedIncident::start + 1s;
    int calls = 0;
    const auto stopped = report::gather(*reader.value(), question, [&calls](double fraction) {
        ++calls;
        return fraction > 0; // nothing of the range was read yet
    });
    QVERIFY(!stopped);
    QCOMPARE(stopped.error().sentence, std::string("The report was stopped."));
    QCOMPARE(calls, 1);
    calls = 0;
    const auto whole = report::gather(*reader.value(), question, [&calls](double fraction) {
        calls += fraction == 0 ? 1 : 0;
        return true;
    });
    QVERIFY(whole);
    QVERIFY2(calls > 1, "while the end was looked for nobody was asked");
}

void TestGather::aClockThatJumps_data()
{
    QTest::addColumn<bool>("range");
    QTest::newRow("to the end") << false;
    QTest::newRow("a range") << true;
}

void TestGather::aClockThatJumps()
{
    QFETCH(const bool, range);
    const QString file = dir_.filePath(QStringLiteral("jump%1.poolrec").arg(range));
    std::vector<std::tuple<int, TargetId, Fact>> facts{{0, TargetId{1}, attached(1, "shop")},
                                                       {1, TargetId{1}, taken(0)}};
    // Set an hour forward, and back.
    for (int second = 2; second < 5; ++second)
        facts.emplace_back(3600 + second, TargetId{}, Tick{});
    facts.emplace_back(5, TargetId{}, Note{"after it was set back"});
    for (int second = 6; second < 40; ++second)
        facts.emplace_back(second, TargetId{}, Tick{});
    QVERIFY(record(file, facts));
    report::Question question;
    if (range)
        question.to = after(30);
    const report::Incident incident = gatherFrom(file, question).incident;
    QCOMPARE(incident.notes.size(), std::size_t{1});
    QCOMPARE(incident.to, range ? after(30) : after(3604));
}

void TestGather::targetsThatCameLater()
{
    const QString file = dir_.filePath(QStringLiteral("later.poolrec"));
    TargetStatus up;
    up.reach = Reach::up;
    QVERIFY(record(file, {{0, TargetId{1}, attached(1, "shop")},
                          {10, TargetId{2}, attached(2, "later")},
                          {10, TargetId{2}, StatusChanged{up}},
                          {20, TargetId{}, Tick{}}}));
    report::Question question;
    question.at = after(5);
    const report::Incident incident = gatherFrom(file, question).incident;
    QCOMPARE(incident.targets.size(), std::size_t{2});
    QCOMPARE(incident.targets[1].info.name, std::string("later"));
    QCOMPARE(incident.targets[1].status, std::string("not attached yet"));
}

void TestGather::countsBeyondAllMeasure()
{
    const QString file = dir_.filePath(QStringLiteral("counts.poolrec"));
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    auto calm = taken(0);
    calm.pools[0].name = Text{"calm"};
    calm.pools.push_back(taken(most, most).pools[0]);
    QVERIFY(record(
        file,
        {{0, TargetId{1}, attached(1, "shop")}, {1, TargetId{1}, calm}, {2, TargetId{}, Tick{}}}));
    const report::Incident incident = gatherFrom(file).incident;
    QCOMPARE(incident.pools.size(), std::size_t{2});
    // Twice its limit is more than once; what overflows is less than nothing.
    QCOMPARE(incident.pools[0].series.pool.str(), std::string("orders"));
}

QTEST_APPLESS_MAIN(TestGather)
#include "tst_gather.moc"
