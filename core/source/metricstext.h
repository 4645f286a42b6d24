// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace poolscope {

struct MetricLabel
{
    std::string_view name;
    std::string_view value; ///< unescaped; never empty: an empty one means that there is none
    friend bool operator==(const MetricLabel&, const MetricLabel&) = default;
};

/// One series of a page and its value. All of it is valid until take() returns.
struct MetricSample
{
    std::string_view name;
    std::span<const MetricLabel> labels; ///< ascending by name, each name once
    double value = 0;                    ///< may be NaN or infinite

    /// Empty where there is none.
    std::string_view label(std::string_view name) const;
};

class MetricTaker
{
public:
    virtual ~MetricTaker() = default;
    virtual void take(const MetricSample& sample) = 0;
};

/// What was read. Each line is counted once: `lines` is the sum of those below it.
struct MetricsFigures
{
    std::uint64_t bytes = 0;
    std::uint64_t lines = 0;
    std::uint64_t series = 0;     ///< taken
    std::uint64_t duplicates = 0; ///< named before on this page: the first counts
    std::uint64_t over_limit = 0; ///< beyond max_series
    std::uint64_t unreadable = 0; ///< neither, or too long, or behind the end
    std::uint64_t unmeasured = 0; ///< blank, comments, HELP, TYPE, UNIT, EOF
    bool ended = false;           ///< by "# EOF"
    friend bool operator==(const MetricsFigures&, const MetricsFigures&) = default;
};

/// Reads a page of metrics as it comes: Prometheus' text format 0.0.4, OpenMetrics 1.0, and names
/// in quotes as later versions have them. Lines that cannot be read are counted and skipped. Memory
/// is bounded by the limits below. No I/O, no clock, one thread; a page each.
class MetricsReader
{
public:
    static constexpr std::uint64_t max_page = std::uint64_t{16} << 20;
    static constexpr std::size_t max_line = std::size_t{64} << 10; ///< without its newline
    static constexpr std::size_t max_series = 200'000;
    static constexpr std::size_t max_labels = 64;

    /// The next bytes, cut anywhere. What is beyond max_page is not read: see is_full().
    void feed(std::string_view bytes, MetricTaker& taker);
    /// The page is over: a last line may lack its newline.
    void finish(MetricTaker& taker);

    bool is_full() const { return full_; }
    const MetricsFigures& figures() const { return figures_; }

private:
    void line(std::string_view text, MetricTaker& taker);
    bool described(std::string_view text);
    bool sample(std::string_view text, MetricTaker& taker);
    std::uint64_t hash_of(std::string_view name) const;

    MetricsFigures figures_;
    std::string begun_;     ///< of a line that has not ended
    bool skipping_ = false; ///< the rest of one that is too long
    bool full_ = false;
    std::string scratch_; ///< what was unescaped in the line at hand
    std::vector<MetricLabel> labels_;
    std::vector<MetricLabel> exemplar_;
    std::unordered_set<std::uint64_t> seen_;
};

} // namespace poolscope
