// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/pgcluster.h"
#include "tests/support/places.h"
#include "tests/support/shell.h"

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

/// The real binary against a real PostgreSQL, as a script would use it.
class TestCommandLine : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void init();
    void sessionsAndBlocking();
    void leaksAndStates();
    void recordAndReadBack();
    void recordEndsOnInterrupt();
    void recordNeverOverwrites();
    void watchPrintsLines();
    void cancelIsIdentityChecked();
    void terminateIsIdentityChecked();
    void readOnlyRefuses();
    void unreachableTargetsDoNotHideOthers();
    void usageAndFiles();
    void picturesOfTheWindow();
    void whatIsHiddenIsSaid();
    void withoutADisplay();
    void passwordLeavesTheProcessList();
    void passwordIsNeverPrinted();
    void aWrongPasswordIsSaidAlike();

private:
    Run run(const QStringList& arguments) const;
    QString file(const char* name) const { return dir_.filePath(QLatin1String(name)); }
    /// The JSON of the session with this pid.
    QJsonObject session(int pid) const;
    std::unique_ptr<QProcess> start(const QStringList& arguments) const;

    QTemporaryDir dir_;
    PgCluster cluster_;
    QString target_;
    std::unique_ptr<PgClient> holder_;
    std::unique_ptr<PgClient> waiter_;
};

namespace {

QString text(const char* latin1)
{
    return QString::fromLatin1(latin1);
}

QJsonObject first(const QJsonArray& array)
{
    return array.first().toObject();
}

} // namespace

void TestCommandLine::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("No PostgreSQL server is installed here");
    QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));
    target_ = cluster_.uri();
    PgClient admin{cluster_.conninfo()};
    QVERIFY(admin.exec(text("CREATE TABLE t (id int PRIMARY KEY, n int)")));
    QVERIFY(admin.exec(text("INSERT INTO t VALUES (1, 1)")));
}

/// Every test begins with one session that holds a lock and one that waits for it.
void TestCommandLine::init()
{
    waiter_.reset();
    holder_.reset();
    PgClient admin{cluster_.conninfo()};
    QTRY_COMPARE(admin.value(text("SELECT count(*) FROM pg_stat_activity WHERE pid <> "
                                  "pg_backend_pid() AND backend_type = 'client backend'")),
                 text("0"));
    holder_ = std::make_unique<PgClient>(cluster_.conninfo() + text(" application_name=holder"));
    waiter_ = std::make_unique<PgClient>(cluster_.conninfo() + text(" application_name=waiter"));
    QVERIFY(holder_->exec(text("BEGIN")));
    QVERIFY(holder_->exec(text("UPDATE t SET n = 2 WHERE id = 1")));
    QVERIFY(waiter_->send(text("UPDATE t SET n = 3 WHERE id = 1")));
    QTRY_COMPARE(admin.value(text("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %1")
                                 .arg(waiter_->pid())),
                 text("Lock"));
}

Run TestCommandLine::run(const QStringList& arguments) const
{
    return runProgram(inBuild("app/poolscope"), arguments);
}

std::unique_ptr<QProcess> TestCommandLine::start(const QStringList& arguments) const
{
    auto process = std::make_unique<QProcess>();
    process->setStandardInputFile(QProcess::nullDevice());
    process->start(inBuild("app/poolscope"), arguments);
    return process;
}

QJsonObject TestCommandLine::session(int pid) const
{
    for (const QJsonValue& one : run({text("sessions"), target_, text("--json")}).array()) {
        if (one.toObject().value(text("pid")).toInt() == pid)
            return one.toObject();
    }
    return {};
}

void TestCommandLine::sessionsAndBlocking()
{
    const QJsonObject holder = session(holder_->pid());
    QCOMPARE(holder.value(text("state")).toString(), text("idle_in_transaction"));
    QCOMPARE(holder.value(text("application")).toString(), text("holder"));
    QCOMPARE(holder.value(text("blocks")).toInt(), 1);
    QCOMPARE(session(waiter_->pid()).value(text("blocked_by")).toArray(),
             QJsonArray{holder_->pid()});
    const QJsonArray all = run({text("sessions"), target_, text("--json")}).array();
    for (const QJsonValue& one : all)
        QVERIFY(one.toObject().value(text("application")).toString() != text("poolscope"));

    const QJsonArray trees = run({text("blocking"), target_, text("--json")}).array();
    QCOMPARE(trees.size(), 1);
    QCOMPARE(first(trees).value(text("root")).toObject().value(text("pid")).toInt(),
             holder_->pid());
    const Run table = run({text("sessions"), target_});
    QCOMPARE(table.code, 0);
    QVERIFY(table.out.contains("idle in transaction"));
}

