// SPDX-License-Identifier: GPL-3.0-or-later
// `poolscope diagnose` as somebody in trouble runs it: a real pool in a process of its own, its
// real server, and what was recorded meanwhile.
#include "tests/support/pgcluster.h"
#include "tests/support/places.h"

#include <QDateTime>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

#include <csignal>

using namespace poolscope::test;

class TestDiagnoseReal : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void cleanup();
    void aLeakAndItsLine();
    void aLockAndItsRoot();
    void whyStatementsAreSlow();

private:
    /// What is said of the pool: of the server and the process now, or of a recording.
    QJsonObject diagnose(const QStringList& what) const;
    /// Starts the application and a recording of it.
    bool begin(const char* pool, const char* work);
    bool trouble(const char* work);
    /// Asks live and, once the recording has ended, that of the same moment.
    void askBoth(QJsonObject& live, QJsonObject& recorded, const QStringList& options = {});

    QTemporaryDir dir_;
    PgCluster cluster_;
    std::unique_ptr<QProcess> application_;
    std::unique_ptr<QProcess> recorder_;
    QString pool_;
    QString recording_;
};

namespace {

QString text(const char* latin1)
{
    return QString::fromLatin1(latin1);
}

/// "incidentwork.cpp:103", by the mark at the end of that line.
QString placeOf(const char* mark)
{
    QFile source(inTree("tests/scenarios/incidentwork.cpp"));
    if (!source.open(QIODevice::ReadOnly))
        return {};
    const QByteArrayList lines = source.readAll().split('\n');
    for (qsizetype i = 0; i < lines.size(); ++i) {
        if (lines[i].endsWith(QByteArray("// line: ") + mark))
            return QStringLiteral("incidentwork.cpp:%1").arg(i + 1);
    }
    return {};
}

QString answerOf(QProcess& process)
{
    while (!process.canReadLine()) {
        if (!process.waitForReadyRead(20000))
            return {};
    }
    return QString::fromUtf8(process.readLine()).trimmed();
}

/// Everything that it says, in one line.
QString wordsOf(const QJsonObject& diagnosis)
{
    return QString::fromUtf8(QJsonDocument(diagnosis).toJson(QJsonDocument::Compact));
}

QString causeOf(const QJsonObject& diagnosis)
{
    return diagnosis[text("cause")].toString();
}

} // namespace

void TestDiagnoseReal::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("No PostgreSQL server is installed here");
    QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));
    PgClient admin{cluster_.conninfo()};
    QVERIFY(admin.exec(text("CREATE TABLE stock (id int PRIMARY KEY, n int)")));
    QVERIFY(admin.exec(text("INSERT INTO stock SELECT i, 1000 FROM generate_series(1, 20) i")));
    // For so many milliseconds, whatever the machine.
    QVERIFY(admin.exec(text("CREATE FUNCTION busy(ms int) RETURNS boolean LANGUAGE plpgsql AS $$"
                            " DECLARE ends timestamptz := clock_timestamp() + ms * interval '1 ms';"
                            " BEGIN WHILE clock_timestamp() < ends LOOP END LOOP; RETURN true; END"
                            " $$")));
    QVERIFY(admin.exec(text("CREATE ROLE shop LOGIN")) &&
            admin.exec(text("GRANT ALL ON stock TO shop")));
}

void TestDiagnoseReal::cleanup()
{
    for (auto* const each : {&recorder_, &application_}) {
        if (!*each)
            continue;
        (*each)->closeWriteChannel();
        if ((*each)->state() != QProcess::NotRunning && !(*each)->waitForFinished(5000))
            (*each)->kill();
        (*each)->waitForFinished();
        each->reset();
    }
}

bool TestDiagnoseReal::begin(const char* pool, const char* work)
{
    const QString name = text(QTest::currentTestFunction());
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(text("POOLSCOPE_LISTEN"), text("unix:") + dir_.filePath(name));
    application_ = std::make_unique<QProcess>();
    application_->setProcessEnvironment(environment);
    application_->setProcessChannelMode(QProcess::ForwardedErrorChannel);
    application_->start(inBuild("tests/scenarios/poolscope_incidentprocess"),
                        {cluster_.conninfo(text("postgres"), text("shop")) +
                             text(" application_name=shop connect_timeout=3"),
                         text(pool), text(work)});
    const QString listens = answerOf(*application_);
    if (!listens.startsWith(text("listens ")) || answerOf(*application_).isEmpty())
        return false;
    pool_ = listens.mid(8);
    recording_ = dir_.filePath(name + text(".poolrec"));
    recorder_ = std::make_unique<QProcess>();
    recorder_->setProcessChannelMode(QProcess::ForwardedErrorChannel);
    recorder_->start(inBuild("app/poolscope"),
                     {text("record"), pool_, cluster_.uri(), text("-o"), recording_,
                      text("--leak-after"), text("3s"), text("--json")});
    return !answerOf(*recorder_).isEmpty();
}

