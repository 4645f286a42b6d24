// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/leakspage.h"

#include "ui/models/findings.h"
#include "ui/theme/icons.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/pagetitle.h"
#include "ui/views/rowdelegate.h"
#include "ui/views/sessiondetail.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>

namespace poolscope {

namespace {

/// "30s", "5m": as it can be typed back.
QString typed(Duration duration)
{
    const std::int64_t ms = to_us(duration) / 1000;
    if (ms % 1000 != 0)
        return QStringLiteral("%1ms").arg(ms);
    if (ms % 3600000 == 0)
        return QStringLiteral("%1h").arg(ms / 3600000);
    if (ms % 60000 == 0)
        return QStringLiteral("%1m").arg(ms / 60000);
    return QStringLiteral("%1s").arg(ms / 1000);
}

} // namespace

LeaksPage::LeaksPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent)
    : TreePage(context, std::move(store), makeLeakModel(nullptr), QStringLiteral("leaks"), parent)
{
    filter_ = new QLineEdit(this);
    filter_->setFixedWidth(Theme::current().scaled(240));
    filter_->setClearButtonEnabled(true);
    filter_->setPlaceholderText(tr("Filter pids, names, statements"));
    filter_->setAccessibleName(tr("Filter suspected leaks"));
    filter_->addAction(themedIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    connect(filter_, &QLineEdit::textChanged, this, &LeaksPage::rebuild);
    auto* const caption = new QLabel(tr("Group by"), this);
    caption->setProperty("role", QStringLiteral("secondary"));
    grouping_ = new SegmentedControl({tr("Application"), tr("None")}, this);
    grouping_->setAccessibleName(tr("Group by"));
    connect(grouping_, &SegmentedControl::chosen, this, &LeaksPage::rebuild);
    words_ = new QLabel(this);
    words_->setTextFormat(Qt::PlainText);
    words_->setProperty("role", QStringLiteral("secondary"));
    bar_->addWidget(filter_);
    bar_->addSpacing(8);
    bar_->addWidget(caption);
    bar_->addWidget(grouping_);
    bar_->addStretch(1);
    bar_->addWidget(words_);

    table_->setAccessibleName(tr("Suspected leaks"));
    table_->rows().setGlyphColumns(static_cast<int>(LeakColumn::state),
                                   static_cast<int>(LeakColumn::severity));
    table_->setWidths({230, 56, 84, 96, 64, 92, 200});
    // The detail tells the state too.
    table_->setAutomaticColumns([](int column, int width) {
        return column != static_cast<int>(LeakColumn::state) ||
               width >= Theme::current().scaled(760);
    });
    table_->setSortingEnabled(false);
    table_->restoreColumns(-1, Qt::AscendingOrder);
    makeThresholds();
}

void LeaksPage::makeThresholds()
{
    thresholds_ = new QWidget(this);
    auto* const bar = new QHBoxLayout(thresholds_);
    bar->setContentsMargins(0, 0, 0, 0);
    bar->setSpacing(8);
    const auto edit = [&](const QString& name) {
        auto* const label = new QLabel(name, this);
        label->setProperty("role", QStringLiteral("secondary"));
        auto* const field = new QLineEdit(this);
        field->setFont(Theme::current().mono(12));
        field->setFixedWidth(Theme::current().scaled(72));
        field->setAccessibleName(tr("Threshold: %1").arg(name));
        label->setBuddy(field);
        bar->addWidget(label);
        bar->addWidget(field);
        connect(field, &QLineEdit::returnPressed, this, &LeaksPage::applyThresholds);
        return field;
    };
    alert_ = edit(tr("Alert after"));
    critical_ = edit(tr("critical after"));
    alert_->setObjectName(QStringLiteral("alertAfter"));
    critical_->setObjectName(QStringLiteral("criticalAfter"));
    apply_ = new QPushButton(tr("Apply"), this);
    apply_->setObjectName(QStringLiteral("applyThresholds"));
    connect(apply_, &QPushButton::clicked, this, &LeaksPage::applyThresholds);
    bar->addWidget(apply_);
    trouble_ = new QLabel(this);
    trouble_->setTextFormat(Qt::PlainText);
    trouble_->setProperty("role", QStringLiteral("caption"));
    trouble_->setObjectName(QStringLiteral("thresholdWords"));
    bar->addWidget(trouble_, 1);
    layout_->addWidget(thresholds_);
}

TargetId LeaksPage::thresholdTarget() const
{
    if (const auto current = table_->currentKey())
        return current->target;
    return store_->targets().empty() ? TargetId{0} : store_->targets().front().info.id;
}

void LeaksPage::showThresholds()
{
    const TargetSummary* const target = store_->target(thresholdTarget());
    for (QWidget* widget : {static_cast<QWidget*>(alert_), static_cast<QWidget*>(critical_),
                            static_cast<QWidget*>(apply_)})
        widget->setEnabled(target);
    if (!target)
        return;
    // What is being typed is not written over.
    if (!alert_->hasFocus() && !critical_->hasFocus() && !alert_->isModified() &&
        !critical_->isModified()) {
        alert_->setText(typed(target->thresholds.alert));
        critical_->setText(typed(target->thresholds.critical));
        const QString name = Formatter::line(target->info.name, 60);
        trouble_->setText(transport_.mode == Mode::replay
                              ? tr("What-if on %1: the recording keeps what it was.").arg(name)
                              : tr("idle in a transaction, on %1").arg(name));
    }
}

void LeaksPage::applyThresholds()
{
    const std::optional<Duration> alert = parse_duration(alert_->text().trimmed().toStdString());
    const std::optional<Duration> critical =
        parse_duration(critical_->text().trimmed().toStdString());
    if (!alert || !critical || *alert <= Duration{0}) {
        trouble_->setText(tr("A threshold is a duration such as 500ms, 30s, 5m or 2h."));
        return;
    }
    if (*critical < *alert) {
        trouble_->setText(tr("Critical cannot come before alert."));
        return;
    }
    alert_->setModified(false);
    critical_->setModified(false);
    context_.workspace().setThresholds(thresholdTarget(), {*alert, *critical});
}

void LeaksPage::refresh(const Update&)
{
    rebuild();
}

void LeaksPage::rebuild()
{
    int shown = 0, all = 0;
    for (const TargetSummary& target : store_->targets())
        all += static_cast<int>(target.suspects.size());
    model_->replace(
        leakRows(*store_, filter_->text().trimmed(), grouping_->current() == 0, &shown));
    setCount(all);
    for (int i = 0; i < bar_->count(); ++i) {
        if (QWidget* const widget = bar_->itemAt(i)->widget())
            widget->setVisible(!store_->targets().empty());
    }
    thresholds_->setVisible(!store_->targets().empty());
    if (waits())
        return;
    Answer answer = leaksAnswer(*store_);
    const bool quiet = answer.kind == Answer::Kind::healthy;
    if (const QString old = asOf(); !old.isEmpty())
        answer.explanation +=
            (answer.explanation.isEmpty() ? QString() : QStringLiteral(", ")) + old;
    title_->setAnswer(answer.severity, answer.sentence, answer.explanation, quiet);
    words_->setText(shown == all ? tr("%1 suspected").arg(Formatter::count(all))
                                 : tr("%1 of %2 suspected").arg(shown).arg(all));
    table_->setVisible(!quiet);
    detail_->setVisible(!quiet);
    words_->setVisible(all > 0);
    showThresholds();
    settled();
}

void LeaksPage::transportChanged()
{
    TreePage::transportChanged();
    apply_->setText(transport_.mode == Mode::replay ? tr("Apply as what-if") : tr("Apply"));
    showThresholds();
}

void LeaksPage::focusFilter()
{
    filter_->setFocus();
    filter_->selectAll();
}

void LeaksPage::setFilter(const QString& text)
{
    filter_->setText(text);
}

void LeaksPage::nextGrouping()
{
    grouping_->setCurrent((grouping_->current() + 1) % grouping_->count());
    rebuild();
}

bool LeaksPage::clearOne()
{
    if (filter_->text().isEmpty())
        return TreePage::clearOne();
    filter_->clear();
    return true;
}

} // namespace poolscope
