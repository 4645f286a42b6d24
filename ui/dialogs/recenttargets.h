// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDateTime>
#include <QString>

#include <vector>

class QSettings;

namespace poolscope {

/// A target or recording that was used before. Holds no secret.
struct RecentTarget
{
    QString target;
    QString sshHost;
    QString what; ///< "PostgreSQL 15.8", as far as it was known
    QDateTime used;
};

/// The list of them in the settings, latest first, at most 20. Passwords are taken out on the way
/// in, and what cannot be read well enough to do so is not kept at all.
class RecentTargets
{
public:
    explicit RecentTargets(QSettings& settings)
        : settings_(settings)
    {}

    std::vector<RecentTarget> all() const;
    void add(const RecentTarget& entry);
    /// Says what a target turned out to be; nothing where it is not in the list.
    void describe(const QString& target, const QString& what);
    void remove(const QString& target, const QString& sshHost);

private:
    void store(const std::vector<RecentTarget>& entries);
    QSettings& settings_;
};

} // namespace poolscope
