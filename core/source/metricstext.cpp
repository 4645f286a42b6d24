// SPDX-License-Identifier: GPL-3.0-or-later
// Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ and the OpenMetrics
// specification.
#include "core/source/metricstext.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

namespace poolscope {

namespace {

bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/// Reads one line from the left. Every member leaves the rest of the line.
class Cursor
{
public:
    explicit Cursor(std::string_view text)
        : rest_(text)
    {}

    bool at_end() const { return rest_.empty(); }
    bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
    bool skip(char c)
    {
        if (!at(c))
            return false;
        rest_.remove_prefix(1);
        return true;
    }
    void skip_blanks()
    {
        while (at(' ') || at('\t'))
            rest_.remove_prefix(1);
    }
    /// As far as the next blank.
    std::string_view word()
    {
        const std::size_t end = std::min(rest_.find_first_of(" \t"), rest_.size());
        const std::string_view found = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return found;
    }
    /// Empty where there is none. Metrics may have colons, labels not.
    std::string_view name(bool colons)
    {
        std::size_t end = 0;
        while (end < rest_.size() && (is_letter(rest_[end]) || (colons && rest_[end] == ':') ||
                                      (end > 0 && is_digit(rest_[end]))))
            ++end;
        const std::string_view found = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return found;
    }
    /// What stands in quotes. False where they do not close. `scratch` has room for all of it.
    bool quoted(std::string& scratch, std::string_view& found)
    {
        if (!skip('"'))
            return false;
        std::size_t end = 0;
        bool escaped = false;
        while (end < rest_.size() && rest_[end] != '"') {
            escaped = escaped || rest_[end] == '\\';
            end += rest_[end] == '\\' ? 2 : 1;
        }
        if (end >= rest_.size())
            return false;
        const std::string_view inside = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        found = escaped ? unescaped(inside, scratch) : inside;
        return true;
    }

private:
    static std::string_view unescaped(std::string_view inside, std::string& scratch)
    {
        const std::size_t begin = scratch.size();
        for (std::size_t i = 0; i < inside.size(); ++i) {
            if (inside[i] != '\\') {
                scratch += inside[i];
                continue;
            }
            const char next = inside[++i]; // quoted() leaves none alone at the end
            if (next == 'n')
                scratch += '\n';
            else if (next == '\\' || next == '"')
                scratch += next;
            else
                scratch.append({'\\', next});
        }
        return std::string_view(scratch).substr(begin);
    }

    std::string_view rest_;
};

bool same_word(std::string_view a, std::string_view lower)
{
    return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
        return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
    });
}

bool read_number(std::string_view text, double& value)
{
    std::string_view plain = text;
    const bool negative = plain.starts_with('-');
    if (negative || plain.starts_with('+'))
        plain.remove_prefix(1);
    if (same_word(plain, "nan")) {
        value = std::numeric_limits<double>::quiet_NaN();
        return true;
    }
    if (same_word(plain, "inf") || same_word(plain, "infinity")) {
        value = std::numeric_limits<double>::infinity() * (negative ? -1 : 1);
        return true;
    }
    if (plain.empty() || !(is_digit(plain.front()) || plain.front() == '.'))
        return false;
    const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
    value = negative ? -value : value;
    return error == std::errc{} && end == plain.data() + plain.size();
}

/// "{a="b",…}", the opening brace read. `name`: where not null, may be given by a first string
/// alone.
bool read_labels(Cursor& at, std::string& scratch, std::vector<MetricLabel>& labels,
                 std::string_view* name)
{
    while (true) {
        at.skip_blanks();
        if (at.skip('}'))
            break;
        MetricLabel label;
        const bool in_quotes = at.at('"');
        if (in_quotes ? !at.quoted(scratch, label.name) : (label.name = at.name(false)).empty())
            return false;
        at.skip_blanks();
        if (at.skip('=')) {
            at.skip_blanks();
            if (label.name.empty() || !at.quoted(scratch, label.value) ||
                labels.size() == MetricsReader::max_labels)
                return false;
            labels.push_back(label);
        } else if (in_quotes && name != nullptr && name->empty() && labels.empty()) {
            *name = label.name;
        } else {
            return false;
        }
        at.skip_blanks();
        if (!at.skip(',') && !at.at('}'))
            return false;
    }
    std::sort(labels.begin(), labels.end(),
              [](const MetricLabel& a, const MetricLabel& b) { return a.name < b.name; });
    const bool twice = std::adjacent_find(labels.begin(), labels.end(),
                                          [](const MetricLabel& a, const MetricLabel& b) {
                                              return a.name == b.name;
                                          }) != labels.end();
    std::erase_if(labels, [](const MetricLabel& label) { return label.value.empty(); });
    return !twice;
}

