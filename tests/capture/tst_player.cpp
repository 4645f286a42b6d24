// SPDX-License-Identifier: GPL-3.0-or-later
// The player on a ring that goes on while somebody looks back.
#include "core/capture/player.h"
#include "core/record/writer.h"
#include "tests/capture/workspacefixture.h"

#include <QSignalSpy>

using namespace poolscope;

class TestPlayer : public QObject
{
    Q_OBJECT
private slots:
    void init();
    void whatIsDroppedIsNotShownUnderItsTime();
    void fallsBehindAndGoesOn();

private:
    /// A session comes every second and stays for 50; only changes are told between full samples.
    void record(int seconds);
    UpdatePtr seek(Player& player, Timestamp to);
    std::set<Pid> expected(Timestamp at) const;

    std::unique_ptr<QTemporaryDir> folder_;
    std::string file_;
    std::unique_ptr<RecordingWriter> writer_;
    std::uint64_t sequence_ = 0;
    int now_ = 0;
};

void TestPlayer::init()
{
    folder_ = std::make_unique<QTemporaryDir>();
    file_ = folder_->filePath(QStringLiteral("ring.poolrec")).toStdString();
    WriterOptions options;
    options.keep_for = 60s;
    options.keyframe_every = 10s;
    auto made = RecordingWriter::create(file_, options);
    QVERIFY(made);
    writer_ = std::move(made).value();
    sequence_ = 0;
    now_ = 0;
    QVERIFY(writer_->append({SequenceNumber{++sequence_}, start, TargetId{1},
                             TargetAttached{{TargetId{1}, "postgresql", "shop", ""}}}));
}

void TestPlayer::record(int seconds)
{
    for (const int end = now_ + seconds; now_ < end;) {
        ++now_;
        ServerSample sample;
        sample.full = now_ == 1;
        sample.changed = {session(now_, SessionState::active, start)};
        if (now_ > 50)
            sample.gone = {session(now_ - 50, SessionState::active, start).key};
        QVERIFY(writer_->append({SequenceNumber{++sequence_}, start + std::chrono::seconds{now_},
                                 TargetId{1}, sample}));
        QVERIFY(writer_->commit());
    }
}

UpdatePtr TestPlayer::seek(Player& player, Timestamp to)
{
    QSignalSpy updated(&player, &Player::updated);
    player.seek(to, 1);
    return updated.isEmpty() ? nullptr : updated.last().first().value<UpdatePtr>();
}

std::set<Pid> TestPlayer::expected(Timestamp at) const
{
    const auto second = static_cast<int>(to_us(at - start) / 1'000'000);
    std::set<Pid> pids;
    for (int i = std::max(1, second - 49); i <= second; ++i)
        pids.insert(Pid{i});
    return pids;
}

namespace {

void apply(std::set<Pid>& pids, const Update& update)
{
    if (update.reset)
        pids.clear();
    for (const SessionKey& key : update.gone)
        pids.erase(key.pid);
    for (const SessionRow& row : update.changed)
        pids.insert(row.session.key.pid);
}

} // namespace

void TestPlayer::whatIsDroppedIsNotShownUnderItsTime()
{
    record(300);
    QVERIFY(writer_->begins() && *writer_->begins() > start + 200s);
    Player player;
    player.open(file_);
    QSignalSpy moved(&player, &Player::cursorMoved);
    const UpdatePtr shown = seek(player, start + 20s);
    QVERIFY(shown);
    QCOMPARE(shown->now, *writer_->begins());
    QCOMPARE(moved.last().first().value<Timestamp>(), *writer_->begins());
    std::set<Pid> pids;
    apply(pids, *shown);
    QVERIFY(pids == expected(shown->now));
}

void TestPlayer::fallsBehindAndGoesOn()
{
    record(100);
    Player player;
    player.open(file_);
    std::set<Pid> pids;
    Timestamp at;
    connect(&player, &Player::updated, this, [&](const UpdatePtr& update) {
        apply(pids, *update);
        at = update->now;
    });
    player.seek(start + 80s, 1);
    QCOMPARE(at, start + 80s);
    QVERIFY(pids == expected(at));
    record(200); // and the ring has dropped what comes next
    QVERIFY(*writer_->begins() > start + 200s);
    player.play(true, 1);
    QTRY_VERIFY(at >= *writer_->begins());
    player.play(false, 1);
    QVERIFY(pids == expected(at));
    // The same by a short way on, which else is played and not restored.
    player.seek(start + 280s, 2);
    QVERIFY(pids == expected(start + 280s));
    record(200);
    player.seek(start + 285s, 2);
    QVERIFY(at >= *writer_->begins());
    QVERIFY(pids == expected(at));
}

QTEST_GUILESS_MAIN(TestPlayer)
#include "tst_player.moc"
