// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/record/writer.h"
#include "core/report/gather.h"
#include "tests/report/incident.h"

#include <QString>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

// Recordings of a few facts, and what a report finds in them.
namespace poolscope::test {

inline Timestamp after(int seconds)
{
    return RecordedIncident::start + std::chrono::seconds{seconds};
}

inline const report::Period* periodOf(const report::Incident& incident, report::Period::Kind kind,
                                      const std::string& what)
{
    const auto found =
        std::find_if(incident.periods.begin(), incident.periods.end(), [&](const auto& period) {
            return period.kind == kind && period.what == what;
        });
    return found == incident.periods.end() ? nullptr : &*found;
}

/// Empty where it cannot be read.
inline report::Gathered gatherFrom(const QString& file, const report::Question& question = {})
{
    auto reader = RecordingReader::open(file.toStdString());
    if (!reader)
        return {};
    auto gathered = report::gather(*reader.value(), question);
    return gathered ? std::move(gathered).value() : report::Gathered{};
}

/// A recording of these, one after the other.
inline bool record(const QString& file, const std::vector<std::tuple<int, TargetId, Fact>>& facts)
{
    auto created = RecordingWriter::create(file.toStdString(), {});
    if (!created)
        return false;
    std::uint64_t number = 0;
    for (const auto& [second, target, fact] : facts) {
        if (!created.value()->append({SequenceNumber{++number}, after(second), target, fact}))
            return false;
    }
    return static_cast<bool>(created.value()->close());
}

inline TargetAttached attached(std::uint32_t id, const char* name)
{
    return TargetAttached{{TargetId{id}, "pool", name, "pool://localhost:7070"}};
}

/// A pool of four that is all taken, with some that wait.
inline PoolSample taken(std::int64_t pending, std::int64_t used = 4)
{
    Pool pool;
    pool.name = Text{"orders"};
    pool.kind = Text{"poolscope"};
    pool.used = used;
    pool.idle = 0;
    pool.total = used;
    pool.max = used;
    pool.pending = pending;
    PoolSample sample;
    sample.full = true;
    sample.pools = {pool};
    return sample;
}

} // namespace poolscope::test
