// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/overviewpage.h"

#include "ui/theme/panel.h"
#include "ui/theme/theme.h"
#include "ui/views/answerpanel.h"
#include "ui/views/chartboard.h"
#include "ui/views/commandgate.h"
#include "ui/views/datatable.h"
#include "ui/views/linkbutton.h"
#include "ui/views/poolspageboard.h"
#include "ui/views/poolspagerows.h"
#include "ui/views/process.h"
#include "ui/views/rowdelegate.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QHeaderView>

#include <algorithm>
#include <tuple>

namespace poolscope {

namespace {

/// A server whose sessions are suspected is not fine, however many slots it has left.
void countSuspects(TreeNodes& rows, const SessionStore& store)
{
    for (const auto& row : rows) {
        const TargetSummary* const target =
            store.target(TargetId{static_cast<std::uint32_t>(row->id.toUInt())});
        if (!target)
            continue;
        for (const SuspectedLeak& leak : target->suspects)
            row->severity = std::max(row->severity.value_or(0), static_cast<int>(leak.severity));
        for (const Place& place : target->places)
            row->severity = std::max(row->severity.value_or(0), static_cast<int>(place.severity));
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        return a->severity.value_or(0) > b->severity.value_or(0);
    });
}

/// Of the worst suspicion, as the sentence above speaks of; else the first of them.
std::optional<PoolKey> worstPool(const SessionStore& store, const std::vector<PoolKey>& keys)
{
    const Place* worst = nullptr;
    std::optional<PoolKey> pool;
    for (const TargetSummary& target : store.targets()) {
        for (const Place& place : target.places) {
            if (place.suspected == 0 || (worst && std::tie(place.severity, place.suspected) <=
                                                      std::tie(worst->severity, worst->suspected)))
                continue;
            worst = &place;
            pool = PoolKey{target.info.id, place.pool};
        }
    }
    if (pool && std::find(keys.begin(), keys.end(), *pool) != keys.end())
        return pool;
    return keys.empty() ? std::nullopt : std::optional(keys.front());
}

/// Lower than a chart should be, but its lines can still be read.
constexpr int bodyLeast = metrics::chartMinimum * 3 / 5;

} // namespace

OverviewPage::OverviewPage(ViewContext& context, std::shared_ptr<SessionStore> store,
                           QWidget* parent)
    : BasePage(context, std::move(store), parent)
    , servers_(makeServerModel(nullptr))
    , leaks_(makeLeakModel(nullptr))
    , pools_(makePoolModel(nullptr))
{
    const int gap = Theme::current().scaled(metrics::panelGap);
    layout_->setSpacing(gap);
    panel_ = new AnswerPanel(this);
    layout_->addWidget(panel_);
    body_ = new QWidget(this);
    auto* const row = new QHBoxLayout(body_);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(gap);
    charts_ = new QBoxLayout(QBoxLayout::TopToBottom);
    charts_->setSpacing(gap);
    board_ = new ChartBoard(context, store_, body_);
    board_->setElsewhere(tr("in the list at the right"));
    charts_->addWidget(board_, 3);
    poolBoard_ = new PoolBoard(context, store_, body_);
    charts_->addWidget(poolBoard_, 2);
    row->addLayout(charts_, 1);
    connect(board_, &ChartBoard::moreWanted, this, [this] { serverTable_->setFocus(); });
    makeTables();
    row->addWidget(side_);
    // Its height is what is left; what does not fit into that is left out, see chooseCharts().
    body_->setMinimumHeight(Theme::current().scaled(bodyLeast));
    body_->installEventFilter(this);
    layout_->addWidget(body_, 1000);
    layout_->addStretch(1); // keeps the sentence at the top while there is nothing below it
    connect(panel_, &AnswerPanel::linkChosen, this,
            [this](const AnswerEvidence& link) { follow(link); });
    connect(panel_, &AnswerPanel::reliefWanted, this, [this] {
        if (answer_.session)
            command(answer_.verb, {*answer_.session});
        else if (!answer_.attachTo.isEmpty())
            context_.requestAttachTo(answer_.attachTo);
        else if (reclaimObstacle(answer_.reclaim, *store_, transport_, format()).isEmpty())
            context_.requestReclaim(answer_.reclaim);
    });
    connect(panel_, &AnswerPanel::otherReliefWanted, this, [this](const AnswerOther& other) {
        if (other.session)
            command(other.verb, {*other.session});
    });
}

