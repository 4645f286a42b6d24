// SPDX-License-Identifier: GPL-3.0-or-later
// Pages of metrics of a hostile application: Prometheus' text, OpenMetrics, Go's expvar; and what a
// hostile query API answers.
#include "core/source/fleetanswer.h"
#include "core/source/metricsexpvar.h"
#include "core/source/metricspools.h"
#include "core/source/metricstext.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace poolscope;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

class Page final : public MetricTaker
{
public:
    void take(const MetricSample& sample) override
    {
        require(!sample.name.empty());
        require(sample.labels.size() <= MetricsReader::max_labels);
        require(std::is_sorted(
            sample.labels.begin(), sample.labels.end(),
            [](const MetricLabel& a, const MetricLabel& b) { return a.name <= b.name; }));
        std::string line(sample.name);
        for (const MetricLabel& label : sample.labels) {
            require(!label.name.empty() && !label.value.empty());
            require(sample.label(label.name) == label.value);
            line.append(1, '\n').append(label.name).append(1, '=').append(label.value);
        }
        list.push_back(line + '\n' + std::to_string(sample.value));
        pools.take(sample);
    }
    std::vector<std::string> list;
    MetricsPools pools;
};

MetricsFigures read(std::string_view bytes, std::size_t piece, Page& page)
{
    MetricsReader reader;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        reader.feed(bytes.substr(at, piece), page);
    reader.finish(page);
    return reader.figures();
}

void check(const std::vector<Pool>& pools)
{
    const Pool* before = nullptr;
    for (const Pool& pool : pools) {
        require(!pool.name.empty() && pool.name.str().size() <= 1024);
        require(before == nullptr || before->name < pool.name);
        for (const auto& figure : {pool.used, pool.idle, pool.total, pool.max, pool.pending})
            require(!figure || *figure >= 0);
        for (const auto& time : {pool.wait_time, pool.use_time, pool.create_time}) {
            require(!time || !time->p50 || *time->p50 >= Duration{0});
            require(!time || !time->total || *time->total >= Duration{0});
        }
        require(!began_anew(pool, pool));
        before = &pool;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const std::size_t piece = size == 0 ? 1 : 1 + data[0] % 100U;

    // In one piece or in many: the same series, each line counted once.
    Page whole;
    Page pieces;
    const MetricsFigures figures = read(bytes, size + 1, whole);
    require(figures == read(bytes, piece, pieces));
    require(whole.list == pieces.list && whole.list.size() == figures.series);
    require(figures.lines == figures.series + figures.duplicates + figures.over_limit +
                                 figures.unreadable + figures.unmeasured);
    check(whole.pools.pools());

    // The same page twice: what was named is a duplicate, unless it had ended.
    if (!figures.ended && size > 0) {
        Page twice;
        const std::string page(bytes);
        const MetricsFigures doubled = read(page + "\n" + page, 2 * size + 2, twice);
        require(twice.list == whole.list && doubled.duplicates >= figures.series);
    }

    if (const Result<ExpvarPage> page = read_expvar(std::string(bytes)))
        check(page.value().pools);

    // What a query API answers; the same once more is all known.
    const std::string json(bytes);
    FleetReader reader;
    Page fleet;
    if (reader.read_instant(json, fleet)) {
        require(fleet.list.size() == reader.figures().series);
        check(fleet.pools.pools());
        require(reader.read_instant(json, fleet) && fleet.list.size() == reader.figures().series);
    }
    require(reader.figures().warnings.size() <= 3);
    FleetReader past;
    const Result<Done> ignored = past.read_range(json, [](Timestamp at, const MetricSample& one) {
        require(to_us(at) > 0 && !one.name.empty());
    });
    static_cast<void>(ignored);
    for (const auto& [key, url] : read_scraped(json))
        require(!url.empty());
    require(fleet_error(json).size() <= 400);
    return 0;
}
