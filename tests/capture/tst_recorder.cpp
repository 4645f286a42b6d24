// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/recorder.h"

#include <QTest>

#include <atomic>
#include <future>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

/// A writer whose disk the test fills and empties.
class Disk final : public RecordingWriter
{
public:
    struct State
    {
        std::atomic<bool> full{false};
        std::atomic<int> kept{0};
        std::atomic<int> commits{0};
        std::atomic<bool> closed{false};
    };
    explicit Disk(State& state)
        : state_(state)
    {}
    std::optional<Error> refuses(const Observation& observation) const override
    {
        return observation.sequence.value == 13 ? std::optional(Error{"Too much.", {}})
                                                : std::nullopt;
    }
    Result<Done> append(const Observation&) override
    {
        if (state_.full)
            return Error{"The disk is full.", "Make room."};
        ++state_.kept;
        return Done{};
    }
    Result<Done> commit() override
    {
        ++state_.commits;
        if (state_.full)
            return Error{"The disk is full.", "Make room."};
        return Done{};
    }
    Result<Done> close() override
    {
        state_.closed = true;
        if (state_.full)
            return Error{"The disk is full.", "Make room."};
        return Done{};
    }
    std::uint64_t bytes() const override { return 42; }

private:
    State& state_;
};

void flush(Recorder& recorder)
{
    std::promise<void> done;
    recorder.flush([&] { done.set_value(); });
    done.get_future().wait();
}

} // namespace

class TestRecorder : public QObject
{
    Q_OBJECT
private slots:
    void flushMeansWritten();
    void fullDiskLosesNothingThatFits();
    void neverWaitsAndCountsWhatDoesNotFit();
    void closesWithWhatIsQueued();
    void saysHowItClosed();
    void whatIsNeverTakenHoldsUpNothing();
};

void TestRecorder::flushMeansWritten()
{
    Disk::State disk;
    Recorder recorder{std::make_unique<Disk>(disk), [](const Recorder::Status&) {
                      }};
    for (int i = 0; i < 100; ++i)
        QVERIFY(recorder.push({}));
    flush(recorder);
    QCOMPARE(disk.kept.load(), 100);
}

void TestRecorder::fullDiskLosesNothingThatFits()
{
    Disk::State disk;
    disk.full = true;
    std::mutex mutex;
    std::string trouble;
    Recorder recorder{std::make_unique<Disk>(disk), [&](const Recorder::Status& s) {
                          const std::lock_guard lock{mutex};
                          trouble = s.trouble;
                      }};
    for (int i = 0; i < 100; ++i)
        QVERIFY(recorder.push({}));
    flush(recorder);
    QCOMPARE(disk.kept.load(), 0);
    {
        const std::lock_guard lock{mutex};
        QCOMPARE(trouble, std::string("The disk is full. Make room."));
    }
    disk.full = false;
    flush(recorder);
    QCOMPARE(disk.kept.load(), 100);
    const std::lock_guard lock{mutex};
    QVERIFY(trouble.empty());
}

void TestRecorder::neverWaitsAndCountsWhatDoesNotFit()
{
    Disk::State disk;
    disk.full = true;
    Recorder recorder{std::make_unique<Disk>(disk), [](const Recorder::Status&) {
                      }};
    std::size_t taken = 0;
    while (taken <= Recorder::capacity && recorder.push({}))
        ++taken;
    QCOMPARE(taken, Recorder::capacity);
    QVERIFY(!recorder.has_room());
    flush(recorder);
    QVERIFY(!recorder.push({}));
    disk.full = false;
    flush(recorder);
    QVERIFY(recorder.has_room());
    QVERIFY(recorder.push({}));
}

void TestRecorder::closesWithWhatIsQueued()
{
    Disk::State disk;
    {
        Recorder recorder{std::make_unique<Disk>(disk), [](const Recorder::Status&) {
                          }};
        for (int i = 0; i < 10; ++i)
            QVERIFY(recorder.push({}));
    }
    QCOMPARE(disk.kept.load(), 10);
    QVERIFY(disk.closed);
}

void TestRecorder::saysHowItClosed()
{
    const auto report = [](const Recorder::Status&) {
    };
    Disk::State disk;
    Recorder recorder{std::make_unique<Disk>(disk), report};
    QVERIFY(recorder.push({}));
    QVERIFY(recorder.finish());
    QCOMPARE(disk.kept.load(), 1);

    Disk::State full;
    full.full = true;
    Recorder in_vain{std::make_unique<Disk>(full), report};
    const Result<Done> closed = in_vain.finish();
    QVERIFY(!closed);
    QCOMPARE(closed.error().sentence, std::string("The disk is full."));
}

void TestRecorder::whatIsNeverTakenHoldsUpNothing()
{
    Disk::State disk;
    std::mutex mutex;
    Recorder::Status status;
    Recorder recorder{std::make_unique<Disk>(disk), [&](const Recorder::Status& s) {
                          const std::lock_guard lock{mutex};
                          status = s;
                      }};
    for (std::uint64_t i = 1; i <= 20; ++i) {
        Observation observation;
        observation.sequence = SequenceNumber{i};
        QVERIFY(recorder.push(observation));
    }
    flush(recorder);
    QCOMPARE(disk.kept.load(), 19);
    const std::lock_guard lock{mutex};
    QCOMPARE(status.refused, std::uint64_t{1});
    QCOMPARE(status.refusal, std::string("Too much."));
    QVERIFY(status.trouble.empty());
}

QTEST_APPLESS_MAIN(TestRecorder)
#include "tst_recorder.moc"
