// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/sessionwords.h"

#include "ui/models/formatter.h"
#include "ui/models/joined.h"
#include "ui/models/translate.h"
#include "ui/views/blockingplace.h"

#include <algorithm>
#include <map>

namespace poolscope {

namespace {

/// "9 billing, 4 report-worker": those who wait for it, by application.
QString byApplication(const SessionStore& store, const BlockingNode& node)
{
    constexpr int most = 8;
    std::map<QString, int> names;
    for (const BlockingNode& behind : node.waiting) {
        if (const SessionRow* const waiter = store.find(behind.key)) {
            const Text& name = waiter->session.application.empty() ? waiter->session.user
                                                                   : waiter->session.application;
            ++names[Formatter::line(name.str(), 60)];
        }
    }
    QStringList parts;
    for (const auto& [name, n] : names) {
        if (parts.size() == most) {
            parts += tr("others");
            break;
        }
        parts += name.isEmpty() ? tr("%1 without a name").arg(n)
                                : tr("%1 of %2").arg(QString::number(n), name);
    }
    return parts.join(QStringLiteral(", "));
}

} // namespace

namespace {

QString notRead()
{
    return tr("not read: only of blockers, suspects and sessions somebody looks at");
}

} // namespace

QString heldLocks(const SessionStore& store, const SessionKey& session)
{
    constexpr qsizetype most = 8;
    const TargetSummary* const target = store.target(session.target);
    if (!target)
        return notRead();
    const auto found = target->locks.find(session.pid);
    if (found == target->locks.end())
        return notRead();
    // One line a relation: modes of one table belong together.
    std::map<QString, QStringList> held;
    for (const Lock& lock : found->second) {
        if (!lock.granted || lock.type == "virtualxid")
            continue;
        const QString what =
            Formatter::line(lock.relation.empty() ? lock.type : lock.relation, 100);
        QStringList& modes = held[what];
        const QString mode = Formatter::line(lock.mode, 60);
        if (!modes.contains(mode))
            modes += mode;
    }
    QStringList lines;
    for (const auto& [what, modes] : held) {
        if (lines.size() == most) {
            lines += tr("and %1 more").arg(std::ssize(held) - most);
            break;
        }
        lines += what + QStringLiteral(": ") + modes.join(QStringLiteral(", "));
    }
    return lines.isEmpty() ? tr("nothing") : lines.join(QLatin1Char('\n'));
}

QStringList waitingWords(const SessionStore& store, const SessionRow& row)
{
    const auto place = blockingPlace(store, row.session.key);
    if (!place || place->node->waiting.empty())
        return {};
    QStringList lines{tr("Waiting for it: %1.").arg(byApplication(store, *place->node))};
    const auto direct = static_cast<std::int32_t>(place->node->waiting.size());
    if (row.blocks > direct)
        lines += row.blocks - direct == 1
                     ? tr("1 more waits behind those.")
                     : tr("%1 more wait behind those.").arg(row.blocks - direct);
    return lines;
}

QString pidWords(Pid pid)
{
    return pid.value == 0 ? tr("a prepared transaction") : QString::number(pid.value);
}

std::vector<SessionKey> chainToRoot(const SessionStore& store, const SessionKey& session)
{
    const TargetSummary* const target = store.target(session.target);
    if (!target)
        return {};
    struct Step
    {
        const BlockingNode* node;
        std::ptrdiff_t parent; ///< among the steps; -1 for a root
    };
    std::vector<Step> steps;
    for (const BlockingTree& tree : target->blocking.trees)
        steps.push_back({&tree.root, -1});
    for (std::size_t at = 0; at < steps.size(); ++at) {
        const Step step = steps[at];
        if (step.node->key == session) {
            std::vector<SessionKey> chain;
            for (auto up = step.parent; up >= 0; up = steps[static_cast<std::size_t>(up)].parent)
                chain.push_back(steps[static_cast<std::size_t>(up)].node->key);
            return chain;
        }
        for (const BlockingNode& waiter : step.node->waiting)
            steps.push_back({&waiter, static_cast<std::ptrdiff_t>(at)});
    }
    return {};
}

std::optional<CheckoutKey> rootCheckout(const SessionStore& store, const SessionKey& session)
{
    const std::vector<SessionKey> chain = chainToRoot(store, session);
    return chain.empty() ? std::nullopt : checkoutOf(store, chain.back());
}

} // namespace poolscope
