// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/recenttargets.h"

#include "core/source/registry.h"

#include <QSettings>

#include <algorithm>

namespace poolscope {

namespace {
constexpr std::size_t most = 20;
constexpr qsizetype longest = 4096;
const QString group = QStringLiteral("recentTargets");
} // namespace

std::vector<RecentTarget> RecentTargets::all() const
{
    std::vector<RecentTarget> entries;
    const int count = std::min(settings_.beginReadArray(group), static_cast<int>(most));
    for (int i = 0; i < count; ++i) {
        settings_.setArrayIndex(i);
        RecentTarget entry;
        entry.target = settings_.value(QStringLiteral("target")).toString().left(longest);
        entry.sshHost = settings_.value(QStringLiteral("ssh")).toString().left(255);
        entry.what = settings_.value(QStringLiteral("what")).toString().left(200);
        entry.used = settings_.value(QStringLiteral("used")).toDateTime();
        if (!entry.target.isEmpty())
            entries.push_back(entry);
    }
    settings_.endArray();
    return entries;
}

void RecentTargets::add(const RecentTarget& added)
{
    RecentTarget entry = added;
    const auto kind = classifyKnown(entry.target);
    if (!kind)
        return;
    if (kind.value() != TargetKind::recording)
        entry.target = withoutSecrets(entry.target);
    if (entry.target.isEmpty() || entry.target.size() > longest)
        return;
    std::vector<RecentTarget> entries = all();
    for (const RecentTarget& known : entries)
        if (known.target == entry.target && known.sshHost == entry.sshHost && entry.what.isEmpty())
            entry.what = known.what;
    std::erase_if(entries, [&](const RecentTarget& known) {
        return known.target == entry.target && known.sshHost == entry.sshHost;
    });
    entries.insert(entries.begin(), entry);
    store(entries);
}

void RecentTargets::describe(const QString& target, const QString& what)
{
    std::vector<RecentTarget> entries = all();
    bool changed = false;
    for (RecentTarget& entry : entries)
        if (entry.target == target && entry.what != what) {
            entry.what = what;
            changed = true;
        }
    if (changed)
        store(entries);
}

void RecentTargets::remove(const QString& target, const QString& sshHost)
{
    std::vector<RecentTarget> entries = all();
    std::erase_if(entries, [&](const RecentTarget& known) {
        return known.target == target && known.sshHost == sshHost;
    });
    store(entries);
}

void RecentTargets::store(const std::vector<RecentTarget>& entries)
{
    settings_.remove(group);
    settings_.beginWriteArray(group);
    for (std::size_t i = 0; i < std::min(entries.size(), most); ++i) {
        settings_.setArrayIndex(static_cast<int>(i));
        settings_.setValue(QStringLiteral("target"), entries[i].target);
        settings_.setValue(QStringLiteral("ssh"), entries[i].sshHost);
        settings_.setValue(QStringLiteral("what"), entries[i].what);
        settings_.setValue(QStringLiteral("used"), entries[i].used);
    }
    settings_.endArray();
}

} // namespace poolscope
