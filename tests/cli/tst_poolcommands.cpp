// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/places.h"
#include "tests/support/shell.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <memory>

using namespace poolscope::test;

/// The real binary against a real instrumented process: the demo's, which leaks by a script.
class TestPoolCommands : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void cleanupTestCase();
    void poolsAndCheckouts();
    void leaksNameTheLine();
    void aServersQuestionsHaveNoAnswer();
    void reclaims();
    void recordsAndReadsBack();
    void watches();
    void watchesWithOtherThresholds();
    void whatIsNotThere();
    void clearsUpAfterOneThatWasKilled();

private:
    static Run run(const QStringList& arguments);
    /// The first checkout of the leaking line.
    QString leakedCheckout() const;

    QTemporaryDir dir_;
    std::unique_ptr<QProcess> shop_;
    QString target_;
};

using namespace poolscope::test;

namespace {

QString text(const char* latin1)
{
    return QString::fromLatin1(latin1);
}

QJsonValue of(const QJsonValue& object, const char* key)
{
    return object.toObject().value(QLatin1String(key));
}

} // namespace

Run TestPoolCommands::run(const QStringList& arguments)
{
    return runProgram(inBuild("app/poolscope"), arguments);
}

void TestPoolCommands::initTestCase()
{
    const QString socket = dir_.filePath(text("shop.sock"));
    target_ = text("pool+unix://") + socket;
    shop_ = std::make_unique<QProcess>();
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(text("POOLSCOPE_LISTEN"), text("unix:") + socket);
    shop_->setProcessEnvironment(environment);
    shop_->start(inBuild("app/poolscope"), {text("--demo-workload=fast")});
    QVERIFY(shop_->waitForStarted());
    QVERIFY(shop_->waitForReadyRead(20000));
    QTRY_VERIFY_WITH_TIMEOUT(!leakedCheckout().isEmpty(), 60000);
}

void TestPoolCommands::cleanupTestCase()
{
    shop_->closeWriteChannel(); // its end is that of its input
    QVERIFY(shop_->waitForFinished(20000));
}

QString TestPoolCommands::leakedCheckout() const
{
    const Run leaks =
        run({text("leaks"), target_, text("--json"), text("--leak-after"), text("300ms")});
    for (const QJsonValue& leak : leaks.array()) {
        if (of(leak, "group").toString().contains(text("place_order")))
            return of(leak, "checkout").toString();
    }
    return {};
}

void TestPoolCommands::poolsAndCheckouts()
{
    const Run pools = run({text("pools"), target_, text("--json")});
    QCOMPARE(pools.code, 0);
    QCOMPARE(pools.array().size(), 2);
    const QJsonValue shop = pools.array().last();
    QCOMPARE(of(shop, "pool").toString(), text("shop"));
    QCOMPARE(of(shop, "max").toInt(), 20);
    QVERIFY(of(shop, "used").toInt() > 0);
    const Run checkouts = run({text("checkouts"), target_});
    QCOMPARE(checkouts.code, 0);
    QVERIFY2(checkouts.out.contains("checkout.cpp:"), checkouts.out.constData());
}

void TestPoolCommands::leaksNameTheLine()
{
    Run leaks;
    const auto look = [this, &leaks] {
        leaks = run({text("leaks"), target_, text("--json"), text("--leak-after"), text("300ms")});
        return leaks.code != 0 || leaks.out.contains("checkout.cpp");
    };
    QTRY_VERIFY_WITH_TIMEOUT(look(), 60000);
    QCOMPARE(leaks.code, 0);
    for (const QJsonValue& leak : leaks.array()) {
        QCOMPARE(of(leak, "kind").toString(), text("checkout"));
        QVERIFY(of(leak, "age_us").toInteger() >= 300000);
        QVERIFY(!of(leak, "evidence").toArray().isEmpty());
        QVERIFY(of(leak, "session").isNull());
    }
}

void TestPoolCommands::aServersQuestionsHaveNoAnswer()
{
    for (const char* const verb : {"sessions", "states", "blocking"}) {
        const Run done = run({text(verb), target_, text("--json")});
        QCOMPARE(done.code, 0);
        QCOMPARE(done.out.trimmed(), QByteArray{"[]"});
        QVERIFY2(done.err.contains("instrumented process"), done.err.constData());
    }
}

void TestPoolCommands::reclaims()
{
    QString checkout;
    QTRY_VERIFY_WITH_TIMEOUT(!(checkout = leakedCheckout()).isEmpty(), 60000);
    const Run locked = run({text("reclaim"), target_, checkout, text("--read-only")});
    QCOMPARE(locked.code, 4);
    QVERIFY(locked.err.contains("Read-only"));
    const Run done = run({text("reclaim"), target_, checkout, text("--json")});
    QVERIFY2(done.code == 0, done.err.constData());
    const QJsonValue action = done.array().first();
    QCOMPARE(of(action, "action").toString(), text("reclaim"));
    QCOMPARE(of(action, "checkout").toString(), checkout);
    QVERIFY(of(action, "outcome").toString() == text("accepted") ||
            of(action, "outcome").toString() == text("observed"));
    const Run again = run({text("reclaim"), target_, checkout});
    QCOMPARE(again.code, 4);
    QVERIFY2(again.err.contains("is open any more"), again.err.constData());
    const Run session =
        run({text("cancel"), target_, text("17"), text("--started"), text("2026-11-21T14:28:40Z")});
    QCOMPARE(session.code, 4);
    QVERIFY(session.err.contains("knows checkouts, not sessions"));
}