/// To where it is seen, at that instant.
void OverviewPage::follow(const AnswerEvidence& link)
{
    constexpr Duration sameInstant = std::chrono::seconds{10};
    const Duration away = store_->now() - link.at;
    if (to_us(link.at) != 0 && (away > sameInstant || away < -sameInstant))
        context_.requestSeek(link.at);
    if (link.checkout && link.page == QStringLiteral("leaks") && store_->checkout(*link.checkout)) {
        context_.showCheckout(*link.checkout);
        return;
    }
    if (link.session)
        context_.select(link.session);
    context_.navigate(link.page);
}

QWidget* OverviewPage::tablePanel(SectionHead* head, DataTable* table)
{
    auto* const panel = new Panel(side_);
    auto* const box = new QVBoxLayout(panel);
    box->setContentsMargins(1, 1, 1, 1);
    box->setSpacing(0);
    box->addWidget(head);
    table->setFrameShape(QFrame::NoFrame);
    table->setStyleSheet(QStringLiteral("QTreeView { border: none; }"));
    table->setRootIsDecorated(false);
    table->setIndentation(0);
    box->addWidget(table, 1);
    return panel;
}

void OverviewPage::makeTables()
{
    side_ = new QWidget(body_);
    auto* const box = new QVBoxLayout(side_);
    box->setContentsMargins(0, 0, 0, 0);
    box->setSpacing(Theme::current().scaled(metrics::panelGap));
    serverTable_ = new DataTable(QStringLiteral("overview-servers"), false, side_);
    serverTable_->setModel(servers_.get());
    serverTable_->rows().setGlyphColumns(-1, static_cast<int>(ServerColumn::server));
    serverTable_->setAccessibleName(tr("Servers, worst first"));
    serverTable_->setWidths({120, 92, 70, 60, 52});
    serverTable_->setSortingEnabled(false);
    serverTable_->setElastic(static_cast<int>(ServerColumn::server));
    serverTable_->restoreColumns(-1, Qt::AscendingOrder);
    leakTable_ = new DataTable(QStringLiteral("overview-holders"), false, side_);
    leakTable_->setModel(leaks_.get());
    leakTable_->rows().setGlyphColumns(-1, static_cast<int>(LeakColumn::origin));
    leakTable_->setAccessibleName(tr("Suspected leaks, worst first"));
    leakTable_->setWidths({180, 0, 64, 84, 0, 0, 92, 64, 92, 0});
    leakTable_->setSortingEnabled(false);
    leakTable_->setAutomaticColumns([this](int column, int width) {
        const bool roomy = width >= Theme::current().scaled(500);
        return column == int(LeakColumn::origin) || column == int(LeakColumn::oldest) ||
               column == int(processes_ ? LeakColumn::held : LeakColumn::blocks) ||
               (roomy &&
                (column == int(LeakColumn::severity) || column == int(LeakColumn::xminAge)));
    });
    leakTable_->setElastic(static_cast<int>(LeakColumn::origin));
    leakTable_->restoreColumns(-1, Qt::AscendingOrder);
    // It shows what fits, and a row that leads to the rest.
    leakTable_->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* const serverHead = new SectionHead(tr("Servers"), side_);
    serverHead->setCaption(tr("worst first"));
    serverPanel_ = tablePanel(serverHead, serverTable_);
    leakHead_ = new SectionHead(tr("Suspected leaks"), side_);
    leakPanel_ = tablePanel(leakHead_, leakTable_);
    moreLeaks_ = new LinkButton(leakPanel_);
    moreLeaks_->setObjectName(QStringLiteral("moreLeaks"));
    moreLeaks_->hide();
    auto* const last = new QHBoxLayout;
    const int pad = Theme::current().scaled(metrics::cellPadding);
    last->setContentsMargins(pad, 0, pad, 0);
    last->addWidget(moreLeaks_);
    last->addStretch(1);
    auto* const stack = static_cast<QVBoxLayout*>(leakPanel_->layout());
    stack->setStretchFactor(leakTable_, 1000);
    stack->addLayout(last);
    stack->addStretch(1); // the link stands right below the last row
    leakPanel_->installEventFilter(this);
    box->addWidget(serverPanel_);
    makePools();
    box->addWidget(poolPanel_);
    box->addWidget(leakPanel_, 1000);
    box->addStretch(1);
    connect(moreLeaks_, &QPushButton::clicked, this,
            [this] { context_.navigate(QStringLiteral("leaks")); });
    connect(leakTable_, &QTreeView::activated, this, [this](const QModelIndex&) {
        // A line of code is no session: the page itself shows the worst one.
        if (const auto key = leakTable_->currentKey())
            context_.select(*key);
        context_.navigate(QStringLiteral("leaks"));
    });
    serveTable(leakTable_);
}

