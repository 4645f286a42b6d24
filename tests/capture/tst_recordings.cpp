// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/temporaryrecording.h"
#include "core/record/writer.h"
#include "tests/capture/workspacefixture.h"
#include "tests/support/places.h"

#include <QDir>
#include <QSemaphore>
#include <QSignalSpy>

#include <thread>

using namespace poolscope;
using poolscope::test::inTree;

class TestRecordings : public QObject
{
    Q_OBJECT
private slots:
    void savedRecordingReplaysTheSame();
    void growthReplaysTheSame();
    void discardedRecordingIsRemoved();
    void leftBehindIsFound();
    void leftBehindIsReadElsewhere();
    void openingWaitsForNobody();
    void endsWhileACaptureCloses();
    void openingNonsenseSaysSo();
    void nonsenseKeepsWhatIsOpen();
    void theLatestAskedForIsShown();
    void aCopyNamesWhatItIsOf();
    void withoutAFolderItStillShows();
    void whatWasOpenIsNotTheCaptures();
    void theRecordingUnderWayIsLent();
    void aLoanEndsWhereTheRecordingIsClosed();
    void anotherLoanEndsTheFirst();
    void nothingIsLentWhereNothingIsRecorded();
};

void TestRecordings::savedRecordingReplaysTheSame()
{
    Fixture f;
    QVERIFY(f.attach());
    std::map<Timestamp, UpdatePtr> seen;
    for (int i = 1; i <= 60; ++i) {
        Session holder = session(500, SessionState::idle_in_transaction, start);
        Session waiter = session(501, SessionState::waiting, start + 20s);
        if (i > 20)
            waiter.blocked_by = {Pid{500}};
        QVERIFY(f.sample({session(i, SessionState::active, f.clock->now()), holder, waiter}));
        f.history[f.clock->now()] = f.rows;
        seen[f.clock->now()] = f.last;
    }
    const std::vector<Mark> liveMarks = *f.workspace->marks();
    QVERIFY(!liveMarks.empty());
    const QString file = f.folder.filePath(QStringLiteral("night.poolrec"));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    f.workspace->save(file);
    QTRY_COMPARE(saved.count(), 1);
    QVERIFY(f.workspace->transport().saved);
    QVERIFY(!QFile::exists(file + QStringLiteral("-wal")));

    f.workspace->open(file);
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    QTRY_VERIFY(!f.last->targets.empty());
    for (const int second : {60, 1, 31, 45, 29, 30}) {
        const Timestamp to = start + std::chrono::seconds{second};
        QVERIFY(f.seek(to));
        QVERIFY(f.rows == f.history.at(to));
        QVERIFY(f.last->targets.front().suspects == seen.at(to)->targets.front().suspects);
        QVERIFY(f.last->targets.front().blocking == seen.at(to)->targets.front().blocking);
        QVERIFY(f.last->targets.front().evidence == seen.at(to)->targets.front().evidence);
    }
    QTRY_VERIFY(*f.workspace->marks() == liveMarks);

    std::vector<TargetSeries> series;
    f.workspace->series(start, start + 61s, 1000,
                        [&](const std::vector<TargetSeries>& s) { series = s; });
    QTRY_COMPARE(series.size(), size_t{1});
    QVERIFY(series.front().points == f.points);
}

