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
    int critical = 0; ///< of the calling ones
    int pending = 0;
};
AlertCount countAlerts(const Update& update);

/// The id of its row.
QString alertId(const Alert& alert);
std::unique_ptr<TreeModel> makeAlertModel(QObject* parent);
/// A row an alert, in the order of AlertBook::alerts: firing ones first, then the worse.
TreeNodes alertRows(const Update& update, const Formatter& format);

} // namespace poolscope
