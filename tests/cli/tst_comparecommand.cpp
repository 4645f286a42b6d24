// SPDX-License-Identifier: GPL-3.0-or-later
// poolscope compare, as a person or a script calls it.
#include "tests/compare/tape.h"
#include "tests/report/incident.h"
#include "tests/support/places.h"
#include "tests/support/shell.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope::test;

class TestCompareCommand : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void twoRecordings();
    void twoRangesOfOne();
    void oneInstantIsEnough();
    void nothingChanged();
    void json();
    void aNarrowTerminalIsNone();
    void nothingSecretIsLeft();
    void whatCannotBeRead();
    void whatIsCutOff();
    void usage_data();
    void usage();
    void helpNeedsNoManual();

private:
    static Run run(const QStringList& arguments);
    QString path(const char* name) const { return dir_.filePath(QLatin1String(name)); }
    void record(const char* name, const std::vector<Behaviour>& behaviours) const;

    QTemporaryDir dir_;
    QString quiet_;
    QString busy_;
    QString both_;
};

namespace {

QString text(const char* latin1)
{
    return QString::fromLatin1(latin1);
}

QJsonObject figure(const QJsonArray& all, const char* kind, const char* measure)
{
    for (const QJsonValue& each : all) {
        const QJsonObject object = each.toObject();
        if (object[text("kind")].toString() == text(kind) &&
            object[text("measure")].toString() == text(measure))
            return object;
    }
    return {};
}

} // namespace

void TestCompareCommand::record(const char* name, const std::vector<Behaviour>& behaviours) const
{
    Tape tape{path(name).toStdString()};
    for (const Behaviour& each : behaviours)
        tape.play(each);
    tape.close();
    QCOMPARE(QString::fromStdString(tape.trouble()), QString());
}