void TestRecordings::growthReplaysTheSame()
{
    Fixture f;
    QVERIFY(f.attach());
    std::vector<Session> idle;
    std::map<Timestamp, TargetSummary> seen;
    int growing = 0;
    for (int i = 1; i <= 60; ++i) {
        Session s = session(i, SessionState::idle, f.clock->now());
        s.key.started = f.clock->now();
        s.client = Text{"10.0.0.7:" + std::to_string(40000 + i)};
        idle.push_back(s);
        if (i == 52)
            idle.erase(idle.begin());
        QVERIFY(f.sample(idle, 10s));
        seen[f.clock->now()] = f.last->targets.front();
        growing += f.last->targets.front().suspects.empty() ? 0 : 1;
    }
    QVERIFY2(growing > 15 && growing < 25, qPrintable(QString::number(growing)));
    const std::vector<Mark> marks = *f.workspace->marks();
    const QString file = f.folder.filePath(QStringLiteral("night.poolrec"));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    f.workspace->save(file);
    QTRY_COMPARE(saved.count(), 1);
    f.workspace->open(file);
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    for (const int i : {60, 51, 20, 45, 52, 31, 32, 50}) {
        const Timestamp to = start + std::chrono::seconds{10 * i};
        QVERIFY(f.seek(to));
        QVERIFY(f.last->targets.front().suspects == seen.at(to).suspects);
        QVERIFY(f.last->targets.front().evidence == seen.at(to).evidence);
    }
    QTRY_VERIFY(*f.workspace->marks() == marks);
}

void TestRecordings::discardedRecordingIsRemoved()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::active, start)}));
    const QDir cache{f.folder.path() + QStringLiteral("/cache")};
    QVERIFY(!cache.entryList({QStringLiteral("*.poolrec")}, QDir::Files).isEmpty());
    QVERIFY(TemporaryRecording::leftBehind(cache.path()).isEmpty());
    f.workspace.reset();
    QVERIFY(cache.entryList(QDir::Files).isEmpty());
}

void TestRecordings::leftBehindIsFound()
{
    QTemporaryDir folder;
    QFile file{folder.filePath(QStringLiteral("crashed.poolrec"))};
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.close();
    QCOMPARE(Workspace::leftBehind(folder.path()), QStringList{file.fileName()});
    Workspace::discardLeftBehind(file.fileName());
    QVERIFY(Workspace::leftBehind(folder.path()).isEmpty());
}

void TestRecordings::leftBehindIsReadElsewhere()
{
    Fixture f;
    const QDir cache{f.folder.path() + QStringLiteral("/cache")};
    QVERIFY(cache.mkpath(QStringLiteral(".")));
    const QString crashed = cache.filePath(QStringLiteral("crashed.poolrec"));
    const QString barren = cache.filePath(QStringLiteral("barren.poolrec"));
    const QString foreign = cache.filePath(QStringLiteral("foreign.poolrec"));
    {
        // What kill -9 leaves: the file and its log as they are while both are open.
        const QString open = f.folder.filePath(QStringLiteral("open.poolrec"));
        auto writer = RecordingWriter::create(open.toStdString(), {});
        auto none = RecordingWriter::create(barren.toStdString(), {});
        QVERIFY(writer && none);
        QVERIFY(writer.value()->append({SequenceNumber{1}, start, TargetId{1},
                                        TargetAttached{{TargetId{1}, "postgresql", "shop", ""}}}));
        QVERIFY(writer.value()->commit());
        for (const char* const suffix : {"", "-wal"})
            QVERIFY(QFile::copy(open + QString::fromLatin1(suffix),
                                crashed + QString::fromLatin1(suffix)));
    }
    QFile other{foreign};
    QVERIFY(other.open(QIODevice::WriteOnly) && other.write("not a recording") > 0);
    other.close();

    std::optional<std::vector<LeftBehind>> found;
    f.workspace->findLeftBehind([&](const std::vector<LeftBehind>& all) { found = all; });
    QVERIFY2(!found, "the answer comes later");
    QTRY_VERIFY(found);
    QCOMPARE(found->size(), size_t{2});
    QCOMPARE(found->back().file, foreign);
    QVERIFY(found->back().trouble &&
            found->back().trouble->sentence.find("is not a recording") != std::string::npos);
    QCOMPARE(found->front().file, crashed);
    QVERIFY(!found->front().trouble);
    QCOMPARE(found->front().info.targets.front().name, std::string("shop"));
    QVERIFY(!QFile::exists(barren));
    QVERIFY(QFile::exists(foreign));

    f.workspace->open(crashed);
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    f.workspace->open(QString{});
    f.workspace->removeLeftBehind(crashed);
    QTRY_VERIFY(!QFile::exists(crashed));
}

