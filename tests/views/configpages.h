// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/theme/elidedlabel.h"
#include "ui/views/configurationpage.h"
#include "ui/views/pagetitle.h"

#include <QLabel>

#include <algorithm>

/// What tests of the configuration page ask of it.
namespace poolscope::support {

inline QString answer(const ConfigurationPage& page)
{
    return page.findChild<PageTitle*>()->accessibleName();
}

inline QString label(const ConfigurationPage& page, const char* name)
{
    if (const auto* const cut = page.findChild<ElidedLabel*>(QLatin1String(name)))
        return cut->text();
    return page.findChild<QLabel*>(QLatin1String(name))->text();
}

inline bool raises(const ConfigurationPage& page, const char* rule)
{
    const auto& findings = page.report().findings;
    return std::any_of(findings.begin(), findings.end(),
                       [&](const ConfigFinding& each) { return each.rule == rule; });
}

} // namespace poolscope::support