/// " # {…} value [time]"
bool read_exemplar(Cursor& at, std::string& scratch, std::vector<MetricLabel>& labels)
{
    labels.clear();
    at.skip_blanks();
    double number = 0;
    if (!at.skip('{') || !read_labels(at, scratch, labels, nullptr))
        return false;
    at.skip_blanks();
    if (!read_number(at.word(), number))
        return false;
    at.skip_blanks();
    return at.at_end() || read_number(at.word(), number);
}

constexpr std::array types{"counter",        "gauge",   "histogram", "summary", "untyped",
                           "gaugehistogram", "unknown", "info",      "stateset"};

} // namespace

std::string_view MetricSample::label(std::string_view wanted) const
{
    const auto found =
        std::lower_bound(labels.begin(), labels.end(), wanted,
                         [](const MetricLabel& a, std::string_view b) { return a.name < b; });
    return found != labels.end() && found->name == wanted ? found->value : std::string_view();
}

void MetricsReader::feed(std::string_view bytes, MetricTaker& taker)
{
    const std::uint64_t room = max_page - figures_.bytes;
    if (bytes.size() > room) {
        full_ = true;
        bytes = bytes.substr(0, static_cast<std::size_t>(room));
    }
    figures_.bytes += bytes.size();
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        if (!skipping_ && begun_.size() + piece.size() > max_line) {
            skipping_ = true;
            begun_.clear();
            ++figures_.lines;
            ++figures_.unreadable;
        }
        if (end == std::string_view::npos) {
            if (!skipping_)
                begun_ += piece;
            return;
        }
        if (!skipping_ && begun_.empty()) {
            line(piece, taker);
        } else if (!skipping_) {
            begun_ += piece;
            line(begun_, taker);
            begun_.clear();
        }
        skipping_ = false;
        bytes.remove_prefix(end + 1);
    }
}

void MetricsReader::finish(MetricTaker& taker)
{
    if (!begun_.empty() && !full_)
        line(begun_, taker);
    begun_.clear();
    skipping_ = false;
}

void MetricsReader::line(std::string_view text, MetricTaker& taker)
{
    ++figures_.lines;
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) {
        ++figures_.unmeasured;
        return;
    }
    text.remove_prefix(begin);
    if (text.front() == '#' && !figures_.ended && described(text))
        ++figures_.unmeasured;
    else if (text.front() == '#' || figures_.ended || !sample(text, taker))
        ++figures_.unreadable;
}

bool MetricsReader::described(std::string_view text)
{
    if (text == "# EOF") {
        figures_.ended = true;
        return true;
    }
    Cursor at(text.substr(1));
    at.skip_blanks();
    const std::string_view what = at.word();
    if (what != "TYPE")
        return true; // HELP, UNIT, a remark: free text
    at.skip_blanks();
    if (at.at('"')) {
        std::string_view name;
        scratch_.clear();
        if (!at.quoted(scratch_, name))
            return false;
    } else if (at.name(true).empty()) {
        return false;
    }
    at.skip_blanks();
    const std::string_view type = at.word();
    at.skip_blanks();
    return at.at_end() && std::find(types.begin(), types.end(), type) != types.end();
}

bool MetricsReader::sample(std::string_view text, MetricTaker& taker)
{
    scratch_.clear();
    scratch_.reserve(text.size()); // views into it must last
    labels_.clear();
    Cursor at(text);
    std::string_view name = at.name(true);
    const bool nameless = name.empty();
    at.skip_blanks();
    if (at.skip('{')) {
        if (!read_labels(at, scratch_, labels_, nameless ? &name : nullptr))
            return false;
        at.skip_blanks();
    }
    MetricSample sample{name, labels_, 0};
    if (name.empty() || !read_number(at.word(), sample.value))
        return false;
    at.skip_blanks();
    double time = 0;
    if (!at.at_end() && !at.at('#')) {
        if (!read_number(at.word(), time))
            return false;
        at.skip_blanks();
    }
    if (at.skip('#') && !read_exemplar(at, scratch_, exemplar_))
        return false;
    at.skip_blanks();
    if (!at.at_end())
        return false;
    const std::uint64_t hash = hash_of(name);
    if (seen_.contains(hash)) {
        ++figures_.duplicates;
    } else if (seen_.size() == max_series) {
        ++figures_.over_limit;
    } else {
        seen_.insert(hash);
        ++figures_.series;
        taker.take(sample);
    }
    return true;
}

/// Two series of one page have the same hash once in a thousand million pages of full length.
std::uint64_t MetricsReader::hash_of(std::string_view name) const
{
    const std::hash<std::string_view> hash;
    std::uint64_t sum = hash(name);
    const auto add = [&](std::string_view text) {
        sum = (sum ^ hash(text)) * 0x9e3779b97f4a7c15U;
        sum ^= sum >> 32;
    };
    for (const MetricLabel& label : labels_) {
        add(label.name);
        add(label.value);
    }
    return sum;
}

} // namespace poolscope
