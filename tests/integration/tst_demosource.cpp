// SPDX-License-Identifier: GPL-3.0-or-later
// The demo's child: how it is started, kept, and let go. What it does is tested in app/demo.
#include "core/source/demosource.h"
#include "tests/source/poolprobe.h"
#include "tests/support/places.h"

#include <QDir>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

using namespace poolscope;
using namespace poolscope::test;

class TestDemoSource : public QObject
{
    Q_OBJECT
private slots:
    void init();
    void attachAndLeave();
    void deathIsToldAndItIsStartedAgain();
    void killedWhileAttached();
    void noSuchProgram();
    void endsWithItsInput();
    void cleanup();

private:
    static std::unique_ptr<DemoSource>
    make(const QString& program = inBuild("tests/integration/poolscope_agentprocess"),
         const QStringList& arguments = {QStringLiteral("--demo-workload"),
                                         QStringLiteral("--reclaim")})
    {
        AttachRequest request;
        request.target = QStringLiteral("demo:");
        request.interval = std::chrono::milliseconds{100};
        auto source = std::make_unique<DemoSource>(TargetId{1}, request);
        source->setProgram(program, arguments);
        source->setTimings(quickTimings());
        return source;
    }
    static bool runs(qint64 pid) { return ::kill(static_cast<pid_t>(pid), 0) == 0; }
    QStringList folders() const
    {
        return QDir(temporary_->path()).entryList(QDir::Dirs | QDir::NoDotAndDotDot);
    }

    std::unique_ptr<QTemporaryDir> temporary_;
    QByteArray before_;
};

void TestDemoSource::init()
{
    temporary_ = std::make_unique<QTemporaryDir>();
    before_ = qgetenv("TMPDIR");
    qputenv("TMPDIR", temporary_->path().toUtf8());
}

void TestDemoSource::cleanup()
{
    qputenv("TMPDIR", before_);
}

void TestDemoSource::attachAndLeave()
{
    qint64 pid = 0;
    {
        PoolProbe probe(make());
        auto& source = static_cast<DemoSource&>(probe.source());
        QCOMPARE(source.info().name, std::string("demo"));
        QCOMPARE(source.info().url, std::string("demo:"));
        QCOMPARE(source.processId(), 0);
        probe.start();
        QTRY_VERIFY(probe.up());
        // Not one failing status on the way: whoever waits for the first picture would give up.
        QCOMPARE(probe.failing, 0);
        QVERIFY(probe.pools().pools.contains(Text{"demo"}));
        pid = source.processId();
        QCOMPARE(probe.pools().agent->pid, pid);
        QCOMPARE(folders().size(), 1);
        const QFileInfo folder(temporary_->filePath(folders().first()));
        QCOMPARE(folder.permissions() & QFileDevice::Permissions(0x0077),
                 QFileDevice::Permissions());
        probe.source().stop();
        QCOMPARE(folders().size(), 0);
        const std::size_t facts = probe.facts.size();
        QTRY_VERIFY(!runs(pid));
        QCOMPARE(probe.facts.size(), facts);
        // And again, as a target that is attached anew.
        probe.start();
        QTRY_COMPARE(probe.reports, 2);
        pid = source.processId();
        QVERIFY(runs(pid));
    }
    QTRY_VERIFY(!runs(pid));
    QCOMPARE(folders().size(), 0);
}

void TestDemoSource::deathIsToldAndItIsStartedAgain()
{
    PoolProbe probe(make());
    auto& source = static_cast<DemoSource&>(probe.source());
    probe.start();
    QTRY_VERIFY(probe.up());
    const qint64 pid = source.processId();
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    QTRY_COMPARE(probe.reports, 2);
    QTRY_COMPARE(probe.reach(), Reach::up);
    QVERIFY(source.processId() != pid);
    QCOMPARE(probe.pools().agent->pid, source.processId());
    QVERIFY(probe.failing >= 1);
    QCOMPARE(probe.gaps, 1);
    bool said = false;
    for (const Fact& fact : probe.facts) {
        const auto* const status = std::get_if<StatusChanged>(&fact);
        said = said || (status && QString::fromStdString(status->status.sentence)
                                      .contains(QStringLiteral("ended by signal 9")));
    }
    QVERIFY(said);
}

void TestDemoSource::killedWhileAttached()
{
    // One that ends at once, again and again: told with its last words, never given up.
    PoolProbe probe(make(QStringLiteral("/bin/sh"),
                         {QStringLiteral("-c"), QStringLiteral("echo no luck >&2; exit 5")}));
    probe.start();
    QTRY_VERIFY(probe.failing >= 1);
    QCOMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.sentence().contains(QStringLiteral("ended with code 5")),
             qPrintable(probe.sentence()));
    QVERIFY2(probe.sentence().contains(QStringLiteral("no luck")), qPrintable(probe.sentence()));
    QVERIFY(probe.state().status.next_try.has_value());
    QCOMPARE(probe.gaps, 0);
    const ActionId action = probe.execute(ActionVerb::reclaim, "1");
    QCOMPARE(probe.phases(action), QStringLiteral("refused"));
    QTRY_VERIFY(probe.failing >= 3);
}

void TestDemoSource::noSuchProgram()
{
    PoolProbe probe(make(temporary_->filePath(QStringLiteral("none"))));
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY2(probe.sentence().contains(QStringLiteral("cannot be started")),
             qPrintable(probe.sentence()));
}

/// What ends the child when this process is killed.
void TestDemoSource::endsWithItsInput()
{
    QProcess child;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("POOLSCOPE_LISTEN"),
                       QStringLiteral("unix:") + temporary_->filePath(QStringLiteral("s")));
    child.setProcessEnvironment(environment);
    child.start(inBuild("tests/integration/poolscope_agentprocess"),
                {QStringLiteral("--demo-workload")});
    QVERIFY(child.waitForReadyRead());
    child.closeWriteChannel();
    QVERIFY(child.waitForFinished());
    QCOMPARE(child.exitCode(), 0);
    QVERIFY(!QFileInfo::exists(temporary_->filePath(QStringLiteral("s"))));
}

QTEST_GUILESS_MAIN(TestDemoSource)
#include "tst_demosource.moc"