void TestPoolCommands::recordsAndReadsBack()
{
    const QString file = dir_.filePath(text("night.poolrec"));
    Run leaks;
    // The shop goes from pattern to pattern: on a slow machine a recording may end between two.
    for (int tries = 0; tries < 6 && !leaks.out.contains("checkout.cpp:"); ++tries) {
        QFile::remove(file);
        QCOMPARE(run({text("record"), target_, text("-o"), file, text("--for"), text("3s"),
                      text("--leak-after"), text("300ms")})
                     .code,
                 0);
        QCOMPARE(run({text("pools"), file, text("--json")}).array().size(), 2);
        leaks = run({text("leaks"), file});
        QCOMPARE(leaks.code, 0);
    }
    QVERIFY2(leaks.out.contains("checkout.cpp:"), leaks.out.constData());
    bool named = false;
    for (const QJsonValue& checkout : run({text("checkouts"), file, text("--json")}).array()) {
        const QString line = of(of(checkout, "stack").toArray().at(0), "file").toString();
        named = named || line.endsWith(text("/checkout.cpp"));
    }
    QVERIFY(named);
    QCOMPARE(run({text("reclaim"), file, text("1")}).code, 2);
    const Run sessions = run({text("sessions"), file, text("--json")});
    QCOMPARE(sessions.out.trimmed(), QByteArray{"[]"});
    QVERIFY(sessions.err.contains("instrumented process"));
}

void TestPoolCommands::watches()
{
    const Run watched = run({text("watch"), target_, text("--json"), text("--for"), text("1s")});
    QCOMPARE(watched.code, 0);
    const QList<QByteArray> lines = watched.out.trimmed().split('\n');
    const QJsonObject line = QJsonDocument::fromJson(lines.last()).object();
    QCOMPARE(of(line, "pools").toArray().size(), 2);
    QVERIFY(of(line, "states").toArray().isEmpty());
    const Run screen = run({text("watch"), target_, text("--for"), text("1s")});
    QVERIFY2(screen.out.contains("of 20 used"), screen.out.constData());
}

/// A what-if, whatever was chosen when it was recorded, for all pools or for one.
void TestPoolCommands::watchesWithOtherThresholds()
{
    QStringList chosen{text("--leak-after"), text("1h"), text("--critical-after"), text("2h")};
    for (const QJsonValue& pool : run({text("pools"), target_, text("--json")}).array()) {
        const QString name = of(pool, "pool").toString();
        chosen << text("--leak-after") << name + text("=1h");
        chosen << text("--critical-after") << name + text("=2h");
    }
    QCOMPARE(chosen.size(), 12);
    const QString file = dir_.filePath(text("lenient.poolrec"));
    QCOMPARE(run(QStringList{text("record"), target_, text("-o"), file, text("--for"), text("3s")} +
                 chosen)
                 .code,
             0);
    const auto leaks = [&](const QStringList& options) {
        const Run watched = run(
            QStringList{text("watch"), file, text("--json"), text("--for"), text("2s")} + options);
        qsizetype most = watched.code == 0 ? 0 : -1;
        for (const QByteArray& line : watched.out.trimmed().split('\n'))
            most = std::max(most,
                            of(QJsonDocument::fromJson(line).object(), "leaks").toArray().size());
        return most;
    };
    QCOMPARE(leaks({}), 0);
    QVERIFY(leaks({text("--leak-after"), text("1ms")}) > 0);
}

void TestPoolCommands::whatIsNotThere()
{
    const Run gone = run(
        {text("pools"), text("pool+unix://") + dir_.filePath(text("none.sock")), text("--json")});
    QCOMPARE(gone.code, 3);
    QCOMPARE(gone.out.trimmed(), QByteArray{"[]"});
    QVERIFY(!gone.err.isEmpty());
    QCOMPARE(run({text("pools"), text("pool://t0ken@127.0.0.1:7070")}).code, 2);
}

void TestPoolCommands::clearsUpAfterOneThatWasKilled()
{
    const QTemporaryDir temporary;
    const QDir folder(temporary.path());
    const auto left = [&] {
        return folder.entryList(QDir::Dirs | QDir::NoDotAndDotDot);
    };
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(text("TMPDIR"), temporary.path());
    QProcess killed;
    killed.setProcessEnvironment(environment);
    killed.start(inBuild("app/poolscope"), {text("watch"), text("demo:"), text("--json")});
    QVERIFY(killed.waitForReadyRead(30000));
    killed.kill();
    QVERIFY(killed.waitForFinished());
    // The demo's process ends with its input, and clears up. The rest is the demo's and the
    // recording's.
    QTRY_COMPARE_WITH_TIMEOUT(left().size(), 2, 20000);
    const auto sockets = [&] {
        int count = 0;
        for (const QString& each : left())
            count += static_cast<int>(QDir(folder.filePath(each)).entryList(QDir::System).size());
        return count;
    };
    QTRY_COMPARE_WITH_TIMEOUT(sockets(), 0, 20000);
    QProcess next;
    next.setProcessEnvironment(environment);
    next.setStandardInputFile(QProcess::nullDevice());
    next.start(inBuild("app/poolscope"), {text("pools"), target_});
    QVERIFY(next.waitForFinished(30000));
    QCOMPARE(next.exitCode(), 0);
    QCOMPARE(left(), QStringList{});
}

QTEST_GUILESS_MAIN(TestPoolCommands)
#include "tst_poolcommands.moc"