/// The pools beside the charts, worst first; Pools has the rest of what they tell.
void OverviewPage::makePools()
{
    poolTable_ = new DataTable(QStringLiteral("overview-pools"), false, side_);
    poolTable_->setItemDelegate(new PoolRowDelegate(poolTable_));
    poolTable_->setModel(pools_.get());
    poolTable_->setAccessibleName(tr("Pools, worst first"));
    poolTable_->setWidths({120, 150, 0, 76});
    poolTable_->setSortingEnabled(false);
    poolTable_->setAutomaticColumns([](int column, int) {
        return column == int(PoolTableColumn::pool) || column == int(PoolTableColumn::used) ||
               column == int(PoolTableColumn::pending);
    });
    poolTable_->setElastic(static_cast<int>(PoolTableColumn::pool));
    poolTable_->restoreColumns(-1, Qt::AscendingOrder);
    auto* const head = new SectionHead(tr("Pools"), side_);
    head->setCaption(tr("worst first"));
    poolPanel_ = tablePanel(head, poolTable_);
    connect(poolTable_, &QTreeView::activated, this,
            [this] { context_.navigate(QStringLiteral("pools")); });
}

void OverviewPage::refreshPools(const Update& update)
{
    if (update.reset)
        poolKeys_.clear();            // another moment has its own order
    constexpr std::size_t most = 100; // of which four are seen; Pools has all
    pools_->replace(poolRows(*store_, {}, poolKeys_, most));
    const std::vector<PoolKey>& keys = poolKeys_;
    poolPanel_->setVisible(!keys.empty());
    const auto& targets = store_->targets();
    const bool alone = std::all_of(targets.begin(), targets.end(), isProcess);
    processes_ = alone;
    leakTable_->setAvailable(static_cast<int>(LeakColumn::blocks), !alone);
    poolBoard_->setSmall(!alone);
    poolBoard_->setPool(worstPool(*store_, keys));
    poolBoard_->apply(update);
}

/// A few rows, so that what is suspected keeps some below them.
void OverviewPage::fitPools()
{
    constexpr int most = 4, leaksLeast = 3;
    const Theme& theme = Theme::current();
    const int gap = theme.scaled(metrics::panelGap);
    const int frame = theme.scaled(metrics::sectionHead) + 2 + poolTable_->header()->height() +
                      2 * poolTable_->frameWidth() + 2;
    int room = body_->height() - frame;
    if (!serverPanel_->isHidden())
        room -= serverPanel_->height() + gap;
    if (!leakPanel_->isHidden())
        room -= theme.scaled(metrics::sectionHead) + leakTable_->header()->height() +
                leaksLeast * theme.rowHeight() + gap;
    const int all = std::min(most, static_cast<int>(poolKeys_.size()));
    const int rows = std::clamp(room / PoolRowDelegate::height(), 1, std::max(1, all));
    poolPanel_->setFixedHeight(frame + rows * PoolRowDelegate::height());
}

