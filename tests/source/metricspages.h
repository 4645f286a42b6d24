// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/metricspools.h"
#include "tests/support/places.h"

#include <QFile>

#include <optional>
#include <string>
#include <vector>

namespace poolscope::test {

struct PagePools
{
    explicit PagePools(const std::string& text)
    {
        MetricsReader reader;
        reader.feed(text, found);
        reader.finish(found);
        figures = reader.figures();
        pools = found.pools();
    }
    const Pool* pool(const char* name) const
    {
        for (const Pool& one : pools) {
            if (one.name.str() == name)
                return &one;
        }
        return nullptr;
    }

    MetricsPools found;
    MetricsFigures figures;
    std::vector<Pool> pools;
};

inline std::string dataFile(const char* name)
{
    QFile file(inTree("tests/data/metrics/") + QLatin1String(name));
    if (!file.open(QIODevice::ReadOnly))
        qFatal("no %s", name);
    return file.readAll().toStdString();
}

using Number = std::optional<std::int64_t>;

} // namespace poolscope::test