void TestRecordings::openingWaitsForNobody()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::active, start)}));
    const QString file = f.folder.filePath(QStringLiteral("night.poolrec"));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    f.workspace->save(file);
    QTRY_COMPARE(saved.count(), 1);

    // A capture that takes its time to end, as one does whose disk is slow.
    QSemaphore hang;
    std::atomic<bool> ended{false};
    f.source->onStop = [&] {
        hang.acquire();
        ended = true;
    };
    f.workspace->open(file);
    QVERIFY(!ended);
    QCOMPARE(f.workspace->transport().mode, Mode::empty);
    hang.release();
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    QTRY_COMPARE(f.rows.size(), size_t{1});
    QCOMPARE(f.workspace->transport().file, file);

    // And back: what is attached now is shown, and recorded anew.
    f.last.reset();
    QVERIFY(f.attach());
    Session one = session(1, SessionState::active, start);
    Session two = session(2, SessionState::active, start);
    one.key.target = two.key.target = TargetId{2};
    QVERIFY(f.sample({one, two}));
    QCOMPARE(f.workspace->transport().mode, Mode::live);
    QVERIFY(f.seek(f.clock->now()));
    QCOMPARE(f.rows.size(), size_t{2});
}

void TestRecordings::endsWhileACaptureCloses()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::active, start)}));
    const QDir cache{f.folder.path() + QStringLiteral("/cache")};
    f.workspace->open(f.folder.filePath(QStringLiteral("missing.poolrec")));
    f.workspace.reset();
    QVERIFY(cache.entryList(QDir::Files).isEmpty());
}

void TestRecordings::openingNonsenseSaysSo()
{
    Fixture f;
    QSignalSpy failed(f.workspace.get(), &Workspace::failed);
    f.workspace->open(f.folder.filePath(QStringLiteral("missing.poolrec")));
    QTRY_COMPARE(failed.count(), 1);
    const auto error = failed.front().front().value<Error>();
    QVERIFY(!error.sentence.empty());
    QCOMPARE(f.workspace->transport().mode, Mode::empty);
}

/// What is open is not given up for what cannot be read.
void TestRecordings::nonsenseKeepsWhatIsOpen()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::active, start)}));
    const QString file = f.folder.filePath(QStringLiteral("night.poolrec"));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    f.workspace->save(file);
    QTRY_COMPARE(saved.count(), 1);
    f.workspace->open(file);
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    QTRY_COMPARE(f.rows.size(), size_t{1});

    QFile whole{file};
    QVERIFY(whole.open(QIODevice::ReadOnly));
    const QByteArray bytes = whole.readAll();
    const QString cut = f.folder.filePath(QStringLiteral("cut.poolrec"));
    QFile half{cut};
    QVERIFY(half.open(QIODevice::WriteOnly) && half.write(bytes.left(bytes.size() / 3)) > 0);
    half.close();
    const QString nonsense = f.folder.filePath(QStringLiteral("nonsense.poolrec"));
    QFile other{nonsense};
    QVERIFY(other.open(QIODevice::WriteOnly) && other.write("not a recording") > 0);
    other.close();
    QSignalSpy failed(f.workspace.get(), &Workspace::failed);
    for (const QString& bad :
         {cut, nonsense, f.folder.filePath(QStringLiteral("missing.poolrec"))}) {
        failed.clear();
        f.workspace->open(bad);
        QTRY_COMPARE(failed.count(), 1);
        QCOMPARE(f.workspace->transport().mode, Mode::replay);
        QCOMPARE(f.workspace->transport().file, file);
        QCOMPARE(f.rows.size(), size_t{1});
    }
    // Nor does one that is asked for later wait for it, or give way to it.
    const QString copy = f.folder.filePath(QStringLiteral("copy.poolrec"));
    QVERIFY(QFile::copy(file, copy));
    f.workspace->open(nonsense);
    f.workspace->open(copy);
    QTRY_COMPARE(f.workspace->transport().file, copy);
    QTRY_COMPARE(f.rows.size(), size_t{1});
}

