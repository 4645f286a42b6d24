// SPDX-License-Identifier: GPL-3.0-or-later
// Where a disk does not answer, the window does: it waits for no thread that reads or writes a
// recording, and for their end no longer than it says.
#include "tests/capture/helddisk.h"
#include "tests/capture/workspacefixture.h"
#include "tests/support/loopwatch.h"

#include <QDir>
#include <QElapsedTimer>
#include <QSignalSpy>

#include <functional>
#include <vector>

using namespace poolscope;

using Begin = std::function<void(Fixture&)>;

class TestHungDisk : public QObject
{
    Q_OBJECT
private slots:
    void aQuestionWaitsForNone();
    void anotherRecordingIsOpened();
    void anotherCopyIsMade();
    void aCopyThatIsStoppedFirst();
    void theEndIsBounded_data();
    void theEndIsBounded();
    void oneThatIsLetGoStopsNobody();
};

namespace {

/// Far longer than any call may take, far shorter than the disk takes.
constexpr qint64 at_once = 1'500; // ms

bool capture(Fixture& f)
{
    return f.attach() && f.sample({session(1, SessionState::active, start)}) &&
           QTest::qWaitFor([&] { return f.workspace->transport().bytes > 0; });
}

QStringList recordings(const Fixture& f)
{
    const QDir cache{f.folder.path() + QStringLiteral("/cache")};
    return cache.entryList({QStringLiteral("*.poolrec")}, QDir::Files);
}

} // namespace

void TestHungDisk::aQuestionWaitsForNone()
{
    HeldDisk disk;
    Fixture f;
    QVERIFY(capture(f));
    disk.hold("/cache/");
    std::vector<int> answered;
    const auto ask = [&](int number) {
        f.workspace->held(start, start + 10s, [&, number](const std::vector<HeldPlace>&) {
            answered.push_back(number);
        });
    };
    ask(1);
    QTRY_COMPARE(disk.waiting(), 1);
    QElapsedTimer took;
    took.start();
    for (const int number : {2, 3, 4})
        ask(number);
    QVERIFY2(took.elapsed() < at_once, qPrintable(QString::number(took.elapsed())));
    QCOMPARE(disk.waiting(), 1); // the disk keeps one of us, however often somebody asks
    QVERIFY(f.sample({session(2, SessionState::active, start)})); // and all else goes on
    QVERIFY(answered.empty());
    disk.release();
    QTRY_VERIFY(!answered.empty());
    QCOMPARE(answered, std::vector<int>{4}); // what was asked before is of no use
}

void TestHungDisk::anotherRecordingIsOpened()
{
    HeldDisk disk;
    Fixture f;
    const QString away = f.folder.filePath(QStringLiteral("away.poolrec"));
    const QString here = f.folder.filePath(QStringLiteral("here.poolrec"));
    QVERIFY(recordSeconds(away.toStdString(), 20));
    QVERIFY(recordSeconds(here.toStdString(), 5));
    // Between what shows the recording and what looks through it for marks.
    connect(f.workspace.get(), &Workspace::transportChanged, this, [&](const Transport& t) {
        if (t.mode == Mode::replay && t.file == away)
            disk.hold("away.poolrec");
    });
    f.workspace->open(away);
    QTRY_COMPARE(disk.waiting(), 1);
    const test::LoopWatch turns;
    f.workspace->open(here);
    QTRY_COMPARE(f.workspace->transport().file, here);
    QVERIFY(f.seek(start + 3s));
    QCOMPARE(disk.waiting(), 1);
    QVERIFY2(turns.longestMs() < at_once, qPrintable(QString::number(turns.longestMs())));
    disk.release();
    QTRY_COMPARE(disk.waiting(), 0);
}

void TestHungDisk::anotherCopyIsMade()
{
    HeldDisk disk;
    Fixture f;
    QVERIFY(capture(f));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    QSignalSpy unsaved(f.workspace.get(), &Workspace::saveFailed);
    disk.hold("/cache/");
    const QString first = f.folder.filePath(QStringLiteral("first.poolrec"));
    const QString second = f.folder.filePath(QStringLiteral("second.poolrec"));
    f.workspace->save(first);
    QTRY_COMPARE(disk.waiting(), 1);
    const test::LoopWatch turns;
    f.workspace->save(second);
    QTRY_COMPARE(disk.waiting(), 2);
    QVERIFY(f.sample({session(2, SessionState::active, start)}));
    QVERIFY2(turns.longestMs() < at_once, qPrintable(QString::number(turns.longestMs())));
    disk.release();
    QTRY_COMPARE(saved.count(), 1);
    QTRY_COMPARE(unsaved.count(), 1);
    QCOMPARE(saved.front().front().toString(), second);
    QVERIFY(QFile::exists(second));
    QVERIFY(!QFile::exists(first));
    QVERIFY(RecordingReader::open(second.toStdString()));
}

