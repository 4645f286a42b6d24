// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "core/record/writer.h"
#include "tests/capture/fakesource.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <functional>
#include <map>

namespace poolscope {

using namespace std::chrono_literals;

inline const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

/// The test decides what time it is.
class ManualClock final : public Clock
{
public:
    Timestamp now() const override { return timestamp_from_us(us_.load()); }
    void advance(Duration by) { us_ += to_us(by); }

private:
    std::atomic<std::int64_t> us_{to_us(start)};
};

inline Session session(std::int64_t pid, SessionState state, Timestamp since)
{
    Session s;
    s.key = {TargetId{1}, Pid{pid}, start - 1h};
    s.backend_type = Text{"client backend"};
    s.application = Text{"shop-api"};
    s.state = state;
    s.state_since = since;
    s.statement = Text{"SELECT " + std::to_string(pid)};
    return s;
}

/// Ten new sessions every second, that many seconds long.
inline bool recordSeconds(const std::string& file, int seconds, const WriterOptions& options = {})
{
    auto writer = RecordingWriter::create(file, options);
    std::uint64_t sequence = 0;
    const auto add = [&](Timestamp time, const Fact& fact) {
        static_cast<void>(
            writer.value()->append({SequenceNumber{++sequence}, time, TargetId{1}, fact}));
    };
    add(start, TargetAttached{{TargetId{1}, "postgresql", "shop", "service=shop"}});
    for (int second = 1; second <= seconds; ++second) {
        ServerSample sample;
        sample.full = true;
        for (int i = 0; i < 10; ++i)
            sample.changed.push_back(session(second * 10 + i, SessionState::active, start));
        add(start + std::chrono::seconds{second}, sample);
    }
    return static_cast<bool>(writer.value()->close());
}

/// A workspace on a fake source, and what a window would see of it.
struct Fixture
{
    QTemporaryDir folder;
    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
    FakeSource* source = nullptr;
    std::unique_ptr<Workspace> workspace;
    std::map<SessionKey, SessionRow> rows;
    std::map<Timestamp, std::map<SessionKey, SessionRow>> history;
    UpdatePtr last;
    std::vector<SeriesPoint> points;
    int resets = 0;

    explicit Fixture(const WhatIf& whatIf = {})
        : Fixture([&whatIf](Workspace::Options& options) { options.whatIf = whatIf; })
    {}
    explicit Fixture(const std::function<void(Workspace::Options&)>& choose)
    {
        Workspace::Options options;
        choose(options);
        options.temporaryFolder = folder.path() + QStringLiteral("/cache");
        options.clock = clock;
        options.sourceFactory = [this](TargetId id, const AttachRequest&) {
            auto made = std::make_unique<FakeSource>(id);
            source = made.get();
            return Result<std::unique_ptr<Source>>{std::move(made)};
        };
        workspace = std::make_unique<Workspace>(options);
        QObject::connect(workspace.get(), &Workspace::updated, workspace.get(),
                         [this](const UpdatePtr& update) { apply(update); });
    }

    void apply(const UpdatePtr& update)
    {
        last = update;
        if (update->reset) {
            rows.clear();
            ++resets;
        }
        for (const SessionKey& key : update->gone)
            rows.erase(key);
        for (const SessionRow& row : update->changed)
            rows[row.session.key] = row;
        for (const TargetSeries& series : update->live_points)
            points.insert(points.end(), series.points.begin(), series.points.end());
    }

    bool attach()
    {
        workspace->attach(AttachRequest{});
        return QTest::qWaitFor([this] { return last && !last->targets.empty(); });
    }

    /// Saves what was captured so far, and opens that in its place.
    bool reopen(const char* name)
    {
        const QString file = folder.filePath(QLatin1String(name));
        const QSignalSpy saved(workspace.get(), &Workspace::saved);
        workspace->save(file);
        if (!QTest::qWaitFor([&] { return saved.count() == 1; }))
            return false;
        workspace->open(file);
        return QTest::qWaitFor([this] {
            return workspace->transport().mode == Mode::replay && !last->targets.empty();
        });
    }

    /// One sample, a second later, and the window has seen it.
    bool sample(const std::vector<Session>& sessions, Duration later = 1s)
    {
        clock->advance(later);
        const Timestamp at = clock->now();
        ServerSample sample;
        sample.full = true;
        sample.changed = sessions;
        QMetaObject::invokeMethod(source, [this, sample] { source->report(sample); });
        return QTest::qWaitFor([this, at] {
            return last && !last->targets.empty() && last->targets.front().last_sample == at;
        });
    }

    bool seek(Timestamp to)
    {
        workspace->seek(to);
        return QTest::qWaitFor([this, to] {
            return last->now == to && workspace->transport().cursor == to &&
                   workspace->transport().mode != Mode::live;
        });
    }
};

} // namespace poolscope