void TestRecordings::theLatestAskedForIsShown()
{
    Fixture f;
    const QString first = f.folder.filePath(QStringLiteral("first.poolrec"));
    const QString second = f.folder.filePath(QStringLiteral("second.poolrec"));
    QVERIFY(recordSeconds(first.toStdString(), 300));
    QVERIFY(recordSeconds(second.toStdString(), 20));
    f.workspace->open(first);
    f.workspace->open(second); // before the first has answered
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    QCOMPARE(f.workspace->transport().file, second);
    QCOMPARE(f.workspace->transport().end, start + 20s);
    QTRY_COMPARE(f.last->now, start + 20s);
}

/// Another recording may be open by the time that it is whole.
void TestRecordings::aCopyNamesWhatItIsOf()
{
    Fixture f;
    const QString first = f.folder.filePath(QStringLiteral("first.poolrec"));
    const QString second = f.folder.filePath(QStringLiteral("second.poolrec"));
    const QString copy = f.folder.filePath(QStringLiteral("copy.poolrec"));
    QVERIFY(recordSeconds(first.toStdString(), 20));
    QVERIFY(recordSeconds(second.toStdString(), 10));
    f.workspace->open(first);
    QTRY_COMPARE(f.last ? f.last->now : Timestamp{}, start + 20s);
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    f.workspace->save(copy);
    f.workspace->open(second);
    QTRY_COMPARE(f.last->now, start + 10s);
    QTRY_COMPARE(saved.count(), 1);
    QCOMPARE(f.workspace->transport().file, second);
}

void TestRecordings::withoutAFolderItStillShows()
{
    Workspace::Options options;
    QTemporaryDir folder;
    QFile blocker{folder.filePath(QStringLiteral("file"))};
    QVERIFY(blocker.open(QIODevice::WriteOnly));
    options.temporaryFolder = blocker.fileName() + QStringLiteral("/below-a-file");
    options.sourceFactory = [](TargetId id, const AttachRequest&) {
        return Result<std::unique_ptr<Source>>{std::make_unique<FakeSource>(id)};
    };
    Workspace workspace{options};
    QSignalSpy failed(&workspace, &Workspace::failed);
    QSignalSpy updated(&workspace, &Workspace::updated);
    workspace.attach(AttachRequest{});
    QTRY_COMPARE(failed.count(), 1);
    QTRY_VERIFY(!workspace.latest()->targets.empty());
    QTRY_VERIFY(!workspace.transport().recordingTrouble.isEmpty());
    workspace.seek(start);
    QCOMPARE(failed.count(), 2);
    QCOMPARE(workspace.transport().mode, Mode::live);
}

/// A capture that cannot record does not work on what was open before.
void TestRecordings::whatWasOpenIsNotTheCaptures()
{
    QTemporaryDir folder;
    QFile blocker{folder.filePath(QStringLiteral("file"))};
    QVERIFY(blocker.open(QIODevice::WriteOnly));
    Workspace::Options options;
    options.temporaryFolder = blocker.fileName() + QStringLiteral("/below-a-file");
    options.sourceFactory = [](TargetId id, const AttachRequest&) {
        return Result<std::unique_ptr<Source>>{std::make_unique<FakeSource>(id)};
    };
    Workspace workspace{options};
    workspace.open(inTree("tests/data/v5.poolrec"));
    QTRY_COMPARE(workspace.transport().mode, Mode::replay);
    workspace.attach(AttachRequest{});
    QTRY_COMPARE(workspace.transport().mode, Mode::live);
    QTRY_VERIFY(!workspace.transport().recordingTrouble.isEmpty());
    QVERIFY(!workspace.lend([](const std::string&, const std::atomic<bool>&) {}));
    QSignalSpy saved(&workspace, &Workspace::saved);
    QSignalSpy failed(&workspace, &Workspace::failed);
    workspace.save(folder.filePath(QStringLiteral("copy.poolrec")));
    QTRY_COMPARE(failed.count(), 1);
    QCOMPARE(saved.count(), 0);
}

