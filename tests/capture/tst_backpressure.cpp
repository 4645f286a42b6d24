// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/capture.h"
#include "tests/capture/fakesource.h"

#include <QElapsedTimer>
#include <QSignalSpy>
#include <QTest>

#include <algorithm>
#include <condition_variable>
#include <mutex>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const TargetId target{1};

/// A disk that takes nothing while the test holds it, as one that hangs in a write does.
struct SlowDisk
{
    void hold(bool on)
    {
        const std::lock_guard lock{mutex};
        held = on;
        changed.notify_all();
    }
    std::vector<Observation> written()
    {
        const std::lock_guard lock{mutex};
        return kept;
    }

    std::mutex mutex;
    std::condition_variable changed;
    bool held = false;
    bool stuck = false; ///< a write waits
    std::vector<Observation> kept;
};

class SlowWriter final : public RecordingWriter
{
public:
    explicit SlowWriter(SlowDisk& disk)
        : disk_(disk)
    {}
    Result<Done> append(const Observation& observation) override
    {
        std::unique_lock lock{disk_.mutex};
        disk_.stuck = disk_.held;
        disk_.changed.notify_all();
        disk_.changed.wait(lock, [this] { return !disk_.held; });
        disk_.stuck = false;
        disk_.kept.push_back(observation);
        return Done{};
    }
    Result<Done> commit() override { return Done{}; }
    Result<Done> close() override { return Done{}; }
    std::uint64_t bytes() const override { return 42; }

private:
    SlowDisk& disk_;
};

Session session(std::int64_t pid)
{
    Session s;
    s.key = {target, Pid{pid}, timestamp_from_us(1)};
    s.state = SessionState::active;
    return s;
}

struct Fixture
{
    SlowDisk disk;
    FakeSource* source = nullptr;
    CaptureProgress progress;
    UpdatePtr last;
    std::unique_ptr<Capture> capture;

    Fixture()
    {
        capture = std::make_unique<Capture>(
            std::make_shared<SystemClock>(),
            [this](TargetId id, const AttachRequest&) {
                auto made = std::make_unique<FakeSource>(id);
                source = made.get();
                return Result<std::unique_ptr<Source>>{std::move(made)};
            },
            std::vector<ThresholdsChanged>{});
        QObject::connect(capture.get(), &Capture::progressed, capture.get(),
                         [this](const CaptureProgress& p) { progress = p; });
        QObject::connect(capture.get(), &Capture::updated, capture.get(),
                         [this](const UpdatePtr& update) { last = update; });
        capture->recordWith(std::make_unique<SlowWriter>(disk));
        capture->show(true, 1);
        capture->attach(target, {});
    }
    ~Fixture() { disk.hold(false); }

    void sample(std::int64_t pid)
    {
        ServerSample sample;
        sample.full = true;
        sample.changed = {session(pid)};
        source->report(sample);
    }
    template <class What>
    int written()
    {
        const auto all = disk.written();
        return static_cast<int>(std::count_if(all.begin(), all.end(), [](const Observation& o) {
            return std::holds_alternative<What>(o.what);
        }));
    }
};

} // namespace

class TestBackpressure : public QObject
{
    Q_OBJECT
private slots:
    void slowDiskMakesAGapAndBlocksNobody();
    void repeatsAreObservedOnce();
};

void TestBackpressure::slowDiskMakesAGapAndBlocksNobody()
{
    Fixture f;
    f.disk.hold(true);
    f.sample(1);
    QTRY_VERIFY([&] {
        const std::lock_guard lock{f.disk.mutex};
        return f.disk.stuck;
    }());

    // Far more than the queue takes, while a write hangs: the source goes on at once.
    QElapsedTimer clock;
    clock.start();
    const int flood = static_cast<int>(Recorder::capacity) + 500;
    for (int i = 0; i < flood; ++i)
        f.sample(2);
    f.capture->addNote(QStringLiteral("the disk hangs"), {});
    f.sample(77);
    QVERIFY2(clock.elapsed() < 20000, qPrintable(QString::number(clock.elapsed())));
    QVERIFY(f.disk.written().size() < 5);
    // It is counted, and the window goes on.
    QTRY_VERIFY(f.progress.dropped >= 490);
    QVERIFY(f.last->targets.front().last_sample.has_value());
    QCOMPARE(f.progress.gaps, std::uint64_t{0});

    f.disk.hold(false);
    QTRY_COMPARE_WITH_TIMEOUT(f.written<Gap>(), 1, 15000);
    QCOMPARE(f.progress.gaps, std::uint64_t{1});
    const auto sampled = [&f](std::int64_t pid) {
        const auto all = f.disk.written();
        return std::any_of(all.rbegin(), all.rend(), [pid](const Observation& o) {
            const auto* const sample = std::get_if<ServerSample>(&o.what);
            return sample && sample->changed.front().key.pid == Pid{pid};
        });
    };
    QTRY_VERIFY(sampled(77));

    // The recording: numbers ascend, the note is there, then the gap, then the full picture.
    const auto all = f.disk.written();
    World world;
    bool noted = false, gap = false, picture = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
        QVERIFY(i == 0 || all[i - 1].sequence < all[i].sequence);
        world.apply(all[i]);
        noted = noted || std::holds_alternative<Note>(all[i].what);
        if (std::holds_alternative<Gap>(all[i].what)) {
            QVERIFY2(noted, "what a person said in the hole comes before its end");
            gap = true;
        }
        const auto* const sample = std::get_if<ServerSample>(&all[i].what);
        if (gap && sample && !picture) {
            QVERIFY(sample->full);
            picture = true;
        }
    }
    QVERIFY(gap && picture);
    QVERIFY(world.session(session(77).key));
    QVERIFY(!world.session(session(2).key));
    const std::uint64_t dropped = f.progress.dropped;
    f.sample(3);
    QTRY_VERIFY(sampled(3));
    QCOMPARE(f.progress.dropped, dropped);
}

void TestBackpressure::repeatsAreObservedOnce()
{
    Fixture f;
    QSignalSpy marked(f.capture.get(), &Capture::marked);
    f.sample(1);
    TargetStatus down;
    down.reach = Reach::failing;
    down.sentence = "The server refuses connections.";
    for (int attempt = 0; attempt < 50; ++attempt) {
        f.source->report(StatusChanged{down});
        f.source->report(Gap{"connection lost"});
    }
    TargetStatus again = down;
    again.sentence = "The host is not reachable.";
    f.source->report(StatusChanged{again});
    TargetStatus connecting;
    for (int attempt = 0; attempt < 50; ++attempt) {
        f.source->report(StatusChanged{connecting});
        f.source->report(StatusChanged{down});
    }
    const auto marks = [&] {
        std::vector<Mark> all;
        for (const auto& call : marked) {
            for (const Mark& mark : call.front().value<std::vector<Mark>>())
                all.push_back(mark);
        }
        return all;
    }();
    QCOMPARE(marks.size(), size_t{1});
    QCOMPARE(marks.front().kind, MarkKind::source_down);
    QTRY_COMPARE(f.written<Gap>(), 1);
    // up, down for two reasons, and each change of mind after that
    QCOMPARE(f.written<StatusChanged>(), 3 + 100);
}

QTEST_GUILESS_MAIN(TestBackpressure)
#include "tst_backpressure.moc"
