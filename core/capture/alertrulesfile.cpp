// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/alertrulesfile.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSaveFile>
#include <QStandardPaths>

namespace poolscope {

QString alertRulesFile()
{
    return QStandardPaths::writableLocation(QStandardPaths::GenericConfigLocation) +
           QStringLiteral("/Poolscope/alerts.toml");
}

std::optional<QString> saveAlertRules(const QString& file, const QString& rules)
{
    const auto because = [&file](const QString& reason) {
        return QStringLiteral("%1 cannot be written: %2.").arg(file, reason);
    };
    if (!QDir().mkpath(QFileInfo(file).path()))
        return because(QStringLiteral("its folder cannot be made"));
    // Kept by copying: there are rules at every moment.
    if (QFile::exists(file)) {
        const QString before = file + QLatin1Char('~');
        QFile::remove(before);
        if (!QFile::copy(file, before))
            return because(QStringLiteral("what is there now cannot be kept as ") + before);
    }
    if (rules.isEmpty()) {
        QFile old(file);
        return !old.exists() || old.remove() ? std::nullopt
                                             : std::optional(because(old.errorString()));
    }
    QSaveFile target(file);
    if (!target.open(QIODevice::WriteOnly) || target.write(rules.toUtf8()) < 0 || !target.commit())
        return because(target.errorString());
    return std::nullopt;
}

} // namespace poolscope