void TestCommandLine::leaksAndStates()
{
    const Run leaks = run({text("leaks"), target_, text("--json"), text("--leak-after"),
                           text("100ms"), text("--for"), text("500ms")});
    QCOMPARE(leaks.code, 0);
    QCOMPARE(leaks.array().size(), 1);
    QCOMPARE(first(leaks.array()).value(text("server_pid")).toInt(), holder_->pid());
    QCOMPARE(run({text("leaks"), target_, text("--json")}).out.trimmed(), QByteArray{"[]"});

    const QJsonObject states = first(run({text("states"), target_, text("--json")}).array());
    const QJsonObject counts = states.value(text("counts")).toObject();
    QCOMPARE(counts.value(text("idle_in_transaction")).toInt(), 1);
    QCOMPARE(counts.value(text("waiting")).toInt(), 1);
    QVERIFY(states.value(text("max_connections")).toInt() > 0);
}

void TestCommandLine::recordAndReadBack()
{
    const QString recording = file("incident.poolrec");
    const Run recorded = run({text("record"), target_, text("-o"), recording, text("--for"),
                              text("2s"), text("--json"), text("--interval"), text("200ms")});
    QCOMPARE(recorded.code, 0);
    const QList<QByteArray> lines = recorded.out.trimmed().split('\n');
    QVERIFY(lines.size() >= 2);
    QCOMPARE(QJsonDocument::fromJson(lines.last()).object().value(text("complete")).toBool(), true);
    QVERIFY(!QFile::exists(recording + text("-wal")));
    QCOMPARE(QFile::permissions(recording) & (QFile::ReadGroup | QFile::ReadOther),
             QFile::Permissions{});

    const Run info = run({text("info"), recording, text("--json")});
    QCOMPARE(info.code, 0);
    const QJsonObject about = QJsonDocument::fromJson(info.out).object();
    QCOMPARE(about.value(text("complete")).toBool(), true);
    QCOMPARE(about.value(text("targets")).toArray(), QJsonArray{target_});
    QVERIFY(about.value(text("duration_us")).toInteger() > 1000000);

    const QString at = about.value(text("ended")).toString();
    const Run past = run({text("sessions"), recording, text("--at"), at, text("--json")});
    QCOMPARE(past.code, 0);
    bool found = false;
    for (const QJsonValue& one : past.array()) {
        const QJsonObject object = one.toObject();
        if (object.value(text("pid")).toInt() == holder_->pid())
            found = object.value(text("blocks")).toInt() == 1;
    }
    QVERIFY2(found, past.out.constData());
    // What would have been found with other thresholds.
    QCOMPARE(run({text("leaks"), recording, text("--json")}).array().size(), 0);
    QCOMPARE(run({text("leaks"), recording, text("--json"), text("--leak-after"), text("1ms")})
                 .array()
                 .size(),
             1);
    QCOMPARE(run({text("sessions"), recording, text("--at"), text("2001-01-01T00:00:00Z")}).code,
             2);
    QCOMPARE(run({text("sessions"), recording, text("--at"), text("soon")}).code, 2);
    const Run beyond =
        run({text("sessions"), recording, text("--at"), text("2101-01-01T00:00:00Z")});
    QCOMPARE(beyond.code, 0);
    QVERIFY2(beyond.err.contains("The recording ends at 20"), beyond.err.constData());
    QCOMPARE(run({text("watch"), recording, text("--json"), text("--for"), text("1s")}).code, 0);
    QCOMPARE(run({text("cancel"), recording, text("1"), text("--started"), at}).code, 2);
}

