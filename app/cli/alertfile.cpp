// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/alertfile.h"

#include "app/cli/live.h"
#include "core/analyze/alertrules.h"
#include "core/capture/alertrulesfile.h"

#include <QFile>

namespace poolscope {

bool loadAlertRules(Arguments& arguments)
{
    const bool given = !arguments.rules.empty();
    const QString path = given ? QString::fromStdString(arguments.rules) : alertRulesFile();
    QFile file(path);
    if (!given && !file.exists())
        return true;
    const std::string name = plain_line(path.toStdString(), 256);
    if (!file.open(QIODevice::ReadOnly)) {
        complain(Error{name + " cannot be read: " + file.errorString().toStdString() + ".",
                       given ? "Give a file with alert rules that this user may read."
                             : "The alert rules built in are used."});
        return !given;
    }
    // One more than may be: what is too long is said to be so.
    const QByteArray bytes = file.read(static_cast<qint64>(longest_rules) + 1);
    arguments.alertRules = bytes.toStdString();
    const AlertRules rules = parse_alert_rules(arguments.alertRules, name);
    for (const RuleProblem& problem : rules.problems)
        complain(problem.text());
    if (!rules.rules.empty() || rules.problems.empty())
        return true;
    // Kept nevertheless: the window's editor shows what is to be corrected.
    // Who names a file wants those rules, not others.
    complain(Error{"No alert rule could be read of " + name + ".",
                   given ? "Correct it, or leave out --rules for the ones built in."
                         : "The ones built in are used."});
    return !given;
}

} // namespace poolscope
