// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/thresholdbar.h"

#include "ui/models/formatter.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/elidedlabel.h"
#include "ui/views/linkbutton.h"

#include <QAbstractItemView>
#include <QComboBox>
#include <QLineEdit>
#include <QPushButton>

#include <algorithm>

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

/// "15 s / 2 min 30 s"
QString both(const LeakThresholds& thresholds)
{
    return QStringLiteral("%1 / %2").arg(Formatter::ageProse(thresholds.alert),
                                         Formatter::ageProse(thresholds.critical));
}

constexpr int longestName = 40;

} // namespace

ThresholdBar::ThresholdBar(QWidget* parent)
    : DurationBar(parent)
{
    const auto add = [this](const QString& name, const char* object) {
        return addField(name, tr("Threshold: %1").arg(name), object);
    };
    alert_ = add(tr("Alert after"), "alertAfter");
    critical_ = add(tr("critical after"), "criticalAfter");
    scope_ = new QComboBox(this);
    scope_->setObjectName(QStringLiteral("thresholdScope"));
    scope_->setAccessibleName(tr("Thresholds of"));
    scope_->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    addWidget(scope_);
    addButton("applyThresholds", "thresholdWords");
    back_ = new LinkButton(this);
    back_->setObjectName(QStringLiteral("takeThresholdsBack"));
    back_->setWords(tr("Take back"));
    addWidget(back_);
    connect(scope_, &QComboBox::activated, this, [this] {
        alert_->setModified(false);
        critical_->setModified(false);
        if (const QVariant other = scope_->currentData(); other.isValid())
            emit targetWanted(TargetId{other.toUInt()});
        else
            fill();
    });
    connect(back_, &QPushButton::clicked, this, &ThresholdBar::takeBack);
}

void ThresholdBar::show(const TargetSummary* target, const Pool* pool, bool replay,
                        const std::vector<TargetSummary>& all)
{
    for (QWidget* const widget : {static_cast<QWidget*>(alert_), static_cast<QWidget*>(critical_),
                                  static_cast<QWidget*>(button()), static_cast<QWidget*>(scope_)})
        widget->setEnabled(target);
    if (!target || replay_ != replay)
        made_.clear();
    replay_ = replay;
    button()->setText(replay ? tr("Apply as what-if") : tr("Apply"));
    if (!target) {
        target_.reset();
        alert_->setModified(false);
        critical_->setModified(false);
        back_->hide();
        return;
    }
    const Text name = pool ? pool->name : Text();
    const bool another = target_ != target->info.id || pool_ != name;
    if (another && target_) {
        // All of it stays about the one that is typed for, or none of it does.
        if (inHand())
            return;
        alert_->setModified(false);
        critical_->setModified(false);
    }
    target_ = target->info.id;
    targetName_ = Formatter::line(target->info.name, longestName);
    pool_ = name;
    hasPool_ = pool != nullptr;
    agent_ = tellsPools(*target);
    ofTarget_ = target->thresholds;
    ofPool_ = target->judging.of(pool);
    chosenForTarget_ = target->judging.chosen.has_value();
    QStringList others;
    constexpr qsizetype most = 3;
    for (const Pool& each : target->pools) {
        const PoolJudging judged = target->judging.of(&each);
        if (judged.by == JudgedBy::pool && others.size() < most)
            others +=
                tr("%1: %2, its own")
                    .arg(Formatter::line(each.name.str(), longestName), both(judged.thresholds));
        else if (judged.by == JudgedBy::pool_choice && others.size() < most)
            others +=
                tr("%1: %2, chosen for it")
                    .arg(Formatter::line(each.name.str(), longestName), both(judged.thresholds));
    }
    others_ = others.join(QStringLiteral("; "));
    fillScope(all, another);
    if (another || (!inHand() && !alert_->isModified() && !critical_->isModified()))
        fill();
}

