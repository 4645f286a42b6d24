// SPDX-License-Identifier: GPL-3.0-or-later
// A capture whose disk is full, with a small disk that is the test's own.
#include "tests/capture/fakesource.h"
#include "tests/capture/workspacefixture.h"

#include <QDir>
#include <QFile>
#include <QSignalSpy>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

using namespace poolscope;

class TestFullDisk : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void cleanup();
    void cleanupTestCase();
    void fromTheBeginning_data();
    void fromTheBeginning();
    void whatEachTargetToldIsInALateOne();
    void inTheMiddle();

private:
    Workspace::Options options() const;
    /// Takes what room there is but for that much.
    bool fill(int roomKiB);
    bool empty() const { return QFile::remove(ballast()); }
    QString ballast() const { return disk_ + QStringLiteral("/ballast"); }
    QString text(const QSignalSpy& failed) const;

    QTemporaryDir folder_;
    QString disk_ = folder_.filePath(QStringLiteral("disk"));
};

/// Before there is a thread: those that come have the same disks.
void TestFullDisk::initTestCase()
{
    QVERIFY(QDir{}.mkpath(disk_));
    if (::unshare(::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", QFile::encodeName(disk_).constData(), "tmpfs", 0, "size=4m") != 0)
        QSKIP("no disk of its own is to be had here");
}

void TestFullDisk::cleanup()
{
    QDir{disk_ + QStringLiteral("/cache")}.removeRecursively();
    QFile::remove(ballast());
}

void TestFullDisk::cleanupTestCase()
{
    ::umount2(QFile::encodeName(disk_).constData(), MNT_DETACH);
}

Workspace::Options TestFullDisk::options() const
{
    Workspace::Options options;
    options.temporaryFolder = disk_ + QStringLiteral("/cache");
    options.sourceFactory = [](TargetId id, const AttachRequest&) {
        return Result<std::unique_ptr<Source>>{std::make_unique<FakeSource>(id)};
    };
    return options;
}

bool TestFullDisk::fill(int roomKiB)
{
    QFile file{ballast()};
    const QByteArray block(4096, 'x');
    if (!file.open(QIODevice::WriteOnly | QIODevice::Unbuffered))
        return false;
    while (file.write(block) == block.size())
        ;
    return file.resize(std::max<qint64>(0, file.size() - roomKiB * 1024));
}

QString TestFullDisk::text(const QSignalSpy& failed) const
{
    const auto error = failed.last().first().value<Error>();
    return QString::fromStdString(error.sentence + ' ' + error.next_step);
}

void TestFullDisk::fromTheBeginning_data()
{
    QTest::addColumn<int>("room");
    QTest::newRow("nothing left") << 0;
    QTest::newRow("room for a lock") << 4;
    QTest::newRow("room for a page, not for its log") << 36;
}

void TestFullDisk::fromTheBeginning()
{
    QFETCH(const int, room);
    QVERIFY(fill(room));
    Workspace workspace{options()};
    QSignalSpy failed(&workspace, &Workspace::failed);
    workspace.attach(AttachRequest{});
    QTRY_COMPARE(failed.count(), 1);
    QVERIFY2(text(failed).contains(QStringLiteral("the disk is full")), qPrintable(text(failed)));
    QVERIFY2(text(failed).contains(QStringLiteral("Free some space")), qPrintable(text(failed)));
    QTRY_VERIFY(workspace.transport().recordingTrouble.contains(QStringLiteral("tried again")));
    // Saving says why there is nothing.
    workspace.save(folder_.filePath(QStringLiteral("none.poolrec")));
    QTRY_COMPARE(failed.count(), 2);
    QVERIFY2(text(failed).contains(QStringLiteral("not being recorded")), qPrintable(text(failed)));
    QVERIFY2(text(failed).contains(QStringLiteral("the disk is full")), qPrintable(text(failed)));

    // Once there is room it begins, with what was done and said until then.
    workspace.addNote(QStringLiteral("before it began"));
    QVERIFY(empty());
    QTRY_VERIFY_WITH_TIMEOUT(workspace.transport().recordingTrouble.isEmpty(), 10000);
    QSignalSpy saved(&workspace, &Workspace::saved);
    const QString file = folder_.filePath(QStringLiteral("late%1.poolrec").arg(room));
    workspace.save(file);
    QTRY_COMPARE(saved.count(), 1);
    QCOMPARE(failed.count(), 2);
    auto reader = RecordingReader::open(file.toStdString());
    QVERIFY(reader);
    const auto info = reader.value()->info();
    QVERIFY(info);
    QCOMPARE(info.value().targets.size(), std::size_t{1});
    QCOMPARE(info.value().gaps, std::uint64_t{1});
    bool noted = false;
    QVERIFY(reader.value()->read({}, [&](const Observation& each) {
        const auto* const note = std::get_if<Note>(&each.what);
        noted = noted || (note && note->text == "before it began");
        return true;
    }));
    QVERIFY(noted);

    // And there is a past to go to.
    QSignalSpy updated(&workspace, &Workspace::updated);
    workspace.pause();
    QTRY_COMPARE(workspace.transport().mode, Mode::paused);
    QTRY_VERIFY(updated.count() > 0 && updated.last().first().value<UpdatePtr>()->reset);
    QCOMPARE(failed.count(), 2);
}

/// One that answers, one of pools alone, one that never answered.
void TestFullDisk::whatEachTargetToldIsInALateOne()
{
    QVERIFY(fill(0));
    Workspace::Options three = options();
    three.sourceFactory = [](TargetId id, const AttachRequest&) {
        auto made =
            std::make_unique<FakeSource>(id, id == TargetId{2} ? "prometheus" : "postgresql");
        made->onStart = [id](FakeSource& source) {
            if (id == TargetId{1}) {
                ServerSample sample;
                sample.full = true;
                sample.changed = {session(1, SessionState::active, start)};
                source.report(sample);
            } else if (id == TargetId{2}) {
                PoolSample sample;
                sample.full = true;
                sample.pools.emplace_back().name = Text{"orders"};
                source.report(sample);
            } else {
                TargetStatus status;
                status.reach = Reach::failing;
                status.sentence = "The connection was refused.";
                source.report(StatusChanged{status});
            }
        };
        return Result<std::unique_ptr<Source>>{std::move(made)};
    };
    Workspace workspace{three};
    for (int i = 0; i < 3; ++i)
        workspace.attach(AttachRequest{});
    QTRY_VERIFY(!workspace.transport().recordingTrouble.isEmpty());
    QTRY_COMPARE(workspace.latest()->targets.size(), std::size_t{3});
    QVERIFY(empty());
    QTRY_VERIFY_WITH_TIMEOUT(workspace.transport().recordingTrouble.isEmpty(), 10000);
    QTest::qWait(1200);
    QVERIFY(!workspace.latest()->targets.at(2).last_sample);
    QSignalSpy saved(&workspace, &Workspace::saved);
    const QString file = folder_.filePath(QStringLiteral("three.poolrec"));
    workspace.save(file);
    QTRY_COMPARE(saved.count(), 1);

    auto reader = RecordingReader::open(file.toStdString());
    QVERIFY(reader);
    World world;
    QVERIFY(reader.value()->read({}, [&](const Observation& each) {
        world.apply(each);
        return true;
    }));
    QCOMPARE(world.target(TargetId{1})->sessions.size(), std::size_t{1});
    QCOMPARE(world.target(TargetId{2})->pools.pools.size(), std::size_t{1});
    QVERIFY(!world.target(TargetId{3})->last_sample);
    QCOMPARE(world.target(TargetId{3})->status.sentence,
             std::string("The connection was refused."));
    const auto series = reader.value()->series(Timestamp::min(), Timestamp::max(), 100);
    QVERIFY(series);
    for (const TargetSeries& each : series.value())
        QVERIFY(each.target == TargetId{1} || each.points.empty());
}

void TestFullDisk::inTheMiddle()
{
    Workspace workspace{options()};
    QSignalSpy failed(&workspace, &Workspace::failed);
    QSignalSpy saved(&workspace, &Workspace::saved);
    workspace.attach(AttachRequest{});
    QTRY_VERIFY(workspace.transport().bytes > 0);
    QTest::qWait(1500);
    QVERIFY(fill(0));
    QTRY_VERIFY_WITH_TIMEOUT(!workspace.transport().recordingTrouble.isEmpty(), 20000);
    QVERIFY2(workspace.transport().recordingTrouble.contains(QStringLiteral("the disk is full")),
             qPrintable(workspace.transport().recordingTrouble));
    QTest::qWait(2000);
    QCOMPARE(failed.count(), 0);
    workspace.save(folder_.filePath(QStringLiteral("short.poolrec")));
    QTRY_COMPARE(saved.count(), 1);
    QCOMPARE(failed.count(), 1);
    QVERIFY2(text(failed).startsWith(QStringLiteral("Only the first ")), qPrintable(text(failed)));
    QVERIFY(workspace.transport().savedUntil < workspace.transport().end - 1s);

    QVERIFY(empty());
    QTRY_VERIFY(workspace.transport().recordingTrouble.isEmpty());
    workspace.save(folder_.filePath(QStringLiteral("whole.poolrec")));
    QTRY_COMPARE(saved.count(), 2);
    QCOMPARE(failed.count(), 1);
    QVERIFY(workspace.transport().savedUntil > workspace.transport().end - 1s);
}

QTEST_GUILESS_MAIN(TestFullDisk)
#include "tst_fulldisk.moc"
