// SPDX-License-Identifier: GPL-3.0-or-later
// How the capture records: from its beginning, or as soon as it can, and past holes.
#include "core/capture/capture.h"

#include "core/analyze/links.h"

#include <algorithm>
#include <utility>

namespace poolscope {

namespace {

/// Whoever makes room wants to see that it was enough.
constexpr qint64 before_trying_again = 3000; // ms
/// Of a hole in the recording: more commands and notes than people give while a disk is full.
constexpr std::size_t most_held = 1000;

bool isPicture(const Fact& fact)
{
    return std::holds_alternative<ServerSample>(fact) || std::holds_alternative<PoolSample>(fact) ||
           std::holds_alternative<LocksReported>(fact) || std::holds_alternative<Tick>(fact);
}

ServerSample sessionsOf(const TargetState& state)
{
    ServerSample picture;
    picture.full = true;
    picture.clock_offset = state.clock_offset;
    picture.next_xid = state.next_xid;
    picture.poll_cost = state.poll_cost;
    for (const auto& [pid, session] : state.sessions)
        picture.changed.push_back(session);
    return picture;
}

} // namespace

void Capture::recordWith(std::unique_ptr<RecordingWriter> writer)
{
    recorder_ = std::make_unique<Recorder>(std::move(writer), [this](const Recorder::Status& s) {
        QMetaObject::invokeMethod(this, [this, s] { recorded(s); });
    });
}

void Capture::recorded(const Recorder::Status& status)
{
    progress_.bytes = status.bytes;
    progress_.trouble = status.trouble;
    // What the ring has let go of is no past to go to.
    progress_.start = std::max(progress_.start, status.begins.value_or(progress_.start));
    const std::uint64_t more = status.refused - std::exchange(refused_, status.refused);
    progress_.dropped += more;
    if (more > 0)
        emit failed(Error{status.refusal, "All else is recorded."});
    frame_.start();
}

void Capture::recordTemporarily(const QString& folder, const WriterOptions& how)
{
    unbegun_.emplace(folder, how);
    if (const auto error = beginRecording()) {
        recordingHole_ = true;
        progress_.trouble = error->sentence + ' ' + error->next_step + " It is tried again.";
        emit failed(*error);
    }
}

std::optional<Error> Capture::beginRecording()
{
    sinceTried_.start();
    auto reserved = TemporaryRecording::reserve(unbegun_->first);
    if (!reserved)
        return reserved.error();
    auto writer = RecordingWriter::create(reserved.value()->file().toStdString(), unbegun_->second);
    if (!writer)
        return writer.error();
    temporary_ = std::move(reserved).value();
    unbegun_.reset();
    progress_.trouble.clear();
    recordWith(std::move(writer).value());
    emit recordingBegan(temporary_->file());
    return std::nullopt;
}

void Capture::flush(std::function<void()> then)
{
    if (recorder_)
        recorder_->flush(std::move(then));
    else
        then();
}

void Capture::record(const Observation& observation)
{
    if (!recorder_ && !unbegun_)
        return;
    if (!recordingHole_ && recorder_->push(observation))
        return;
    recordingHole_ = true;
    if (!isPicture(observation.what) && held_.size() < most_held)
        held_.push_back(observation);
    else
        progress_.dropped++;
}

/// After a hole in the recording: what was done and said meanwhile, that there was a hole, and the
/// full picture to begin anew with.
void Capture::recover()
{
    if (unbegun_ && sinceTried_.hasExpired(before_trying_again))
        static_cast<void>(beginRecording());
    if (!recordingHole_ || !recorder_ || !recorder_->has_room())
        return;
    recordingHole_ = false;
    for (const Observation& observation : std::exchange(held_, {}))
        record(observation);
    for (const auto& [id, state] : analysis_.world().targets())
        recordAnew(state);
}

void Capture::recordAnew(const TargetState& state)
{
    std::vector<Fact> anew{TargetAttached{state.info}, StatusChanged{state.status}};
    if (state.facts)
        anew.emplace_back(FactsReported{*state.facts});
    if (state.settings)
        anew.emplace_back(SettingsReported{*state.settings});
    if (state.pools.agent)
        anew.emplace_back(AgentReported{*state.pools.agent});
    anew.emplace_back(Gap{"recording could not keep up, or the disk was full"});
    const bool answers = state.status.reach == Reach::up && !state.gap_since_sample;
    if (state.last_sample) {
        if (state.pools.agent || !state.pools.pools.empty())
            anew.emplace_back(picture_of(state.pools, state.clock_offset));
        else if (is_server(state.info))
            anew.emplace_back(sessionsOf(state));
        if (!answers)
            anew.emplace_back(Gap{});
    }
    // The live world knows all this. That of a target which does not answer would take it for an
    // answer of now.
    for (const Fact& fact : anew) {
        if (answers)
            observe(state.info.id, fact);
        else
            record({SequenceNumber{++sequence_}, clock_->now(), state.info.id, fact});
    }
}

} // namespace poolscope
