// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "ui/models/formatter.h"
#include "ui/models/treemodel.h"

#include <memory>

namespace poolscope {

/// What the alerts of all targets come to.
struct AlertCount
{
    int firing = 0;
    int calling = 0;  ///< of the firing ones: nobody has said anything of them
    int warning = 0;  ///< of the calling ones
    int critical = 0; ///< the same
    int pending = 0;
};
AlertCount countAlerts(const Update& update);

enum class AlertColumn : int { severity, state, lasted, where, value, sentence, rule };
/// The id of its row.
QString alertId(const Alert& alert);
std::unique_ptr<TreeModel> makeAlertModel(QObject* parent);
/// A row an alert: firing ones first, of these the ones that call, then the worse.
TreeNodes alertRows(const std::vector<TargetSummary>& targets, Timestamp now,
                    const Formatter& format);

} // namespace poolscope
