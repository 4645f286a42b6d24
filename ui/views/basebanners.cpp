// SPDX-License-Identifier: GPL-3.0-or-later
// What every page says above its rows of the targets: who does not answer, who cannot see all.
#include "ui/views/basepage.h"

#include "ui/models/findings.h"
#include "ui/models/targetkinds.h"

#include <algorithm>

namespace poolscope {

void BasePage::sayTargets()
{
    std::vector<const TargetSummary*> failing;
    for (const TargetSummary& target : store_->targets()) {
        if (is_detached(target.status))
            sayDetached(target);
        else if (target.status.reach == Reach::failing || target.status.reach == Reach::stopped ||
                 staleness(target, store_->now()))
            failing.push_back(&target);
    }
    if (!failing.empty())
        sayFailing(failing);
    sayTwice();
    for (const TargetSummary& target : store_->targets()) {
        if (!target.facts || target.facts->sees_all || is_detached(target.status) ||
            std::find(failing.begin(), failing.end(), &target) != failing.end())
            continue;
        say(Severity::info, Formatter::line(target.info.name, 100),
            tr("The role %1 cannot see other users' states, statements and start times.")
                .arg(Formatter::line(target.facts->role, 100)),
            Formatter::line(target.facts->missing_grant, 300), {});
    }
    // What is up may have something to say all the same. One line, however many do: the sidebar has
    // each.
    QString lead, remark;
    int others = 0;
    for (const TargetSummary& target : store_->targets()) {
        if (target.status.reach != Reach::up || target.status.sentence.empty() ||
            std::find(failing.begin(), failing.end(), &target) != failing.end())
            continue;
        if (!lead.isEmpty()) {
            ++others;
            continue;
        }
        lead = Formatter::line(target.info.name, 100);
        remark = Formatter::line(target.status.sentence, 600);
    }
    if (others > 0)
        remark +=
            QLatin1Char(' ') +
            (others == 1
                 ? tr("One more has something to say: point at it in the sidebar.")
                 : tr("%1 more have something to say: point at them in the sidebar.").arg(others));
    if (!lead.isEmpty())
        say(Severity::info, lead, remark, {}, {});
}

/// A PostgreSQL server tells to the microsecond when it was started: no two tell the same. Each of
/// its sessions is there as often as it is attached, and so is what is counted of them.
void BasePage::sayTwice()
{
    const auto& targets = store_->targets();
    const auto startOf = [](const TargetSummary& target) {
        return target.facts && !is_detached(target.status) &&
                       familyOf(target.info) == TargetFamily::postgresql
                   ? target.facts->server_started
                   : std::nullopt;
    };
    for (auto one = targets.begin(); one != targets.end(); ++one) {
        const auto started = startOf(*one);
        const auto other =
            std::find_if(targets.begin(), targets.end(), [&](const TargetSummary& target) {
                return started && target.info.id != one->info.id && startOf(target) == started;
            });
        if (other == targets.end())
            continue;
        const QString names =
            tr("%1 and %2 are the same server.")
                .arg(Formatter::line(one->info.name, 60), Formatter::line(other->info.name, 60));
        say(Severity::warning, names,
            transport_.mode == Mode::replay
                ? tr("Each of its sessions is counted twice.")
                : tr("Each of its sessions is counted twice: detach one of the two."),
            {}, {});
        return;
    }
}

/// No fault: the user asked for it.
void BasePage::sayDetached(const TargetSummary& target)
{
    say(Severity::info, Formatter::line(target.info.name, 100),
        target.last_sample ? tr("was detached; this is what it told last, at %1.")
                                 .arg(format().instant(*target.last_sample, store_->now()))
                           : tr("was detached before it told anything."),
        {}, QStringLiteral("server-off"));
}

/// One line, however many fail: the sidebar tells them apart.
void BasePage::sayFailing(const std::vector<const TargetSummary*>& failing)
{
    const auto stopped = [](const TargetSummary* target) {
        return target->status.reach == Reach::stopped;
    };
    const bool critical = std::any_of(failing.begin(), failing.end(), stopped);
    const TargetSummary& target =
        **std::max_element(failing.begin(), failing.end(),
                           [&](const auto* a, const auto* b) { return stopped(a) < stopped(b); });
    const QString name = Formatter::line(target.info.name, 100);
    const bool full = refusesAsFull(target);
    QString text =
        target.last_sample
            ? tr("no answer since %1").arg(format().instant(*target.last_sample, store_->now()))
        : full ? tr("server full")
               : tr("no answer yet");
    if (target.status.next_try && *target.status.next_try > store_->now())
        text += tr(", next try in %1")
                    .arg(Formatter::ageProse(std::chrono::ceil<std::chrono::seconds>(
                        *target.status.next_try - store_->now())));
    text += QLatin1Char('.');
    // Of a full server the way in says more than its refusal, and there is one line.
    const TargetStatus& status = target.status;
    for (const std::string* const sentence : {&status.sentence, &status.next_step}) {
        const bool left = full && sentence == &status.sentence && !status.next_step.empty();
        if (!sentence->empty() && !left)
            text += QLatin1Char(' ') + Formatter::line(*sentence, 300);
    }
    const bool several = failing.size() > 1;
    say(critical ? Severity::critical : Severity::warning,
        several
            ? tr("%1 of %2 servers do not answer").arg(failing.size()).arg(store_->targets().size())
            : name,
        several ? name + QStringLiteral(": ") + text : text, {}, QStringLiteral("server-off"));
}

} // namespace poolscope