void TestHungDisk::aCopyThatIsStoppedFirst()
{
    Fixture f;
    QVERIFY(capture(f));
    QSignalSpy unsaved(f.workspace.get(), &Workspace::saveFailed);
    const QString file = f.folder.filePath(QStringLiteral("none.poolrec"));
    f.workspace->save(file);
    f.workspace->stopSaving(); // before it can begin
    QTRY_COMPARE(unsaved.count(), 1);
    QVERIFY(!QFile::exists(file));
    f.workspace->save(file);
    QTRY_VERIFY(QFile::exists(file));
}

void TestHungDisk::theEndIsBounded_data()
{
    QTest::addColumn<Begin>("begin");
    QTest::addColumn<QString>("named"); // empty: the recording itself
    const auto row = [](const char* name, const char* named, const Begin& begin) {
        QTest::newRow(name) << begin << QString::fromLatin1(named);
    };
    row("a question", "", [](Fixture& f) {
        f.workspace->held(start, start + 10s, [](const std::vector<HeldPlace>&) {});
    });
    row("a copy", "copy.poolrec",
        [](Fixture& f) { f.workspace->save(f.folder.filePath(QStringLiteral("copy.poolrec"))); });
    row("a loan", "", [](Fixture& f) {
        QVERIFY(f.workspace->lend([](const std::string& file, const std::atomic<bool>&) {
            static_cast<void>(RecordingReader::open(file));
        }));
    });
    row("the past", "", [](Fixture& f) { f.workspace->seek(start); });
}

void TestHungDisk::theEndIsBounded()
{
    QFETCH(Begin, begin);
    QFETCH(QString, named);
    HeldDisk disk;
    std::vector<std::string> told;
    Fixture f([&](Workspace::Options& options) {
        options.patience = 300ms;
        options.tellsWaiting = [&told](const std::string& sentence) {
            told.push_back(sentence);
        };
    });
    QVERIFY(capture(f));
    QCOMPARE(recordings(f).size(), 1);
    const std::string name = (named.isEmpty() ? recordings(f).front() : named).toStdString();
    const QString kept = f.folder.path() + QStringLiteral("/cache/") + recordings(f).front();
    disk.hold("/cache/");
    begin(f);
    QTRY_COMPARE(disk.waiting(), 1);
    QElapsedTimer took;
    took.start();
    f.workspace.reset();
    QVERIFY2(took.elapsed() < at_once, qPrintable(QString::number(took.elapsed())));
    QCOMPARE(told.size(), size_t{2});
    for (const std::string& sentence : told)
        QVERIFY2(sentence.find(name) != std::string::npos, sentence.c_str());
    // What cannot be closed is not thrown away; a copy stands in nobody's way.
    QCOMPARE(QFile::exists(kept), named.isEmpty());
    disk.release();
    // Whatever was left alone ends by itself, and cleans up behind it.
    QTRY_VERIFY(recordings(f).isEmpty());
}

void TestHungDisk::oneThatIsLetGoStopsNobody()
{
    HeldDisk disk;
    Fixture f;
    QVERIFY(capture(f));
    Workspace* const other = f.workspace.release();
    disk.hold("/cache/");
    bool answered = false;
    other->held(start, start + 10s, [&](const std::vector<HeldPlace>&) { answered = true; });
    QTRY_COMPARE(disk.waiting(), 1);
    QSignalSpy gone(other, &QObject::destroyed);
    QElapsedTimer took;
    took.start();
    other->letGo();
    QCoreApplication::processEvents();
    QVERIFY2(took.elapsed() < at_once, qPrintable(QString::number(took.elapsed())));
    QCOMPARE(gone.count(), 0);
    disk.release();
    QTRY_COMPARE(gone.count(), 1);
    QVERIFY(!answered);
    QVERIFY(recordings(f).isEmpty());
}

QTEST_GUILESS_MAIN(TestHungDisk)
#include "tst_hungdisk.moc"
