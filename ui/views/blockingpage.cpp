// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/blockingpage.h"

#include "ui/models/findings.h"
#include "ui/models/joined.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/theme.h"
#include "ui/views/chartboard.h"
#include "ui/views/datatable.h"
#include "ui/views/pagetitle.h"
#include "ui/views/rowdelegate.h"
#include "ui/views/sessiondetail.h"

#include <QLabel>
#include <QVBoxLayout>

#include <algorithm>

namespace poolscope {

namespace {

bool anyQueued(const BlockingNode& node)
{
    return node.queued || std::any_of(node.waiting.begin(), node.waiting.end(), anyQueued);
}

} // namespace

BlockingPage::BlockingPage(ViewContext& context, std::shared_ptr<SessionStore> store,
                           QWidget* parent)
    : TreePage(context, std::move(store), makeBlockingModel(nullptr),
               QStringLiteral("blocking-lines"), // of other columns than "blocking" had

               parent)
    , board_(new ChartBoard(context, store_, this))
{
    table_->setAccessibleName(tr("Blocking sessions"));
    table_->rows().setGlyphColumns(static_cast<int>(BlockingColumn::state), -1);
    table_->setWidths({210, 150, 76, 150, 64, 150, 80});
    // Where it is narrow the statement goes first: the detail has it.
    table_->setAutomaticColumns([this](int column, int width) {
        return column != static_cast<int>(BlockingColumn::statement) ||
               width >= Theme::current().scaled(canJoin(*store_) ? 910 : 760);
    });
    table_->setSortingEnabled(false);
    table_->restoreColumns(-1, Qt::AscendingOrder);
    board_->setMost(1);
    board_->setElsewhere(tr("on Overview"));
    connect(board_, &ChartBoard::moreWanted, this,
            [this] { context_.navigate(QStringLiteral("overview")); });
    board_->hide();
    left_->insertWidget(left_->count() - 1, board_, 1000);
    connect(board_, &ChartBoard::answered, this, [this] {
        if (!answered_ && !waits())
            sayAnswer();
    });
    connect(table_, &QTreeView::expanded, this, &BlockingPage::arrange);
    connect(table_, &QTreeView::collapsed, this, &BlockingPage::arrange);
}

void BlockingPage::showEvent(QShowEvent* event)
{
    model_->replace(blockingRows(*store_));
    TreePage::showEvent(event);
}

void BlockingPage::refresh(const Update& update)
{
    int blocked = 0;
    for (const TargetSummary& target : update.targets)
        blocked += target.blocking.blocked;
    if (update.reset)
        lastWaiter_.reset();
    if (blocked > 0)
        lastWaiter_ = update.now;
    setCount(blocked);
    table_->setAvailable(static_cast<int>(BlockingColumn::line), canJoin(*store_));
    // Lines of code are joined for who looks: a pile-up has thousands of waiters.
    model_->replace(blockingRows(*store_, isVisible()));
    const Answer answer = blockingAnswer(*store_, format());
    answered_ = answer.kind != Answer::Kind::healthy;
    board_->setFirst(answer.target);
    board_->apply(update, nothingYet());
    if (waits()) {
        note_->hide();
        arrange();
        return;
    }
    sayAnswer();
    const auto queues = [](const TargetSummary& target) {
        const auto& trees = target.blocking.trees;
        return std::any_of(trees.begin(), trees.end(),
                           [](const BlockingTree& tree) { return anyQueued(tree.root); });
    };
    const bool queue = std::any_of(update.targets.begin(), update.targets.end(), queues);
    const QString shape =
        queue ? tr("Those that queue for the same lock stand side by side, the first in line on "
                   "top: ending one of them only lets the next one up.")
              : tr("One that waits for several stands under the lowest of their pids.");
    const bool ours = std::all_of(update.targets.begin(), update.targets.end(), [](const auto& t) {
        return t.blocking.trees.empty() || tellsXmin(t);
    });
    QStringList words;
    if (ours)
        words += tr("From pg_blocking_pids.");
    words += shape;
    if (canJoin(*store_))
        words += linesFrom();
    note_->setText(words.join(QLatin1Char(' ')));
    note_->setVisible(answered_);
    table_->setVisible(answered_);
    detail_->setVisible(answered_);
    settled();
    arrange();
}

void BlockingPage::sayAnswer()
{
    Answer answer = blockingAnswer(*store_, format());
    // After a jump in time the chart's range knows, of the one server that it stands for.
    if (!answered_ && !lastWaiter_ && store_->targets().size() == 1)
        lastWaiter_ = board_->lastWaiter(store_->now());
    if (!answered_ && lastWaiter_)
        answer.explanation = tr("Last one: %1.").arg(format().instant(*lastWaiter_, store_->now()));
    if (const QString old = asOf(); !old.isEmpty())
        answer.explanation +=
            (answer.explanation.isEmpty() ? QString() : QStringLiteral(", ")) + old;
    title_->setAnswer(answer.severity, answer.sentence, answer.explanation, !answered_);
}

/// Whose checkouts the lines of code come from.
QString BlockingPage::linesFrom() const
{
    constexpr qsizetype most = 3;
    QStringList names;
    for (const TargetSummary& target : store_->targets()) {
        if (tellsHolders(target))
            names += Formatter::line(target.info.name, 60);
    }
    if (names.size() > most) {
        const auto left = names.size() - most;
        names = names.mid(0, most);
        names += tr("%1 more").arg(left);
    }
    return tr("Lines of code through the checkouts of %1.").arg(names.join(QStringLiteral(", ")));
}

/// The table is as tall as its rows need; the chart takes the rest, where that is enough for one.
void BlockingPage::arrange()
{
    const Theme& theme = Theme::current();
    const int least = theme.scaled(metrics::chartMinimum);
    const int room = height() - theme.scaled(160);
    const bool chart = hasSubject() && room >= least + theme.scaled(140);
    board_->setVisible(chart);
    const int most = std::max(theme.scaled(140), room - least);
    if (chart && table_->isVisibleTo(this))
        table_->setFixedHeight(std::clamp(table_->contentHeight(), theme.scaled(100), most));
    else {
        table_->setMinimumHeight(0);
        table_->setMaximumHeight(QWIDGETSIZE_MAX);
    }
}

void BlockingPage::transportChanged()
{
    TreePage::transportChanged();
    board_->setTransport(transport_);
}

void BlockingPage::resizeEvent(QResizeEvent* event)
{
    TreePage::resizeEvent(event);
    arrange();
}

} // namespace poolscope