bool OverviewPage::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == leakPanel_ && event->type() == QEvent::Resize)
        cutLeaks();
    if (watched == body_ && event->type() == QEvent::Resize)
        arrange();
    return BasePage::eventFilter(watched, event);
}

/// As many rows as fit; where they are not all, the last one says how many more there are.
void OverviewPage::cutLeaks()
{
    TreeNodes rows = leakRows(*store_, {}, LeakGrouping::heads);
    const Theme& theme = Theme::current();
    const int room =
        leakPanel_->height() - 2 - leakHead_->height() - leakTable_->header()->height();
    const int row = theme.rowHeight();
    const auto all = rows.size();
    auto fit = static_cast<std::size_t>(std::max(1, room / row));
    const bool cut = all > fit;
    if (cut)
        rows.resize(fit = std::max<std::size_t>(1, fit - 1));
    const int tall = leakTable_->header()->height() + static_cast<int>(rows.size()) * row;
    leakTable_->setMaximumHeight(cut ? tall : QWIDGETSIZE_MAX);
    leaks_->replace(std::move(rows));
    moreLeaks_->setFixedHeight(row);
    moreLeaks_->setVisible(cut);
    if (cut)
        moreLeaks_->setWords(tr("%1 more in Leaks").arg(Formatter::count(std::int64_t(all - fit))));
}

void OverviewPage::updateAnswer()
{
    answer_ = overviewAnswer(*store_);
    // A failing server is news of its own, if nothing better is known.
    if (const QString words = nothingYet();
        !words.isEmpty() && answer_.kind == Answer::Kind::waiting) {
        answer_.sentence = words;
        if (!store_->targets().empty())
            answer_.target = store_->targets().front().info.id;
    }
    std::vector<AnswerPanel::Link> links = answer_.evidence;
    const int suspects = leakCount(*store_);
    int blocked = 0, open = 0;
    for (const TargetSummary& target : store_->targets()) {
        blocked += target.blocking.blocked;
        open += target.counts[0] + target.counts[1];
    }
    const auto addLink = [&](const QString& words, const QString& page) {
        links.push_back({words, page, answer_.session, {}, store_->now()});
    };
    if (answer_.severity > 0 && answer_.kind != Answer::Kind::diagnosis) {
        if (suspects > 0)
            addLink(suspects == 1 ? tr("1 suspected leak") : tr("%1 suspected leaks").arg(suspects),
                    QStringLiteral("leaks"));
        if (blocked > 0)
            addLink(tr("%1 wait for a lock").arg(Formatter::sessions(blocked)),
                    QStringLiteral("blocking"));
        if (open > 0)
            addLink(tr("%1 idle in a transaction").arg(Formatter::sessions(open)),
                    QStringLiteral("sessions"));
    }
    QString obstacle;
    if (answer_.session)
        obstacle = commandObstacle(answer_.verb, rowsOf({*answer_.session}), *store_, transport_,
                                   format());
    else if (!answer_.reclaim.empty())
        obstacle = reclaimObstacle(answer_.reclaim, *store_, transport_, format());
    for (AnswerOther& other : answer_.others) {
        if (other.session)
            other.obstacle = commandObstacle(other.verb, rowsOf({*other.session}), *store_,
                                             transport_, format());
    }
    panel_->setAnswer(answer_, links, obstacle);
    // While something is awaited the charts say so.
    panel_->setVisible(answer_.kind != Answer::Kind::waiting || store_->targets().empty());
}

