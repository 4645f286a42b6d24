// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/model/world.h"
#include "core/record/minutes.h"
#include "core/record/poolencoder.h"
#include "core/record/redactions.h"
#include "core/record/rows.h"
#include "core/record/textrows.h"
#include "core/record/writer.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace poolscope::record {

/// Turns observations into rows, and folds them into a world, from which counts and keyframes come.
/// It only ever goes forward: what a failed commit leaves unwritten stays in `Pending`.
class Encoder
{
public:
    explicit Encoder(const WriterOptions& options);
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;

    /// Nothing has changed where this gives an error.
    std::optional<Error> refuses(const Observation& observation) const;
    void append(const Observation& observation, Pending& pending);
    /// Writes out the minute that has begun.
    void finish(Pending& pending);
    /// A ring is about to let go of what was last used before that keyframe.
    void forget_before(std::int64_t keyframe)
    {
        texts_.forget_before(keyframe);
        pools_.forget_before(keyframe);
    }
    const World& world() const { return world_; }
    std::optional<Timestamp> started() const { return started_; }

private:
    struct LockReport
    {
        std::int64_t row = 0;
        std::vector<std::int64_t> texts; ///< of its locks, one after the other
    };
    struct Refs
    {
        std::optional<std::int64_t> attached, status, facts, agent, settings;
        std::map<Pid, LockReport> locks;
    };
    struct LiveSession
    {
        std::int64_t id = 0;
        std::int64_t used = 0;
        SessionIdentity identity;
        std::vector<std::int64_t> texts; ///< of its row
    };
    void take_in(const Observation& observation, Pending& pending);
    void note_refs(const Observation& observation);
    void encode(const Observation& observation, const WorldDelta& delta, bool gap_before,
                Pending& pending);
    void encode_sample(const Observation& observation, const ServerSample& sample,
                       const WorldDelta& delta, bool gap_before, Pending& pending);
    void encode_locks(const Observation& observation, const LocksReported& report,
                      Pending& pending);
    void encode_settings(const Observation& observation, const ServerSettings& settings,
                         Pending& pending);
    void put_session(SessionRow& row, const Session& session, Timestamp server_now,
                     Pending& pending);
    void departure(std::int64_t id, const SessionKey& key, bool implied, Pending& pending);
    std::int64_t number(const Session& session, Pending& pending);
    LiveSession& add_session(const SessionIdentity& identity, Pending& pending);
    void forget(const SessionKey& key);
    bool keyframe_due(Timestamp time) const;
    void keyframe(Pending& pending);
    void keyframe_sessions(TargetId id, const TargetState& target, std::size_t& position,
                           Pending& pending);

    WriterOptions options_;
    World world_;
    TextRows texts_;
    std::unordered_map<SessionKey, LiveSession> live_;
    std::map<TargetId, Refs> refs_;
    Minutes minutes_;
    PoolEncoder pools_{texts_, minutes_};
    Redactions redactions_;
    std::int64_t last_session_ = 0;
    std::optional<Timestamp> started_;
    std::optional<Timestamp> keyframe_time_;
    std::optional<Timestamp> anchor_; ///< of ticks: the latest sample or keyframe
    std::size_t changes_since_ = 0;   ///< rows since the latest keyframe
    std::size_t bytes_since_ = 0;     ///< roughly
    std::int64_t observations_ = 0;
};

} // namespace poolscope::record
