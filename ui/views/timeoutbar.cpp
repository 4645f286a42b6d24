// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/timeoutbar.h"

#include "core/base/time.h"
#include "ui/theme/elidedlabel.h"

#include <QLineEdit>
#include <QSettings>

namespace poolscope {

namespace {

constexpr QLatin1String callerKey("configuration/callerTimeout");
constexpr QLatin1String firewallKey("configuration/firewallTimeout");

/// Nothing typed is no timeout; what is no duration longer than nothing is an error.
bool readTimeout(const QString& text, std::optional<Duration>& into)
{
    into.reset();
    const QString typed = text.trimmed();
    if (typed.isEmpty())
        return true;
    into = parse_duration(typed.toStdString());
    return into && *into > Duration{0};
}

} // namespace

TimeoutBar::TimeoutBar(QWidget* parent)
    : DurationBar(parent)
{
    const QString caller = tr("Callers give up after");
    const QString firewall = tr("firewalls forget idle connections after");
    caller_ = addField(caller, caller, "callerTimeout");
    firewall_ = addField(firewall, firewall, "firewallTimeout");
    addButton("applyTimeouts", "timeoutWords");
    read();
}

/// What cannot be read was not written by us: it counts as not given.
void TimeoutBar::read()
{
    const QSettings settings;
    const auto one = [&](QLatin1String key, QLineEdit* field, std::optional<Duration>& into) {
        const QString kept = settings.value(key).toString();
        if (readTimeout(kept, into))
            field->setText(kept.trimmed());
        else
            into.reset();
    };
    one(callerKey, caller_, options_.caller_timeout);
    one(firewallKey, firewall_, options_.firewall_timeout);
    explain();
}

void TimeoutBar::explain()
{
    caption()->setText(!options_.caller_timeout && !options_.firewall_timeout
                           ? tr("Nothing attached can tell these. Empty: not judged.")
                           : tr("Judged by these as well. Empty: not judged."));
}

void TimeoutBar::apply()
{
    CheckOptions typed;
    for (const auto& [field, into] : {std::pair{caller_, &typed.caller_timeout},
                                      std::pair{firewall_, &typed.firewall_timeout}}) {
        if (readTimeout(field->text(), *into))
            continue;
        caption()->setText(tr("A timeout is a duration such as 500ms, 30s, 5m or 2h."));
        field->setFocus();
        return;
    }
    options_ = typed;
    QSettings settings;
    settings.setValue(callerKey, caller_->text().trimmed());
    settings.setValue(firewallKey, firewall_->text().trimmed());
    explain();
    emit changed();
}

} // namespace poolscope