void TestCommandLine::recordEndsOnInterrupt()
{
    const QString recording = file("interrupted.poolrec");
    const auto process = start({text("record"), target_, text("-o"), recording, text("--json")});
    QVERIFY(process->waitForStarted());
    QTRY_VERIFY(process->canReadLine() || process->waitForReadyRead(100));
    QCOMPARE(::kill(static_cast<pid_t>(process->processId()), SIGINT), 0);
    QVERIFY(process->waitForFinished(10000));
    QCOMPARE(process->exitStatus(), QProcess::NormalExit);
    QCOMPARE(process->exitCode(), 0);
    const Run info = run({text("info"), recording, text("--json")});
    QCOMPARE(QJsonDocument::fromJson(info.out).object().value(text("complete")).toBool(), true);
    QVERIFY(!QFile::exists(recording + text("-wal")));
}

void TestCommandLine::recordNeverOverwrites()
{
    QFile existing{file("existing.poolrec")};
    QVERIFY(existing.open(QIODevice::WriteOnly));
    existing.write("precious");
    existing.close();
    QCOMPARE(
        run({text("record"), target_, text("-o"), existing.fileName(), text("--for"), text("1s")})
            .code,
        2);
    QVERIFY(existing.open(QIODevice::ReadOnly));
    QCOMPARE(existing.readAll(), QByteArray{"precious"});
    QCOMPARE(run({text("record"), target_, text("-o"), file("no/such/folder.poolrec"),
                  text("--for"), text("1s")})
                 .code,
             5);
}

void TestCommandLine::watchPrintsLines()
{
    const Run watched = run({text("watch"), target_, text("--json"), text("--for"), text("1s"),
                             text("--interval"), text("200ms")});
    QCOMPARE(watched.code, 0);
    const QList<QByteArray> lines = watched.out.trimmed().split('\n');
    QVERIFY(lines.size() >= 3);
    for (const QByteArray& line : lines) {
        const QJsonObject object = QJsonDocument::fromJson(line).object();
        for (const char* const key : {"time", "targets", "states", "leaks", "blocking", "sessions"})
            QVERIFY2(object.contains(QLatin1String(key)), key);
    }
    const Run screens = run({text("watch"), target_, text("--for"), text("300ms")});
    QVERIFY(screens.out.contains("connections"));
    QVERIFY(!screens.out.contains('\x1b'));
}

void TestCommandLine::cancelIsIdentityChecked()
{
    const QJsonObject waiter = session(waiter_->pid());
    const QString pid = QString::number(waiter_->pid());
    const Run wrong =
        run({text("cancel"), target_, pid, text("--started"), text("2026-01-01T00:00:00.000001Z")});
    QCOMPARE(wrong.code, 4);
    QVERIFY(!waiter_->answered());

    const Run right = run({text("cancel"), target_, text("--identity"),
                           waiter.value(text("id")).toString(), text("--json")});
    QCOMPARE(right.code, 0);
    const QString outcome = first(right.array()).value(text("outcome")).toString();
    QVERIFY(outcome == text("accepted") || outcome == text("observed"));
    QTRY_VERIFY(waiter_->answered());
    QVERIFY(!waiter_->finish());
    // The session itself lives on.
    QVERIFY(waiter_->exec(text("SELECT 1")));
}

void TestCommandLine::terminateIsIdentityChecked()
{
    const QJsonObject holder = session(holder_->pid());
    const QString pid = QString::number(holder_->pid());
    QCOMPARE(run({text("terminate"), target_, text("1"), text("--started"),
                  holder.value(text("started")).toString()})
                 .code,
             4);
    QCOMPARE(run({text("terminate"), target_, pid, text("--started"), text("2026-01-01T00:00:00Z")})
                 .code,
             4);
    QVERIFY(holder_->exec(text("SELECT 1")));
    QCOMPARE(run({text("terminate"), target_, pid, text("--started"),
                  holder.value(text("started")).toString()})
                 .code,
             0);
    QVERIFY(!holder_->exec(text("SELECT 1")));
    // Who waited for it goes on.
    QVERIFY(waiter_->finish());
}

void TestCommandLine::readOnlyRefuses()
{
    const QJsonObject holder = session(holder_->pid());
    QCOMPARE(run({text("terminate"), target_, text("--identity"),
                  holder.value(text("id")).toString(), text("--read-only")})
                 .code,
             4);
    QVERIFY(holder_->exec(text("SELECT 1")));
}

