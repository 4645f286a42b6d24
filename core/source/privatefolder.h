// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QTemporaryDir>

#include <memory>

namespace poolscope {

/// A temporary folder that only this user may enter (0700), for a Unix socket of that name: short
/// enough for one, wherever the system's temporary folder is. Removed with the object; check
/// isValid().
std::unique_ptr<QTemporaryDir> makeSocketFolder(const QString& socketName);

} // namespace poolscope