void TestCompareCommand::initTestCase()
{
    QVERIFY(dir_.isValid());
    quiet_ = path("quiet.poolrec");
    busy_ = path("busy.poolrec");
    both_ = path("both.poolrec");
    const Behaviour quiet{.seconds = 60};
    const Behaviour busy{.seconds = 60,
                         .acquires = 10,
                         .use = poolscope::Duration{90'000},
                         .timeouts = 30,
                         .leaks = 4};
    record("quiet.poolrec", {quiet});
    record("busy.poolrec", {busy});
    record("both.poolrec", {quiet, busy});
}

Run TestCompareCommand::run(const QStringList& arguments)
{
    return runProgram(inBuild("app/poolscope"), QStringList{text("compare")} + arguments);
}

void TestCompareCommand::twoRecordings()
{
    const Run told = run({quiet_, busy_});
    QCOMPARE(told.code, 0);
    QCOMPARE(told.err, QByteArray());
    QVERIFY(told.out.startsWith("Before  quiet.poolrec, 2025-11-21T"));
    QVERIFY(told.out.contains("\nAfter   busy.poolrec, "));
    QVERIFY(told.out.contains("WHAT CHANGED, what matters most first\n"
                              "  - shop-api, pool shop: timeouts came up, 30.0/min after none.\n"));
    QVERIFY(told.out.contains("acquires fell from 40.0/s to 10.0/s (-75 %)."));
    QVERIFY(told.out.contains("mean use time rose from 20.0 ms to 90.0 ms (\u00d74.5)."));
    QVERIFY(told.out.contains("load (load.cpp:88) holds 3.4 connections on average, before none."));
    QVERIFY(told.out.contains("LINES OF CODE"));
    QVERIFY(told.out.contains("SESSIONS BY APPLICATION"));
}

void TestCompareCommand::twoRangesOfOne()
{
    // The first 60 s against the last: 14:28:40 is when it begins.
    const Run told =
        run({both_, text("--from"), text("14:28:40"), text("--to"), text("14:29:40"),
             text("--and-from"), text("14:29:40"), text("--and-to"), text("14:30:40")});
    QCOMPARE(told.code, 0);
    QVERIFY(told.out.contains("acquires fell from 40.0/s to 10.0/s (-75 %)."));
    // The other way round.
    const Run back =
        run({both_, text("--from"), text("14:29:40"), text("--and-to"), text("14:29:40")});
    QCOMPARE(back.code, 0);
    QVERIFY2(back.out.contains("acquires rose from 10.0/s to 40.0/s (\u00d74.0)."),
             back.out.constData());
}

void TestCompareCommand::oneInstantIsEnough()
{
    const Run at = run({both_, text("--to"), text("14:29:40")});
    QCOMPARE(at.code, 0);
    QVERIFY(at.out.contains("acquires fell from 40.0/s to 10.0/s (-75 %)."));
    QCOMPARE(run({both_, text("--and-from"), text("14:29:40")}).out, at.out);
}

void TestCompareCommand::nothingChanged()
{
    const Run told = run({busy_, busy_});
    QCOMPARE(told.code, 0);
    QVERIFY(told.out.contains("\nNothing changed that is worth a word.\n"));
    QVERIFY(!told.out.contains("WHAT CHANGED"));
}

void TestCompareCommand::json()
{
    const Run told = run({quiet_, busy_, text("--json")});
    QCOMPARE(told.code, 0);
    const QJsonDocument document = QJsonDocument::fromJson(told.out);
    QVERIFY(document.isArray());
    const QJsonArray all = document.array();
    QCOMPARE(all.first().toObject()[text("measure")].toString(), text("timeouts_per_minute"));
    const QJsonObject use = figure(all, "pool", "use_mean_us");
    QCOMPARE(use.keys(), QStringList({text("after"), text("after_observed_us"), text("and_target"),
                                      text("before"), text("before_observed_us"), text("by_user"),
                                      text("kind"), text("measure"), text("notable"), text("pool"),
                                      text("sentence"), text("stack"), text("state"),
                                      text("subject"), text("target"), text("verdict")}));
    QCOMPARE(use[text("before")].toInt(), 20'000);
    QCOMPARE(use[text("after")].toInt(), 90'000);
    QCOMPARE(use[text("verdict")].toString(), text("more"));
    QCOMPARE(use[text("notable")].toBool(), true);
    QCOMPARE(use[text("pool")].toString(), text("shop"));
    QCOMPARE(use[text("target")].toString(), text("pool+unix:///run/poolscope/shop.sock"));
    QCOMPARE(use[text("before_observed_us")].toInt(), 60'000'000);
    QVERIFY(use[text("subject")].isNull());
    const QJsonObject place = figure(all, "place", "held_mean");
    QVERIFY(place[text("stack")].isArray());
    QVERIFY(!place[text("subject")].toString().isEmpty());
    // Changes come first.
    bool changes = true;
    for (const QJsonValue& each : all) {
        const bool notable = each.toObject()[text("notable")].toBool();
        QVERIFY(changes || !notable);
        QCOMPARE(each.toObject()[text("sentence")].isNull(), !notable);
        changes = notable;
    }
}

void TestCompareCommand::aNarrowTerminalIsNone()
{
    // Without a terminal nothing is cut.
    QVERIFY(!run({quiet_, busy_}).out.contains("\u2026"));
}

void TestCompareCommand::nothingSecretIsLeft()
{
    const QString file = path("incident-of-alice.poolrec");
    const RecordedIncident recorded{file.toStdString()};
    QCOMPARE(QString::fromStdString(recorded.trouble()), QString());
    for (const QStringList& form : {QStringList{}, QStringList{text("--json")}}) {
        const Run told =
            run(QStringList{file, text("--to"), text("14:29:30"), text("--redact")} + form);
        QCOMPARE(told.code, 0);
        for (const std::string& secret : RecordedIncident::secrets) {
            // A number as any figure may be; statements, where it stands, are not told at all.
            if (secret == "815")
                continue;
            QVERIFY2(!told.out.contains(secret.c_str()), secret.c_str());
            QVERIFY2(!told.err.contains(secret.c_str()), secret.c_str());
        }
        QVERIFY(told.out.contains("orders.cpp:42"));
    }
}

void TestCompareCommand::whatCannotBeRead()
{
    const Run missing = run({quiet_, path("missing.poolrec")});
    QCOMPARE(missing.code, 5);
    QVERIFY(missing.out.isEmpty());
    QVERIFY(missing.err.contains("missing.poolrec"));
    QFile none(path("none.poolrec"));
    QVERIFY(none.open(QIODevice::WriteOnly));
    none.write("no recording");
    none.close();
    QCOMPARE(run({none.fileName(), quiet_}).code, 5);
}

void TestCompareCommand::whatIsCutOff()
{
    const QString file = path("open.poolrec");
    Tape tape{file.toStdString()};
    tape.play({.seconds = 30});
    // Not closed: it is still being written.
    QCOMPARE(tape.trouble(), std::string{});
    tape.commit();
    const Run told = run({quiet_, file});
    QCOMPARE(told.code, 0);
    QVERIFY2(told.out.contains("After: the recording was still being written, or was cut off"),
             told.out.constData());
}

void TestCompareCommand::usage_data()
{
    QTest::addColumn<QStringList>("options");
    QTest::addColumn<QString>("complaint");
    QTest::newRow("no file") << QStringList{} << text("file is required");
    QTest::newRow("with what") << QStringList{both_} << text("Compare it with what?");
    QTest::newRow("three") << QStringList{both_, both_, both_} << text("two recordings at most");
    QTest::newRow("no time") << QStringList{both_, text("--to"), text("noon")}
                             << text("--to: \"noon\" is no time.");
    QTest::newRow("too early") << QStringList{both_, text("--and-from"), text("03:00:00")}
                               << text("--and-from: The recording begins later");
    QTest::newRow("backwards") << QStringList{both_,          quiet_,
                                              text("--from"), text("14:29:40"),
                                              text("--to"),   text("14:29:00")}
                               << text("Nothing is between --from and --to.");
    QTest::newRow("behind its end") << QStringList{both_, text("--to"), text("23:00:00")}
                                    << text("Nothing is between --and-from and --and-to.");
}

void TestCompareCommand::usage()
{
    QFETCH(const QStringList, options);
    QFETCH(const QString, complaint);
    const Run told = run(options);
    QCOMPARE(told.code, 2);
    QVERIFY(told.out.isEmpty());
    QVERIFY2(QString::fromUtf8(told.err).contains(complaint), told.err.constData());
}

void TestCompareCommand::helpNeedsNoManual()
{
    const Run help = run({text("--help")});
    QCOMPARE(help.code, 0);
    for (const char* const word : {"--and-from", "--and-to", "--redact", "--json",
                                   "Examples:", "too little data", "gaps do", "connection-seconds"})
        QVERIFY2(help.out.contains(word), word);
}

QTEST_GUILESS_MAIN(TestCompareCommand)
#include "tst_comparecommand.moc"
