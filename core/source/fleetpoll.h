// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/source/fleetanswer.h"
#include "core/source/metricspools.h"

#include <QUrl>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// The matchers that an address asks for: `job="shop",env=~"p.*"`; empty: none.
std::string fleetMatchers(const QUrl& base);
/// The selector of metrics of these names. `behind`: each stands behind a pool's name.
std::string fleetSelector(const std::vector<std::string>& names, bool behind,
                          const std::string& matchers);
/// A request to a query API: what follows its base, and its own parameters, percent-encoded.
QUrl fleetUrl(const QUrl& base, const QString& path, const QByteArray& parameters);

/// What to ask a query API for, one question after the other, and what came of it. Each kind of
/// metrics is a question; one whose answer is too much is asked in halves from then on, a kind that
/// nobody has is asked for now and then only. No I/O and no clock: whoever fetches drives it.
class FleetPoll
{
public:
    explicit FleetPoll(const QUrl& base);

    void begin();
    /// The same of a time that has passed: instants `step` apart, the first at `from`.
    struct Past
    {
        Timestamp from;
        Duration step = std::chrono::seconds{15};
        std::size_t steps = 0;
        Timestamp at(std::size_t index) const
        {
            return from + step * static_cast<std::int64_t>(index);
        }
    };
    void begin(const Past& past);
    /// What to fetch; empty: the poll is over.
    std::optional<QUrl> next();
    void piece(std::string_view bytes) { json_ += bytes; }
    /// The answer has come as a whole. An error where it is none.
    Result<Done> answered();
    enum class Refusal {
        other,
        tooMuch,
        maybeTooMuch, ///< or the question is wrong: some servers say both with the same status
        late,         ///< no answer in time
    };
    /// There is no answer. True where the poll goes on nonetheless: in halves, or without. False:
    /// the poll has failed. Where nothing at all is answered it is not asked in ever smaller parts,
    /// and in whole questions with the next poll.
    bool retreat(Refusal why);
    /// What is asked for may be missing without harm.
    bool isOptional() const { return asking_ && asking_->names.empty(); }

    const MetricsPools& pools() const { return pools_.front(); }
    /// Of a past, one for each instant.
    const std::vector<MetricsPools>& steps() const { return pools_; }
    /// What is odd about the answers: sentences.
    std::vector<std::string> remarks() const;

private:
    struct Question
    {
        std::vector<std::string> names; ///< empty: what it scrapes
        bool behind = false;
        int rest = 0;         ///< polls until it is asked again
        bool tooMuch = false; ///< by itself
    };
    void startOver();
    QUrl urlOf(const Question& question) const;
    Result<Done> read();
    std::string originOf(std::string_view job, std::string_view instance);

    QUrl base_;
    std::string matchers_;
    std::vector<Question> all_;
    std::deque<Question> left_; ///< of this poll
    std::optional<Question> asking_;
    bool any_ = false; ///< metrics were answered in this poll
    int refused_ = 0;  ///< of this poll, before any were
    int late_ = 0;     ///< in a row
    std::string json_;
    std::optional<FleetReader> reader_;
    std::optional<Past> past_;
    std::vector<MetricsPools> pools_; ///< one; of a past as many as it has steps
    ScrapedTargets scraped_;
    ScrapedTargets origins_; ///< as they are attached to; what was asked for
};

} // namespace poolscope
