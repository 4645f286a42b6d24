// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "core/record/writer.h"
#include "tests/capture/fakesource.h"

#include <QTemporaryDir>

#include <chrono>
#include <string>

namespace poolscope::test {

using namespace std::chrono_literals;

inline const Timestamp start = timestamp_from_us(1'763'735'320'000'000);
inline const std::string fakePassword = "s3cr3t";

inline Session session(std::int64_t pid, SessionState state, Timestamp since)
{
    Session s;
    s.key = {TargetId{1}, Pid{pid}, start - 1h};
    s.user = Text{"shop"};
    s.database = Text{"shop"};
    s.application = Text{pid < 5 ? "shop-api" : "billing"};
    s.backend_type = Text{"client backend"};
    s.state = state;
    s.state_since = since;
    s.transaction_since = since;
    s.statement = Text{"SELECT " + std::to_string(pid)};
    return s;
}

inline ServerFacts facts()
{
    ServerFacts f;
    f.version = "15.8";
    f.version_number = 150008;
    f.max_connections = 100;
    f.reserved = 3;
    f.role = "dba";
    f.sees_all = true;
    f.can_signal = true;
    return f;
}

/// Two minutes of one server, a sample a second, a leak that becomes suspicious in the middle.
inline QString recordIncident(const QTemporaryDir& folder,
                              const QString& name = QStringLiteral("night.poolrec"),
                              const std::string& url = "service=shop-db")
{
    const QString file = folder.filePath(name);
    auto writer = RecordingWriter::create(file.toStdString(), {});
    if (!writer)
        return {};
    std::uint64_t sequence = 0;
    const auto add = [&](Timestamp time, const Fact& fact) {
        return bool(writer.value()->append({SequenceNumber{++sequence}, time, TargetId{1}, fact}));
    };
    bool good = add(start, TargetAttached{{TargetId{1}, "postgresql", "shop-db", url}});
    good = good && add(start, StatusChanged{{Reach::up, {}, {}, {}}});
    good = good && add(start, FactsReported{facts()});
    for (int second = 1; second <= 120; ++second) {
        const Timestamp t = start + std::chrono::seconds{second};
        ServerSample sample;
        sample.full = true;
        sample.poll_cost = 3100us;
        for (std::int64_t pid = 1; pid <= 8; ++pid)
            sample.changed.push_back(
                pid == 1 ? session(pid, SessionState::idle_in_transaction, start + 30s)
                         : session(pid, SessionState::idle, start));
        good = good && add(t, sample);
    }
    return good && writer.value()->close() ? file : QString();
}

/// A workspace whose targets are fake servers with eight sessions, one of them active.
inline Workspace::Options fakeServers(const QTemporaryDir& folder, FakeSource** latest = nullptr)
{
    Workspace::Options options;
    options.temporaryFolder = folder.filePath(QStringLiteral("cache"));
    options.sourceFactory = [latest](TargetId id,
                                     const AttachRequest&) -> Result<std::unique_ptr<Source>> {
        auto source = std::make_unique<FakeSource>(id);
        if (latest)
            *latest = source.get();
        source->onStart = [](FakeSource& fake) {
            fake.report(FactsReported{facts()});
            ServerSample sample;
            sample.full = true;
            const auto now =
                std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
            for (std::int64_t pid = 1; pid <= 8; ++pid)
                sample.changed.push_back(
                    session(pid, pid == 1 ? SessionState::active : SessionState::idle, now - 60s));
            fake.report(sample);
        };
        return std::unique_ptr<Source>(std::move(source));
    };
    return options;
}

} // namespace poolscope::test
