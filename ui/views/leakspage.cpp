// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/leakspage.h"

#include "ui/models/findings.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/icons.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/holderdetail.h"
#include "ui/views/instrumentlink.h"
#include "ui/views/metricsboard.h"
#include "ui/views/pagetitle.h"
#include "ui/views/rowdelegate.h"
#include "ui/views/sessiondetail.h"
#include "ui/views/thresholdbar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QShortcut>

#include <algorithm>

namespace poolscope {

LeaksPage::LeaksPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent)
    : TreePage(context, std::move(store), makeLeakModel(nullptr), QStringLiteral("holders"), parent)
{
    filter_ = new QLineEdit(this);
    filter_->setMinimumWidth(Theme::current().scaled(120));
    filter_->setMaximumWidth(Theme::current().scaled(240));
    filter_->setClearButtonEnabled(true);
    filter_->setPlaceholderText(tr("Filter stacks, tags, pids"));
    filter_->setAccessibleName(tr("Filter holders and suspected leaks"));
    filter_->addAction(themedIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    connect(filter_, &QLineEdit::textChanged, this, &LeaksPage::rebuild);
    auto* const caption = new QLabel(tr("Group by"), this);
    caption->setProperty("role", QStringLiteral("secondary"));
    grouping_ = new SegmentedControl({tr("Place"), tr("Pool"), tr("None")}, this);
    grouping_->setAccessibleName(tr("Group by"));
    connect(grouping_, &SegmentedControl::chosen, this, &LeaksPage::rebuild);
    words_ = new QLabel(this);
    words_->setTextFormat(Qt::PlainText);
    words_->setProperty("role", QStringLiteral("secondary"));
    words_->setObjectName(QStringLiteral("holderWords"));
    bar_->addWidget(filter_, 1000);
    bar_->addSpacing(Theme::current().scaled(8));
    bar_->addWidget(caption);
    bar_->addWidget(grouping_);
    bar_->addStretch(1);
    bar_->addWidget(words_);
    instrument_ = new InstrumentLink(context, this);
    left_->insertWidget(left_->indexOf(title_) + 1, instrument_);
    board_ = new MetricsBoard(context, store_, this);
    left_->insertWidget(left_->count() - 1, board_, 1000);
    connect(board_, &MetricsBoard::trendsChanged, this, [this] {
        if (isVisible())
            rebuild();
    });
    holder_ = new HolderDetail(context, store_, this);
    holder_->hide();
    row_->addWidget(holder_);
    connect(holder_, &HolderDetail::reclaimWanted, this, &LeaksPage::reclaim);
    connect(&context, &ViewContext::checkoutRequested, this, &LeaksPage::pickCheckout);
    makeTable();
    makeKeys();
    thresholds_ = new ThresholdBar(this);
    layout_->addWidget(thresholds_);
    connect(thresholds_, &ThresholdBar::targetWanted, this, &LeaksPage::askThresholds);
    connect(thresholds_, &ThresholdBar::chosen, &context.workspace(), &Workspace::chooseThresholds);
}

void LeaksPage::makeTable()
{
    table_->setAccessibleName(tr("Holders and suspected leaks"));
    table_->rows().setGlyphColumns(static_cast<int>(LeakColumn::state),
                                   static_cast<int>(LeakColumn::severity));
    table_->setWidths({250, 100, 56, 80, 64, 64, 116, 60, 88, 160});
    table_->setElastic(static_cast<int>(LeakColumn::origin)); // the tags take what there is
    // Of what does not fit, that goes first which the detail tells too, or which is of servers
    // where there are pools.
    table_->setAutomaticColumns([this](int column, int width) {
        const Theme& theme = Theme::current();
        switch (static_cast<LeakColumn>(column)) {
        case LeakColumn::pool: // in a narrow table there is the line, and the detail tells the rest
            return width >= theme.scaled(480);
        case LeakColumn::perMinute:
        case LeakColumn::fullIn:
            return !pooled_ || width >= theme.scaled(560);
        case LeakColumn::state:
            return width >= theme.scaled(pooled_ ? 872 : 812);
        case LeakColumn::blocks:
            return !pooled_ || width >= theme.scaled(900);
        case LeakColumn::xminAge:
            return width >= theme.scaled(pooled_ ? 1000 : 440);
        default:
            return true;
        }
    });
    table_->setSortingEnabled(false);
    table_->restoreColumns(-1, Qt::AscendingOrder);
    connect(table_, &QAbstractItemView::pressed, this, [this] {
        if (pick_)
            pick_->byUser = true;
    });
    connect(table_, &DataTable::letter, this, [this](int key) {
        if (key == Qt::Key_R)
            reclaim();
    });
    connect(table_, &QWidget::customContextMenuRequested, this, &LeaksPage::showHolderMenu);
}

void LeaksPage::goAcross(const std::optional<SessionKey>& current)
{
    if (current)
        BasePage::goAcross(current);
    else
        holder_->goToSession();
}

QString LeaksPage::letters() const
{
    QString keys = BasePage::letters();
    if (!table_->currentKey() && holder_->session())
        keys += QLatin1Char('J');
    return keys;
}

void LeaksPage::makeKeys()
{
    const auto key = [this](const QKeySequence& keys, auto serve) {
        auto* const shortcut = new QShortcut(keys, this);
        shortcut->setContext(Qt::WidgetWithChildrenShortcut);
        connect(shortcut, &QShortcut::activated, this, serve);
    };
    key(Qt::CTRL | Qt::SHIFT | Qt::Key_C, [this] { holder_->copyStack(); });
    key(Qt::CTRL | Qt::Key_E, [this] { holder_->openLine(); });
}

std::optional<LeaksPage::Judged> LeaksPage::chosenToJudge() const
{
    if (const auto current = table_->currentKey())
        return Judged{current->target, {}};
    if (pick_ && !pick_->checkouts.empty()) {
        const auto checkout = store_->checkout(pick_->checkouts.front());
        return Judged{pick_->checkouts.front().target, checkout ? checkout->pool : Text()};
    }
    if (const PlaceAt at = pick_ ? placeAt(*store_, pick_->place) : PlaceAt{})
        return Judged{at.target->info.id, at.place->pool};
    if (const StatementsAt at = pick_ ? statementsAt(*store_, pick_->place) : StatementsAt{})
        return Judged{at.target->info.id, at.leak->pool};
    return std::nullopt;
}

/// Of what is chosen, or was asked for; else of the row that stands first, or the only target.
LeaksPage::Judged LeaksPage::judged() const
{
    const std::optional<Judged> chosen = chosenToJudge();
    if (asked_ && asked_->second == chosen && store_->target(asked_->first))
        return {asked_->first, {}};
    if (chosen)
        return *chosen;
    const QModelIndex top = model_->index(0, 0);
    const TreeNode* node = top.isValid() ? model_->node(top) : nullptr;
    while (node && !node->session && !node->checkout && !node->children.empty())
        node = node->children.front().get();
    TargetId shown{};
    if (node && node->session)
        shown = node->session->target;
    else if (node && node->checkout)
        shown = node->checkout->target;
    const TargetSummary* target = store_->target(shown);
    if (!target && !store_->targets().empty())
        target = &store_->targets().front();
    if (!target)
        return {};
    return {target->info.id, target->pools.size() == 1 ? target->pools.front().name : Text()};
}

void LeaksPage::askThresholds(TargetId target)
{
    asked_ = std::pair{target, chosenToJudge()};
    showThresholds();
}

void LeaksPage::showThresholds()
{
    const Judged what = judged();
    thresholds_->show(store_->target(what.target), store_->pool(what.target, what.pool),
                      transport_.mode == Mode::replay, store_->targets());
}

void LeaksPage::refresh(const Update& update)
{
    const auto& targets = store_->targets();
    pooled_ = std::any_of(targets.begin(), targets.end(), tellsPools);
    servers_ = targets.empty() || !std::all_of(targets.begin(), targets.end(), tellsPools);
    suspected_ = leakCount(*store_);
    setCount(suspected_);
    if (!isVisible())
        return; // ten thousand holders are laid out when somebody looks
    rebuild();
    offerPlace(update.reset);
}

void LeaksPage::showEvent(QShowEvent* event)
{
    rebuild();
    TreePage::showEvent(event);
    offerPlace(false);
}

void LeaksPage::rebuild()
{
    constexpr LeakGrouping groupings[] = {LeakGrouping::place, LeakGrouping::pool,
                                          LeakGrouping::none};
    LeakCounts counts;
    fitColumns();
    selecting_ = true;
    model_->replace(leakRows(*store_, filter_->text().trimmed(),
                             groupings[std::clamp(grouping_->current(), 0, 2)], &counts));
    restorePick();
    selecting_ = false;
    // Without rows there is nothing that filter, groups and thresholds are for.
    const bool bare = store_->targets().empty() || (metricsAlone(*store_) && counts.suspected == 0);
    for (int i = 0; i < bar_->count(); ++i) {
        if (QWidget* const widget = bar_->itemAt(i)->widget())
            widget->setVisible(!bare);
    }
    thresholds_->setVisible(!bare);
    // The board has a button of its own.
    instrument_->offer(*store_, transport_, counts.holders == 0 && !metricsAlone(*store_));
    if (waits()) {
        board_->hide();
        words_->hide(); // they count what another moment had
        showDetail();
        return;
    }
    board_->refresh(transport_);
    showAnswer(counts);
    showThresholds();
    settled();
    showDetail();
}

void LeaksPage::showAnswer(const LeakCounts& counts)
{
    Answer answer = leaksAnswer(*store_);
    const bool quiet = answer.kind == Answer::Kind::healthy;
    if (quiet && metricsAlone(*store_))
        answer = metricsAnswer(*store_, board_->trends());
    if (const QString old = asOf(); !old.isEmpty())
        answer.explanation +=
            (answer.explanation.isEmpty() ? QString() : QStringLiteral(", ")) + old;
    title_->setAnswer(answer.severity, answer.sentence, answer.explanation,
                      answer.kind == Answer::Kind::healthy);
    const QString suspected = tr("%1 suspected").arg(Formatter::count(suspected_));
    QString words =
        pooled_ ? tr("%1 held, %2").arg(Formatter::count(counts.holders), suspected) : suspected;
    if (!filter_->text().trimmed().isEmpty())
        words = tr("%1 match; %2").arg(Formatter::count(counts.shown), words);
    words_->setText(words);
    const bool any = counts.holders > 0 || !quiet;
    table_->setVisible(any);
    words_->setVisible(any);
}

/// Columns of what is not attached say nothing.
void LeaksPage::fitColumns()
{
    for (const LeakColumn column : {LeakColumn::pool, LeakColumn::perMinute, LeakColumn::fullIn})
        table_->setAvailable(static_cast<int>(column), pooled_);
    table_->setAvailable(static_cast<int>(LeakColumn::blocks), servers_);
    const auto& targets = store_->targets();
    table_->setAvailable(static_cast<int>(LeakColumn::xminAge),
                         targets.empty() || std::any_of(targets.begin(), targets.end(), tellsXmin));
}

void LeaksPage::transportChanged()
{
    TreePage::transportChanged();
    showDetail();
}

void LeaksPage::zoneChanged()
{
    TreePage::zoneChanged();
    showDetail();
}

void LeaksPage::resizeEvent(QResizeEvent* event)
{
    TreePage::resizeEvent(event);
    holder_->setFixedWidth(detailWidth());
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
    if (filter_->text().isEmpty()) {
        const bool had = pick_.has_value();
        pick_.reset();
        return TreePage::clearOne() || had;
    }
    filter_->clear();
    return true;
}

} // namespace poolscope