void OverviewPage::refresh(const Update& update)
{
    updateAnswer();
    TreeNodes servers = serverRows(*store_);
    // Processes are told of by their pools.
    std::erase_if(servers, [this](const auto& row) {
        const TargetSummary* const target =
            store_->target(TargetId{static_cast<std::uint32_t>(row->id.toUInt())});
        return target && isProcess(*target);
    });
    countSuspects(servers, *store_);
    servers_->replace(std::move(servers));
    leakHead_->setCaption(asOf().isEmpty() ? tr("worst first") : asOf());
    refreshPools(update);
    arrange();
    cutLeaks();
    board_->apply(update, nothingYet());
}

/// What says nothing takes no room: without anything attached there is a sentence, and with one
/// healthy server its chart.
void OverviewPage::arrange()
{
    const Theme& theme = Theme::current();
    const auto& targets = store_->targets();
    const bool leaks = suspectedCount(targets) > 0;
    // The sentence is what one reads first: where charts would cut it, they are on other pages.
    const int room = height() - layout_->contentsMargins().bottom() - layout_->spacing() -
                     panel_->y() - panel_->heightForWidth(panel_->width());
    body_->setVisible(!targets.empty() && (panel_->isHidden() || room >= theme.scaled(bodyLeast)));
    serverPanel_->setVisible(servers_->rowCount() > 1);
    leakPanel_->setVisible(leaks);
    side_->setVisible(leaks || servers_->rowCount() > 1 || pools_->rowCount() > 0);
    const bool narrow = width() < theme.scaled(1150);
    side_->setFixedWidth(theme.scaled(width() >= theme.scaled(1800) ? 560 : narrow ? 340 : 415));
    const int half = (height() - theme.scaled(200)) / 2;
    const int tall = theme.scaled(metrics::sectionHead) + 4 + serverTable_->contentHeight();
    const int high = leaks ? std::clamp(tall, theme.scaled(80), std::max(half, theme.scaled(80)))
                           : std::max(tall, theme.scaled(80));
    serverPanel_->setFixedHeight(high);
    serverTable_->setVerticalScrollBarPolicy(high < tall ? Qt::ScrollBarAsNeeded
                                                         : Qt::ScrollBarAlwaysOff);
    fitPools();
    chooseCharts();
}

/// As many as have room. Beside servers the worst pool has a chart of its own, as the mix of them
/// is what one looks at; where there is room for one alone, it is of what the sentence speaks of.
void OverviewPage::chooseCharts()
{
    const Theme& theme = Theme::current();
    const int gap = theme.scaled(metrics::panelGap);
    const int least = theme.scaled(metrics::chartMinimum);
    const int fit = std::max(1, (body_->height() + gap) / (least + gap));
    const bool narrow = width() < theme.scaled(1150);
    const bool pools = !poolKeys_.empty(), servers = !pools || !processes_;
    const bool both = pools && servers && (wide() || fit > 1);
    const TargetSummary* const told = answer_.target ? store_->target(*answer_.target) : nullptr;
    const bool pool = pools && (both || !servers || (told && isProcess(*told)));
    board_->setVisible(servers && (both || !pool));
    poolBoard_->setVisible(pool);
    board_->setMost(std::size_t(both     ? (wide() ? 2 : 1)
                                : narrow ? 1
                                : wide() ? 3
                                         : std::min(3, fit)));
    board_->setSideBySide(wide());
    charts_->setDirection(both && wide() ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
    // One below the other: an instant is at the same place in each.
    const bool stacked = !wide() && (both || board_->charts().size() > 1);
    constexpr int digits = 4;
    board_->setAxisDigits(stacked ? digits : 0);
    poolBoard_->setAxisDigits(stacked ? digits : 0);
}

void OverviewPage::transportChanged()
{
    updateAnswer();
    poolBoard_->setTransport(transport_);
    board_->setTransport(transport_);
}

void OverviewPage::resizeEvent(QResizeEvent* event)
{
    BasePage::resizeEvent(event);
    arrange();
}

bool OverviewPage::clearOne()
{
    if (context_.rangeFollows())
        return false;
    context_.resetRange();
    return true;
}

} // namespace poolscope
