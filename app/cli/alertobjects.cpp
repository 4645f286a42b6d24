// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/objects.h"
#include "app/cli/prose.h"
#include "core/report/texttable.h"

#include <fmt/format.h>

namespace poolscope {

void writeAlert(JsonWriter& json, const TargetSummary& target, const Alert& alert)
{
    json.begin_object();
    json.member("target", target.info.url);
    json.member("pool", alert.pool);
    json.member("rule", alert.rule);
    json.member("severity", name_of(alert.severity));
    json.member("state", name_of(alert.state));
    json.member("since", alert.since);
    json.member("value", alert.value);
    json.member("threshold", alert.threshold);
    json.member("sentence", alert.sentence);
    json.member("longer", alert.longer);
    json.end_object();
}

void writeAlerts(JsonWriter& json, const Picture& picture)
{
    for (const TargetSummary& target : picture.targets) {
        for (const Alert& alert : target.alerts)
            writeAlert(json, target, alert);
    }
}

std::string alertsText(const Picture& picture, int width)
{
    TextTable table;
    table.add_column("SEVERITY");
    table.add_column("STATE");
    table.add_column("FOR", true);
    table.add_column("TARGET");
    table.add_column("RULE");
    table.add_column("WHAT IT SAYS");
    for (const TargetSummary& target : picture.targets) {
        for (const Alert& alert : target.alerts)
            table.add_row({std::string(name_of(alert.severity)), std::string(name_of(alert.state)),
                           fmt::format("{}{}", alert.longer ? "over " : "",
                                       format_duration_cell(picture.now - alert.since)),
                           plain_line(target.info.name, 64), plain_line(alert.rule, 64),
                           plain_line(alert.sentence, 400)});
    }
    if (table.empty())
        return "No alert.\n";
    std::string text;
    for (const std::string& line : table.lines(width))
        text += line + '\n';
    return text;
}

} // namespace poolscope