void ThresholdBar::fillScope(const std::vector<TargetSummary>& all, bool another)
{
    std::vector<std::pair<TargetId, QString>> elsewhere;
    for (const TargetSummary& each : all) {
        if (target_ != each.info.id)
            elsewhere.emplace_back(each.info.id, Formatter::line(each.info.name, longestName));
    }
    // A list that is open stays as it is.
    if (another || (elsewhere != elsewhere_ && !scope_->view()->isVisible())) {
        const int own = hasPool_ ? 2 : 1;
        const int current = another ? 0 : std::clamp(scope_->currentIndex(), 0, own - 1);
        elsewhere_ = std::move(elsewhere);
        scope_->clear();
        if (hasPool_)
            scope_->addItem(tr("of pool %1").arg(Formatter::line(pool_.str(), longestName)));
        scope_->addItem(tr("of all of %1").arg(targetName_));
        for (const auto& [id, name] : elsewhere_)
            scope_->addItem(tr("of all of %1").arg(name), id.value);
        scope_->setCurrentIndex(current);
    }
    scope_->setVisible(scope_->count() > 1);
}

bool ThresholdBar::inHand() const
{
    // The window's, not the application's: one may look something up elsewhere meanwhile.
    const QWidget* const focus = window()->focusWidget();
    const bool typed = alert_->isModified() || critical_->isModified();
    return focus == alert_ || focus == critical_ ||
           (typed && (focus == button() || focus == scope_)) || button()->isDown() ||
           back_->isDown() || scope_->view()->isVisible();
}

bool ThresholdBar::ofPool() const
{
    return hasPool_ && scope_->currentIndex() == 0;
}

std::pair<TargetId, Text> ThresholdBar::scoped() const
{
    return {target_.value_or(TargetId{}), ofPool() ? pool_ : Text()};
}

void ThresholdBar::fill()
{
    const LeakThresholds shown = ofPool() ? ofPool_.thresholds : ofTarget_;
    for (const auto& [field, value] :
         {std::pair{alert_, shown.alert}, std::pair{critical_, shown.critical}}) {
        if (const QString text = typed(value); field->text() != text)
            field->setText(text);
    }
    back_->setVisible(ofPool() ? ofPool_.by == JudgedBy::pool_choice : agent_ && chosenForTarget_);
    if (!made_.contains(scoped()))
        back_->setToolTip(ofPool() ? tr("What was chosen for pools of this name counts no more, "
                                        "also in other targets")
                                   : tr("What was chosen for all targets counts no more"));
    else
        back_->setToolTip(ofPool() ? tr("What was chosen for this pool counts no more")
                                   : tr("What was chosen for all of it counts no more"));
    explain();
}

/// Whose they are, in words.
void ThresholdBar::explain()
{
    QString words;
    if (ofPool()) {
        const QString judged =
            tr("%1: %2").arg(Formatter::line(pool_.str(), longestName), both(ofPool_.thresholds));
        switch (ofPool_.by) {
        case JudgedBy::standard:
            words = tr("%1, the default").arg(judged);
            break;
        case JudgedBy::pool:
            words = tr("%1, its own").arg(judged);
            break;
        case JudgedBy::choice:
            words = tr("%1, as chosen for all of %2").arg(judged, targetName_);
            break;
        case JudgedBy::pool_choice:
            words = tr("%1, chosen for it").arg(judged);
            break;
        }
    } else if (!agent_) {
        words = tr("Of sessions idle in a transaction, on %1").arg(targetName_);
    } else if (!others_.isEmpty()) {
        words = others_;
    } else {
        words = tr("Of connections held by %1").arg(targetName_);
    }
    if (replay_)
        words = tr("What-if: the recording keeps what it was. %1").arg(words);
    caption()->setText(words);
    caption()->setToolTip(QString());
}

void ThresholdBar::apply()
{
    if (!target_)
        return;
    const std::optional<Duration> alert = parse_duration(alert_->text().trimmed().toStdString());
    const std::optional<Duration> critical =
        parse_duration(critical_->text().trimmed().toStdString());
    if (!alert || !critical || *alert <= Duration{0}) {
        caption()->setText(tr("A threshold is a duration such as 500ms, 30s, 5m or 2h."));
        return;
    }
    if (*critical < *alert) {
        caption()->setText(tr("Critical cannot come before alert."));
        return;
    }
    alert_->setModified(false);
    critical_->setModified(false);
    ThresholdsChanged choice;
    choice.thresholds = {*alert, *critical};
    choice.pool = scoped().second;
    made_.insert(scoped());
    emit chosen(*target_, choice);
}

void ThresholdBar::takeBack()
{
    if (!target_)
        return;
    alert_->setModified(false);
    critical_->setModified(false);
    ThresholdsChanged choice;
    choice.revoked = true;
    choice.pool = scoped().second;
    made_.erase(scoped());
    emit chosen(*target_, choice);
}

} // namespace poolscope
