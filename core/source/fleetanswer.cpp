// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/fleetanswer.h"

#include "core/base/text.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

namespace poolscope {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t most_warnings = 3;
constexpr std::size_t longest_words = 300;
constexpr std::size_t most_origins = 20'000;
/// Labels that tell who looked, not what was seen: servers that watch the same twice for safety.
constexpr std::array<std::string_view, 4> replicas{"__replica__", "prometheus_replica",
                                                   "receive_replica", "replica"};

std::string_view text_of(const object& from, std::string_view name)
{
    std::string_view text;
    return from.at_key(name).get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

double value_of(std::string_view text)
{
    if (text == "+Inf" || text == "Inf")
        return HUGE_VAL;
    if (text == "-Inf")
        return -HUGE_VAL;
    double value = std::nan("");
    if (text.starts_with('+'))
        text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : std::nan("");
}

/// [1795271320.412, "4"]
struct Point
{
    Timestamp at;
    double value = 0;
};

std::optional<Point> point_in(const element& from)
{
    array pair;
    double at = 0;
    std::string_view value;
    if (from.get(pair) != simdjson::SUCCESS || pair.size() != 2 ||
        pair.at(0).get(at) != simdjson::SUCCESS || pair.at(1).get(value) != simdjson::SUCCESS ||
        !(at > 0 && at < 1e11))
        return {};
    return Point{timestamp_from_us(std::llround(at * 1e6)), value_of(value)};
}

/// Its name and its labels, ascending. False where there are too many, or no name.
bool labels_in(const object& metric, std::string_view& name, std::vector<MetricLabel>& labels)
{
    labels.clear();
    name = {};
    for (const auto field : metric) {
        std::string_view value;
        if (field.value.get(value) != simdjson::SUCCESS)
            return false;
        if (field.key == "__name__")
            name = value;
        else if (!value.empty() && !field.key.empty())
            labels.push_back({field.key, value});
        if (labels.size() > MetricsReader::max_labels)
            return false;
    }
    std::stable_sort(labels.begin(), labels.end(),
                     [](const MetricLabel& a, const MetricLabel& b) { return a.name < b.name; });
    labels.erase(
        std::unique(labels.begin(), labels.end(),
                    [](const MetricLabel& a, const MetricLabel& b) { return a.name == b.name; }),
        labels.end());
    return !name.empty();
}

std::string error_in(const object& top)
{
    const std::string_view words = text_of(top, "error");
    return plain_line(words.empty() ? text_of(top, "errorType") : words, longest_words);
}

void warnings_in(const object& top, FleetFigures& figures)
{
    bool partial = false;
    for (const char* const name : {"isPartial", "partialResponse"}) {
        if (top.at_key(name).get(partial) == simdjson::SUCCESS)
            figures.partial = figures.partial || partial;
    }
    array warnings;
    if (top.at_key("warnings").get(warnings) != simdjson::SUCCESS)
        return;
    for (const element warning : warnings) {
        std::string_view words;
        if (warning.get(words) != simdjson::SUCCESS)
            continue;
        std::string plain = plain_line(words, longest_words);
        auto& known = figures.warnings;
        if (known.size() < most_warnings &&
            std::find(known.begin(), known.end(), plain) == known.end())
            known.push_back(std::move(plain));
    }
}

Error no_answer()
{
    return {"What came is no answer of a query API.", ""};
}

/// The series of an answer, which are valid as long as the parser is.
Result<array> series_in(simdjson::dom::parser& parser, const std::string& json,
                        std::string_view type, FleetFigures& figures)
{
    element root;
    object top;
    if (parser.parse(json).get(root) != simdjson::SUCCESS || root.get(top) != simdjson::SUCCESS)
        return no_answer();
    const std::string_view status = text_of(top, "status");
    if (status == "error")
        return Error{error_in(top), ""};
    object data;
    array series;
    if (status != "success" || top.at_key("data").get(data) != simdjson::SUCCESS ||
        text_of(data, "resultType") != type ||
        data.at_key("result").get(series) != simdjson::SUCCESS)
        return no_answer();
    warnings_in(top, figures);
    return series;
}

} // namespace

bool FleetReader::is_new(std::string_view name, const std::vector<MetricLabel>& labels)
{
    std::uint64_t hash = 0xcbf29ce484222325U;
    const auto mix = [&hash](std::string_view text) {
        for (const char c : text)
            hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
        hash = (hash ^ 0xffU) * 0x100000001b3U;
    };
    mix(name);
    for (const MetricLabel& label : labels) {
        if (std::find(replicas.begin(), replicas.end(), label.name) != replicas.end())
            continue;
        mix(label.name);
        mix(label.value);
    }
    return seen_.insert(hash).second;
}

/// Each series of an answer: what `convert` makes of its member, unless that is null, goes to
/// `tell` with its name and labels.
template <class Convert, class Tell>
Result<Done> FleetReader::read_series(const std::string& json, std::string_view type,
                                      std::string_view member, Convert convert, Tell tell)
{
    simdjson::dom::parser parser;
    const Result<array> series = series_in(parser, json, type, figures_);
    if (!series)
        return series.error();
    std::vector<MetricLabel> labels;
    for (const element one : series.value()) {
        object entry;
        object metric;
        element value;
        std::string_view name;
        if (one.get(entry) != simdjson::SUCCESS ||
            entry.at_key("metric").get(metric) != simdjson::SUCCESS ||
            !labels_in(metric, name, labels) ||
            entry.at_key(member).get(value) != simdjson::SUCCESS) {
            ++figures_.unreadable;
            continue;
        }
        const auto converted = convert(value);
        if (!converted) {
            ++figures_.unreadable;
        } else if (figures_.series >= MetricsReader::max_series) {
            ++figures_.over_limit;
        } else if (!is_new(name, labels)) {
            ++figures_.duplicates;
        } else {
            ++figures_.series;
            tell(*converted, name, labels);
        }
    }
    return Done{};
}

Result<Done> FleetReader::read_instant(const std::string& json, MetricTaker& taker)
{
    return read_series(
        json, "vector", "value", point_in,
        [&](const Point& point, std::string_view name, const std::vector<MetricLabel>& labels) {
            taker.take({name, labels, point.value});
        });
}

Result<Done> FleetReader::read_range(const std::string& json, const RangeTaker& taker)
{
    const auto list_in = [](const element& from) {
        array values;
        return from.get(values) == simdjson::SUCCESS ? std::optional(values) : std::nullopt;
    };
    return read_series(
        json, "matrix", "values", list_in,
        [&](const array& values, std::string_view name, const std::vector<MetricLabel>& labels) {
            for (const element value : values) {
                if (const std::optional<Point> point = point_in(value))
                    taker(point->at, {name, labels, point->value});
            }
        });
}

ScrapedTargets read_scraped(const std::string& json)
{
    simdjson::dom::parser parser;
    element root;
    array active;
    if (parser.parse(json).get(root) != simdjson::SUCCESS ||
        root.at_pointer("/data/activeTargets").get(active) != simdjson::SUCCESS)
        return {};
    ScrapedTargets origins;
    std::set<std::pair<std::string, std::string>> twice;
    for (const element one : active) {
        object target;
        object labels;
        if (origins.size() == most_origins)
            break;
        if (one.get(target) != simdjson::SUCCESS ||
            target.at_key("labels").get(labels) != simdjson::SUCCESS)
            continue;
        const std::string_view url = text_of(target, "scrapeUrl");
        std::pair<std::string, std::string> key{text_of(labels, "job"),
                                                text_of(labels, "instance")};
        if (url.empty() || url.size() > 1024 || key.first.size() + key.second.size() > 1024)
            continue;
        const auto [at, fresh] = origins.emplace(std::move(key), std::string(url));
        if (!fresh && at->second != url)
            twice.insert(at->first);
    }
    for (const auto& key : twice)
        origins.erase(key);
    return origins;
}

std::string fleet_error(const std::string& json)
{
    simdjson::dom::parser parser;
    element root;
    object top;
    if (parser.parse(json).get(root) != simdjson::SUCCESS || root.get(top) != simdjson::SUCCESS)
        return {};
    return error_in(top);
}

} // namespace poolscope
