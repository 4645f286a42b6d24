// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/timeoutbar.h"

#include "core/base/time.h"
#include "ui/models/formatter.h"
#include "ui/theme/theme.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
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
    : QWidget(parent)
{
    auto* const bar = new QHBoxLayout(this);
    bar->setContentsMargins(0, 0, 0, 0);
    bar->setSpacing(8);
    caller_ = addField(tr("Callers give up after"), "callerTimeout");
    firewall_ = addField(tr("firewalls forget idle connections after"), "firewallTimeout");
    apply_ = new QPushButton(tr("Apply"), this);
    apply_->setObjectName(QStringLiteral("applyTimeouts"));
    bar->addWidget(apply_);
    words_ = new QLabel(this);
    words_->setTextFormat(Qt::PlainText);
    words_->setProperty("role", QStringLiteral("caption"));
    words_->setObjectName(QStringLiteral("timeoutWords"));
    words_->setMinimumWidth(0);
    words_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    bar->addWidget(words_, 1);
    connect(apply_, &QPushButton::clicked, this, &TimeoutBar::apply);
    read();
}

QLineEdit* TimeoutBar::addField(const QString& name, const char* object)
{
    auto* const label = new QLabel(name, this);
    label->setProperty("role", QStringLiteral("secondary"));
    auto* const field = new QLineEdit(this);
    field->setObjectName(QLatin1String(object));
    field->setFont(Theme::current().mono(12));
    field->setFixedWidth(Theme::current().scaled(72));
    field->setAccessibleName(name);
    label->setBuddy(field);
    layout()->addWidget(label);
    layout()->addWidget(field);
    connect(field, &QLineEdit::returnPressed, this, &TimeoutBar::apply);
    return field;
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
    words_->setText(!options_.caller_timeout && !options_.firewall_timeout
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
        words_->setText(tr("A timeout is a duration such as 500ms, 30s, 5m or 2h."));
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