bool TestDiagnoseReal::trouble(const char* work)
{
    application_->write(QByteArray("go ") + work + '\n');
    // It says when it began, when somebody had to wait, and when the first gave up.
    for (int lines = 0; lines < 3; ++lines) {
        const QString said = answerOf(*application_);
        if (said.startsWith(text("waits ")))
            return true;
        if (said.isEmpty())
            return false;
    }
    return false;
}

QJsonObject TestDiagnoseReal::diagnose(const QStringList& what) const
{
    QProcess poolscope;
    poolscope.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    poolscope.setStandardInputFile(QProcess::nullDevice());
    poolscope.start(inBuild("app/poolscope"), QStringList{text("diagnose"), text("--json")} + what);
    if (!poolscope.waitForFinished(60000) || poolscope.exitCode() != 0)
        return {};
    const QJsonArray all = QJsonDocument::fromJson(poolscope.readAllStandardOutput()).array();
    for (const QJsonValue& each : all) {
        if (each[text("pool")].toString() == text("shop"))
            return each.toObject();
    }
    return {};
}

void TestDiagnoseReal::askBoth(QJsonObject& live, QJsonObject& recorded, const QStringList& options)
{
    live = diagnose(QStringList{pool_, cluster_.uri(), text("--leak-after"), text("3s")} + options);
    const QString then = QDateTime::currentDateTimeUtc().toString(Qt::ISODateWithMs);
    QTest::qWait(1500); // past that moment
    QCOMPARE(::kill(static_cast<pid_t>(recorder_->processId()), SIGINT), 0);
    QVERIFY(recorder_->waitForFinished(20000));
    QCOMPARE(recorder_->exitCode(), 0);
    recorded = diagnose({recording_, text("--at"), then});
}

void TestDiagnoseReal::aLeakAndItsLine()
{
    QVERIFY(begin("4 leak=3 timeout=2", "2 serve 20 200"));
    QVERIFY(trouble("1 leak 0 100"));
    QJsonObject live, recorded;
    askBoth(live, recorded);
    const QString place = placeOf("leak");
    QVERIFY(!place.isEmpty());
    for (const QJsonObject& each : {live, recorded}) {
        QVERIFY2(causeOf(each) == text("leak"), qPrintable(wordsOf(each)));
        QVERIFY2(each[text("sentence")].toString().contains(place), qPrintable(wordsOf(each)));
    }
    QCOMPARE(recorded[text("target")], live[text("target")]);
}

void TestDiagnoseReal::aLockAndItsRoot()
{
    PgClient root{cluster_.conninfo() + text(" application_name=billing")};
    QVERIFY(begin("4 leak=30 timeout=2", "2 serve 20 200"));
    QVERIFY(root.exec(text("BEGIN; UPDATE stock SET n = 0 WHERE id = 1")));
    QVERIFY(trouble("6 update 1 150"));
    QJsonObject live, recorded;
    askBoth(live, recorded);
    const QString pid = QString::number(root.pid());
    for (const QJsonObject& each : {live, recorded}) {
        QVERIFY2(causeOf(each) == text("lock_pile_up"), qPrintable(wordsOf(each)));
        QVERIFY2(wordsOf(each).contains(pid), qPrintable(wordsOf(each)));
        QVERIFY2(each[text("sentence")].toString().contains(text("billing")),
                 qPrintable(wordsOf(each)));
    }
    QVERIFY(root.exec(text("ROLLBACK")));
}

/// What the server's own processes are seen to do, live and in the recording.
void TestDiagnoseReal::whyStatementsAreSlow()
{
    QVERIFY(begin("2 leak=60 timeout=30", "2 serve 20 200"));
    QVERIFY(trouble("3 busy 1200 0"));
    QJsonObject live, recorded;
    askBoth(live, recorded, {text("--for"), text("12s")});
    for (const QJsonObject& each : {live, recorded}) {
        QVERIFY2(causeOf(each) == text("slow_statements"), qPrintable(wordsOf(each)));
        const QJsonObject waits = each[text("waits")].toObject();
        QVERIFY2(waits[text("statement")].toString().startsWith(text("SELECT sum(sqrt(i))")),
                 qPrintable(wordsOf(each)));
        QVERIFY2(waits[text("looks")].toInt() >= 8, qPrintable(wordsOf(each)));
        // It sorts nothing and waits for nobody.
        const QJsonObject most = waits[text("counts")].toArray().first().toObject();
        QVERIFY2(most[text("kind")].toString() == text("running"), qPrintable(wordsOf(each)));
        QVERIFY2(wordsOf(each).contains(text("It computes: ")), qPrintable(wordsOf(each)));
        QVERIFY2(each[text("prevention")].toString().contains(text("EXPLAIN (ANALYZE, BUFFERS)")),
                 qPrintable(wordsOf(each)));
    }
}

QTEST_GUILESS_MAIN(TestDiagnoseReal)
#include "tst_diagnosereal.moc"