void TestCommandLine::unreachableTargetsDoNotHideOthers()
{
    const QString nobody = text("postgresql://postgres@127.0.0.1:1/postgres");
    const Run both = run({text("states"), target_, nobody, text("--json")});
    QCOMPARE(both.code, 3);
    QCOMPARE(both.array().size(), 1);
    QVERIFY(!both.err.isEmpty());
    const Run alone = run({text("sessions"), nobody, text("--json")});
    QCOMPARE(alone.code, 3);
    QCOMPARE(alone.out.trimmed(), QByteArray{"[]"});
    QCOMPARE(run({text("watch"), nobody}).code, 3);
    const Run watched = run({text("watch"), nobody, text("--json")});
    QCOMPARE(watched.code, 3);
    QVERIFY2(watched.out.contains("\"failing\""), watched.out.constData());
    QCOMPARE(
        run({text("cancel"), nobody, text("1"), text("--started"), text("2026-01-01T00:00:00Z")})
            .code,
        3);
}

void TestCommandLine::usageAndFiles()
{
    QCOMPARE(run({text("sessions")}).code, 2);
    QCOMPARE(run({text("sessions"), text("nonsense")}).code, 2);
    QVERIFY(run({text("--page"), text("nosuch"), target_}).err.contains("blocking"));
    QCOMPARE(run({text("sessions"), target_, text("--at"), text("12:00:00")}).code, 2);
    QFile foreign{file("foreign.poolrec")};
    QVERIFY(foreign.open(QIODevice::WriteOnly));
    foreign.write("this is no recording");
    foreign.close();
    const Run info = run({text("info"), foreign.fileName()});
    QCOMPARE(info.code, 5);
    QVERIFY(!info.err.isEmpty());
    QCOMPARE(run({text("sessions"), foreign.fileName(), text("--json")}).code, 5);
    QCOMPARE(run({text("info"), file("missing.poolrec")}).code, 5);
}

void TestCommandLine::picturesOfTheWindow()
{
    const QString recording = file("pictured.poolrec");
    QCOMPARE(run({text("record"), target_, text("-o"), recording, text("--for"), text("2s")}).code,
             0);
    const QString png = file("window.png");
    const auto draw = [&](const QStringList& more) {
        QFile::remove(png);
        return run(QStringList{text("--screenshot"), png} + more);
    };
    const Run drawn = draw({recording});
    if (drawn.err.contains("without a window"))
        QSKIP("built without a window");
    QVERIFY2(drawn.code == 0, drawn.err.constData());
    QVERIFY(QFile::exists(png));
    // An instant as everywhere else: of the recording's day, too.
    const QByteArray ended =
        QJsonDocument::fromJson(run({text("info"), recording, text("--json")}).out)
            .object()
            .value(text("ended"))
            .toString()
            .toLatin1();
    QCOMPARE(draw({recording, text("--at"), QString::fromLatin1(ended.mid(11, 8))}).code, 0);
    QCOMPARE(draw({recording, text("--at"), text("noon")}).code, 2);
    QCOMPARE(draw({recording, text("--at"), text("2001-01-01T00:00:00Z")}).code, 2);
    QCOMPARE(draw({recording, recording}).code, 2);
    QCOMPARE(draw({recording, target_}).code, 2);
    // Trouble is worth a picture too.
    const Run failing = draw({text("postgresql://postgres@127.0.0.1:1/postgres")});
    QCOMPARE(failing.code, 3);
    QVERIFY2(failing.err.contains("Nothing listens at 127.0.0.1"), failing.err.constData());
    QVERIFY(QFile::exists(png));
    // It neither reads nor writes what the user has set.
    const QTemporaryDir home;
    QProcess process;
    QProcessEnvironment there = QProcessEnvironment::systemEnvironment();
    there.insert(text("XDG_CONFIG_HOME"), home.path());
    process.setProcessEnvironment(there);
    process.start(inBuild("app/poolscope"), {text("--screenshot"), png, recording});
    QVERIFY(process.waitForFinished(60000));
    QCOMPARE(process.exitCode(), 0);
    QCOMPARE(QDir(home.path()).entryList(QDir::AllEntries | QDir::NoDotAndDotDot), QStringList());
}

