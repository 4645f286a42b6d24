// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/privatefolder.h"

#include "core/wire/places.h"

#include <QDir>
#include <QFile>

namespace poolscope {

std::unique_ptr<QTemporaryDir> makeSocketFolder(const QString& socketName)
{
    const QString shape = QStringLiteral("poolscope-XXXXXX");
    auto folder = std::make_unique<QTemporaryDir>(QDir::temp().filePath(shape));
    const auto length = QFile::encodeName(folder->filePath(socketName)).size();
    if (length > static_cast<qsizetype>(wire::max_socket_path))
        folder = std::make_unique<QTemporaryDir>(QDir(QStringLiteral("/tmp")).filePath(shape));
    return folder;
}

} // namespace poolscope
