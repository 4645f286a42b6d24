// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/record/samplerecording.h"

#include <QElapsedTimer>
#include <QTest>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <fstream>
#include <random>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;
using Path = std::filesystem::path;

namespace {

double resident_mb()
{
    std::ifstream status{"/proc/self/statm"};
    std::size_t total = 0, resident = 0;
    status >> total >> resident;
    return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

/// A world as it was while it was recorded, to be found again.
struct Remembered
{
    Timestamp at;
    World world;
};

/// Everything up to an instant, as a player restores it.
World sought(RecordingReader& reader, Timestamp at)
{
    World world = reader.keyframe(at).value();
    const auto done = reader.read(world.sequence(), [&](const Observation& o) {
        if (o.time > at)
            return false;
        world.apply(o);
        return true;
    });
    return done ? world : World{};
}

} // namespace

/// A ring that goes on for days, with a reader beside it all the time. POOLSCOPE_SOAK_HOURS sets
/// how many hours of a made-up clock.
class Soak : public QObject
{
    Q_OBJECT

private:
    static constexpr std::uint64_t limit = 6'000'000;

    Folder folder_;
    Path file_ = folder_ / "ring.poolrec";
    std::unique_ptr<RecordingWriter> writer_;
    std::unique_ptr<RecordingReader> reader_;
    World live_;
    std::mt19937_64 random_{11};
    std::deque<Remembered> remembered_;
    int seeks_ = 0;
    std::uint64_t largest_file_ = 0, largest_all_ = 0;

    bool record_second(Stream& stream);
    void look_around();

private slots:
    void ringForDays();
};

/// One commit, as the recorder makes it.
bool Soak::record_second(Stream& stream)
{
    for (int i = 0; i < 3; ++i) {
        const Observation o = stream.next();
        // A person makes few of those, and a ring keeps them all.
        const bool kept = std::holds_alternative<Note>(o.what) ||
                          std::holds_alternative<ActionReported>(o.what) ||
                          std::holds_alternative<ThresholdsChanged>(o.what);
        if (kept && random_() % 500 != 0)
            continue;
        if (!writer_->append(o))
            return false;
        live_.apply(o);
    }
    if (!writer_->commit())
        return false;
    largest_file_ = std::max<std::uint64_t>(largest_file_, std::filesystem::file_size(file_));
    largest_all_ = std::max(largest_all_, writer_->bytes());
    if (random_() % 200 == 0)
        remembered_.push_back({live_.now(), live_});
    return true;
}

/// What the window asks for meanwhile; and every remembered world must be found again, as long as
/// the ring reaches back to it.
void Soak::look_around()
{
    const auto info = reader_->info();
    QVERIFY(info);
    QVERIFY(reader_->series(info.value().started, info.value().ended, 600));
    const SessionKey someone = live_.targets().begin()->second.sessions.begin()->second.key;
    QVERIFY(reader_->past(someone, live_.now() - 10min, live_.now()));
    while (!remembered_.empty() && remembered_.front().at < info.value().started)
        remembered_.pop_front();
    for (std::size_t i = 0; i < remembered_.size(); ++i) {
        if (i + 1 != remembered_.size() && random_() % 8 != 0)
            continue;
        const World found = sought(*reader_, remembered_[i].at);
        QVERIFY2(found == remembered_[i].world, format_iso8601(remembered_[i].at).c_str());
        ++seeks_;
    }
}

void Soak::ringForDays()
{
    const int set = qEnvironmentVariableIntValue("POOLSCOPE_SOAK_HOURS");
    const int hours = set > 0 ? set : 24;
    WriterOptions options;
    options.keep_bytes = limit;
    auto made = RecordingWriter::create(file_, options);
    QVERIFY(made);
    writer_ = std::move(made).value();
    auto opened = RecordingReader::open(file_);
    QVERIFY(opened);
    reader_ = std::move(opened).value();

    QElapsedTimer watch;
    watch.start();
    Stream stream{61, {1, 100, 0.2, true, false}};
    std::array<double, 8> resident{}; // most MB in each eighth of the time
    for (int minute = 0; minute < hours * 60; ++minute) {
        for (int second = 0; second < 60; ++second)
            QVERIFY(record_second(stream));
        if (minute % 10 != 9)
            continue;
        look_around();
        if (QTest::currentTestFailed())
            return;
        double& most = resident.at(static_cast<std::size_t>(minute) * resident.size() /
                                   static_cast<std::size_t>(hours * 60));
        most = std::max(most, resident_mb());
    }
    const RecordingInfo info = reader_->info().value();
    std::printf("soak: %d h in %lld s; the ring holds %.1f h of it; file at most %.2f MB of %.2f, "
                "with its log %.2f MB; %d seeks found the world that was; resident MB:",
                hours, static_cast<long long>(watch.elapsed() / 1000),
                static_cast<double>(to_us(info.ended - info.started)) / 3.6e9,
                static_cast<double>(largest_file_) / 1e6, static_cast<double>(limit) / 1e6,
                static_cast<double>(largest_all_) / 1e6, seeks_);
    for (const double most : resident)
        std::printf(" %.1f", most);
    std::printf("\n");
    QVERIFY(info.first.value > 1);
    QVERIFY(seeks_ > hours);
    QVERIFY(largest_file_ <= limit);
    // What is kept in memory of texts and sessions fills up to its bounds in the first hours.
    const double settled = *std::max_element(resident.begin(), resident.begin() + 4);
    QVERIFY(*std::max_element(resident.begin() + 4, resident.end()) < settled * 1.1);
    reader_.reset();
    QVERIFY(writer_->close());
}

QTEST_APPLESS_MAIN(Soak)
#include "tst_soak.moc"
