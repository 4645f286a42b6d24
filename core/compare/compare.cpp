// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compare/compare.h"

#include "core/compare/seconds.h"
#include "core/compare/sidefold.h"
#include "core/report/concealer.h"
#include "core/report/readuntil.h"

#include <algorithm>
#include <memory>

namespace poolscope::compare {

namespace {

/// Tells how far a reading is, and hears whether to go on.
class Pace
{
public:
    Pace(const Progress& progress, Timestamp from, Timestamp to)
        : progress_(progress)
        , from_(from)
        , length_(seconds_between(from, to))
    {}

    bool stopped() const { return stopped_; }
    /// Where it is no further than before. False where no more is wanted.
    bool still() { return at(from_); }
    /// False where no more is wanted.
    bool at(Timestamp now)
    {
        constexpr int tell_every = 256; // observations
        if (progress_ && !stopped_ && ++seen_ % tell_every == 1) {
            if (length_ > 0) // a clock that is set may go back
                done_ = std::max(done_, std::min(1.0, seconds_between(from_, now) / length_));
            stopped_ = !progress_(done_);
        }
        return !stopped_;
    }

private:
    const Progress& progress_;
    Timestamp from_;
    double length_; ///< seconds
    double done_ = 0;
    int seen_ = 0;
    bool stopped_ = false;
};

Error stopped()
{
    return {"The comparison was stopped.", "The recordings are as they were."};
}

/// Everything that a recording names; what is damaged is read as far as it can be.
Result<Done> learn(RecordingReader& reader, report::Concealer& concealer, Pace& pace)
{
    const auto info = reader.info();
    if (!info)
        return info.error();
    const auto keyframe = reader.keyframe(info.value().started);
    if (!keyframe)
        return keyframe.error();
    concealer.learn(keyframe.value());
    static_cast<void>(reader.read(keyframe.value().sequence(), [&](const Observation& observation) {
        concealer.learn(observation);
        return pace.still();
    }));
    if (pace.stopped())
        return stopped();
    return Done{};
}

template <class What>
What concealed(report::Concealer& concealer, What what)
{
    const Observation told{SequenceNumber{1}, Timestamp{}, TargetId{}, std::move(what)};
    return std::get<What>(concealer.conceal(told).what);
}

} // namespace

Result<Side> side_of(RecordingReader& reader, const Question& question, const Progress& progress)
{
    const auto info = reader.info();
    if (!info)
        return info.error();
    const Timestamp from =
        std::max(info.value().started, question.from.value_or(info.value().started));
    const Timestamp to =
        std::max(from, std::min(info.value().ended, question.to.value_or(info.value().ended)));
    // A recording may claim any instant.
    const Timestamp begin = from < Timestamp::min() + Analysis::longest_window
                                ? Timestamp::min()
                                : from - Analysis::longest_window;
    Pace pace{progress, std::max(info.value().started, begin), to};
    // By number: a clock that was set for a while ends nothing.
    const SequenceNumber end =
        to < info.value().ended ? report::last_until(reader, to, [&pace] { return pace.still(); })
                                : info.value().last;
    // What grows is judged over a window, as it was live.
    auto keyframe = report::keyframe_before(reader, begin, end);
    if (!keyframe)
        return keyframe.error();
    Analysis analysis;
    const SequenceNumber first = keyframe.value().sequence();
    analysis.restore(std::move(keyframe).value());
    SideFold fold{from, to};
    fold.begin(analysis.world());
    std::optional<Timestamp> looked;
    const auto read = reader.read(first, [&](const Observation& observation) {
        if (end < observation.sequence || !pace.at(observation.time))
            return false;
        fold.before(analysis.world(), observation);
        WorldDelta ignored;
        analysis.fold(observation, ignored);
        fold.after(analysis.world(), observation);
        // Once a second, when time alone may have changed something.
        if (observation.time < from || observation.time > to ||
            (!std::holds_alternative<Tick>(observation.what) && looked &&
             observation.time >= *looked && observation.time - *looked < std::chrono::seconds{1}))
            return true;
        looked = observation.time;
        analysis.look();
        fold.look(analysis);
        return true;
    });
    if (pace.stopped())
        return stopped();
    Side side =
        fold.finish(analysis.world(), read ? to : std::clamp(analysis.world().now(), from, to));
    side.name = question.name;
    side.recorded = info.value().started;
    side.complete = info.value().complete || (question.to && *question.to < info.value().ended);
    if (!read)
        side.damage = read.error();
    return side;
}

Result<Naming> concealing(RecordingReader& before, RecordingReader& after, const Progress& progress)
{
    Pace pace{progress, Timestamp{}, Timestamp{}};
    const auto concealer = std::make_shared<report::Concealer>();
    for (RecordingReader* const reader : {&before, &after}) {
        if (const auto learned = learn(*reader, *concealer, pace); !learned)
            return learned.error();
    }
    concealer->settle();
    Naming naming;
    naming.target = [concealer](const TargetInfo& info) {
        return concealed(*concealer, TargetAttached{info}).info;
    };
    naming.pool = [concealer](const Text& name) {
        return concealer->pool(name);
    };
    naming.application = [concealer](const Text& name) {
        return concealer->application(name);
    };
    naming.user = [concealer](const Text& name) {
        return concealer->user(name);
    };
    naming.text = [concealer](const Text& text) {
        return text.empty() ? text : Text{concealer->words(std::string_view(text.str()))};
    };
    naming.stack = [concealer](const StackRef& stack) {
        PoolSample sample;
        sample.brief.push_back({Text{}, stack, 0, {}, {}});
        return concealed(*concealer, std::move(sample)).brief.front().stack;
    };
    return naming;
}

} // namespace poolscope::compare
