// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/alerts.h"
#include "core/model/target.h"

#include <QByteArray>
#include <QString>

#include <cstddef>
#include <utility>
#include <vector>

namespace poolscope {

/// An alert that began to fire, or is over: its state says which.
struct AlertNews
{
    TargetInfo target;
    Alert alert;
};

/// What a command is told of alerts. resources/alerts/README.md describes both for those who write
/// one: keys and names are kept for ever.
struct AlertMessage
{
    QByteArray json;                                      ///< one object on one line
    std::vector<std::pair<QString, QString>> environment; ///< each POOLSCOPE_ALERT_…, on one line
};

/// `news` is not empty, in the order in which it happened; `leftOut` is how many more there were.
/// Texts in it are bounded, and hold no control characters.
AlertMessage alertMessage(const std::vector<AlertNews>& news, std::size_t leftOut, Timestamp now);

} // namespace poolscope