void TestRecordings::theRecordingUnderWayIsLent()
{
    Fixture f;
    QVERIFY(f.attach());
    for (int i = 1; i <= 5; ++i)
        QVERIFY(f.sample({session(i, SessionState::active, f.clock->now())}));
    std::atomic<int> calls{0};
    std::atomic<bool> elsewhere{false};
    Timestamp ended;
    QTRY_VERIFY(f.workspace->transport().bytes > 0);
    QVERIFY(f.workspace->lend([&, here = std::this_thread::get_id()](
                                  const std::string& file, const std::atomic<bool>& stop) {
        elsewhere = std::this_thread::get_id() != here && !stop;
        if (auto reader = RecordingReader::open(file))
            if (const auto info = reader.value()->info())
                ended = info.value().ended;
        ++calls;
    }));
    QTRY_COMPARE(calls.load(), 1);
    QVERIFY(elsewhere);
    QVERIFY(ended >= f.clock->now()); // all that was seen is in it
    QCOMPARE(f.workspace->transport().mode, Mode::live);
    QVERIFY(f.sample({session(6, SessionState::active, f.clock->now())}));
}

void TestRecordings::aLoanEndsWhereTheRecordingIsClosed()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::active, f.clock->now())}));
    QTRY_VERIFY(f.workspace->transport().bytes > 0);
    const QString other = f.folder.filePath(QStringLiteral("other.poolrec"));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    f.workspace->save(other);
    QTRY_COMPARE(saved.count(), 1);
    QSemaphore begun;
    std::atomic<bool> heard{false};
    QVERIFY(f.workspace->lend([&](const std::string&, const std::atomic<bool>& stop) {
        begun.release();
        while (!stop)
            std::this_thread::yield();
        heard = true;
    }));
    bool works = false; // which is asked for twice
    QTRY_VERIFY(works = works || begun.tryAcquire());
    f.workspace->open(other); // which does not wait here
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    QVERIFY(heard); // it was waited for before the recording was closed
    // Before it can begin.
    std::atomic<int> early{0};
    QVERIFY(f.workspace->lend(
        [&](const std::string&, const std::atomic<bool>& stop) { early = stop ? 1 : 2; }));
    QTRY_COMPARE(early.load(), 2);
    f.workspace->attach(AttachRequest{});
    QTRY_VERIFY(f.workspace->transport().bytes > 0);
    early = 0;
    QVERIFY(f.workspace->lend(
        [&](const std::string&, const std::atomic<bool>& stop) { early = stop ? 1 : 2; }));
    f.workspace->takeBack();
    QTRY_COMPARE(early.load(), 1);
}

void TestRecordings::anotherLoanEndsTheFirst()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::active, f.clock->now())}));
    QTRY_VERIFY(f.workspace->transport().bytes > 0);
    std::atomic<int> begun{0}, ended{0};
    const auto work = [&](const std::string&, const std::atomic<bool>& stop) {
        ++begun;
        while (!stop)
            std::this_thread::yield();
        ++ended;
    };
    QVERIFY(f.workspace->lend(work));
    QVERIFY(f.workspace->lend(work));
    QTRY_COMPARE(begun.load(), 2); // one that has not begun has nothing to end
    QTRY_COMPARE(ended.load(), 1);
    f.workspace.reset(); // waits for the second
    QCOMPARE(ended.load(), 2);
}

void TestRecordings::nothingIsLentWhereNothingIsRecorded()
{
    Fixture f;
    int calls = 0;
    QVERIFY(!f.workspace->lend([&](const std::string&, const std::atomic<bool>&) { ++calls; }));
    QCoreApplication::processEvents();
    QCOMPARE(calls, 0);
}

QTEST_GUILESS_MAIN(TestRecordings)
#include "tst_recordings.moc"