/// A role that sees itself alone is told so: "none" would be good news.
void TestCommandLine::whatIsHiddenIsSaid()
{
    PgClient admin{cluster_.conninfo()};
    admin.exec(text("CREATE ROLE nosy LOGIN"));
    const QString nosy = cluster_.conninfo() + text(" user=nosy");
    for (const char* const verb : {"leaks", "blocking", "sessions", "states"}) {
        const Run hidden = run({text(verb), nosy});
        QCOMPARE(hidden.code, 0);
        QVERIFY2(hidden.err.contains("the role nosy cannot see") &&
                     hidden.err.contains("GRANT pg_monitor TO nosy"),
                 hidden.err.constData());
        // A busy machine may be told of beside it.
        QVERIFY(!run({text(verb), target_}).err.contains("cannot see"));
    }
}

void TestCommandLine::withoutADisplay()
{
    QProcess process;
    QProcessEnvironment none = QProcessEnvironment::systemEnvironment();
    for (const char* const name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
        none.remove(text(name));
    process.setProcessEnvironment(none);
    process.setStandardInputFile(QProcess::nullDevice());
    process.start(inBuild("app/poolscope"), QStringList());
    QVERIFY(process.waitForFinished(30000));
    QCOMPARE(process.exitStatus(), QProcess::NormalExit);
    QCOMPARE(process.exitCode(), 2);
    QVERIFY(process.readAllStandardError().contains("no display"));
    process.start(inBuild("app/poolscope"), {target_});
    QByteArray shown;
    QTRY_VERIFY_WITH_TIMEOUT((process.waitForReadyRead(100),
                              shown += process.readAllStandardOutput(), shown.contains("holder")),
                             30000);
    process.terminate();
    QVERIFY(process.waitForFinished(10000));
    QCOMPARE(process.exitCode(), 0);
    QVERIFY(process.readAllStandardError().contains("the text screen"));
}

void TestCommandLine::passwordLeavesTheProcessList()
{
    const QString target = cluster_.conninfo() + text(" password=opensesame");
    const auto process = start({text("watch"), target, text("--json")});
    QVERIFY(process->waitForStarted());
    QTRY_VERIFY(process->canReadLine() || process->waitForReadyRead(100));
    QFile list{text("/proc/%1/cmdline").arg(process->processId())};
    QVERIFY(list.open(QIODevice::ReadOnly));
    const QByteArray shown = list.readAll();
    QVERIFY(shown.contains("password="));
    QVERIFY(!shown.contains("opensesame"));
    process->terminate();
    QVERIFY(process->waitForFinished(10000));
    QVERIFY(process->readAllStandardError().contains("password"));
}

void TestCommandLine::passwordIsNeverPrinted()
{
    const QString target =
        text("postgresql://postgres:opensesame@127.0.0.1:%1/postgres").arg(cluster_.port());
    for (const char* const verb : {"sessions", "states", "watch"}) {
        const Run done = run({text(verb), target, text("--json"), text("--for"), text("200ms")});
        QCOMPARE(done.code, 0);
        QVERIFY(!done.out.contains("opensesame"));
        QVERIFY(!done.err.contains("opensesame"));
    }
    const Run usage = run({text("sessions"), target, text("--bogus")});
    QVERIFY(!usage.err.contains("opensesame"));
    const QString recording = file("secret.poolrec");
    QCOMPARE(run({text("record"), target, text("-o"), recording, text("--for"), text("1s")}).code,
             0);
    QFile bytes{recording};
    QVERIFY(bytes.open(QIODevice::ReadOnly));
    QVERIFY(!bytes.readAll().contains("opensesame"));
}

void TestCommandLine::aWrongPasswordIsSaidAlike()
{
    QVERIFY(PgClient{cluster_.conninfo()}.exec(text("CREATE ROLE kept LOGIN PASSWORD 'right'")));
    cluster_.addHba(text("host all kept 127.0.0.1/32 md5"));
    qputenv("PGPASSWORD", "wrong");
    const QString target = cluster_.uri(text("postgres"), text("kept"));
    const Run sessions = run({text("sessions"), target});
    const Run recorded = run({text("record"), target, text("-o"), file("kept.poolrec")});
    qunsetenv("PGPASSWORD");
    QVERIFY2(sessions.err.contains("nobody to ask"), sessions.err);
    // A recording may be of several: it names the target before the sentence.
    QVERIFY2(recorded.err.endsWith(sessions.err.mid(sessions.err.indexOf(": ") + 2)), recorded.err);
    QCOMPARE(recorded.code, 3);
}

QTEST_GUILESS_MAIN(TestCommandLine)
#include "tst_commandline.moc"
