// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/sessionspage.h"

#include "ui/models/targetkinds.h"
#include "ui/theme/icons.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"
#include "ui/views/chartboard.h"
#include "ui/views/datatable.h"
#include "ui/views/rowdelegate.h"
#include "ui/views/sessiondetail.h"

#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QScrollBar>
#include <QSettings>

#include <algorithm>
#include <utility>

namespace poolscope {

namespace {

/// In the order of the segmented control.
constexpr SessionGrouping groupings[] = {SessionGrouping::application, SessionGrouping::user,
                                         SessionGrouping::database,    SessionGrouping::client,
                                         SessionGrouping::state,       SessionGrouping::none};

constexpr int column(SessionColumn c)
{
    return static_cast<int>(c);
}

/// Narrow windows keep what an incident needs; wide ones show everything.
bool shownAt(int c, int width)
{
    const Theme& theme = Theme::current();
    switch (static_cast<SessionColumn>(c)) {
    case SessionColumn::user:
    case SessionColumn::application:
        return width >= theme.scaled(1020);
    case SessionColumn::database:
        return width >= theme.scaled(1120);
    case SessionColumn::client:
    case SessionColumn::xminAge:
        return width >= theme.scaled(1400);
    case SessionColumn::started:
        return width >= theme.scaled(1560);
    case SessionColumn::transaction:
        return width >= theme.scaled(600);
    case SessionColumn::statement:
        return width >= theme.scaled(560);
    case SessionColumn::wait:
    case SessionColumn::blockedBy:
        return width >= theme.scaled(440); // the detail tells them
    default:
        return true;
    }
}

} // namespace

SessionsPage::SessionsPage(ViewContext& context, std::shared_ptr<SessionStore> store,
                           QWidget* parent)
    : BasePage(context, std::move(store), parent)
{
    model_.setFormatter(format());
    makeBar();
    trouble_ = new QLabel(this);
    trouble_->setTextFormat(Qt::PlainText);
    trouble_->setObjectName(QStringLiteral("filterTrouble"));
    trouble_->hide();
    layout_->addWidget(trouble_);
    auto* const row = new QHBoxLayout;
    row->setSpacing(Theme::current().scaled(metrics::panelGap));
    auto* const left = new QVBoxLayout;
    left->setSpacing(Theme::current().scaled(metrics::panelGap));
    board_ = new ChartBoard(context, store_, this);
    board_->setFixedHeight(Theme::current().scaled(240));
    board_->setSideBySide(true);
    board_->setElsewhere(tr("on Overview"));
    connect(board_, &ChartBoard::moreWanted, this,
            [this] { context_.navigate(QStringLiteral("overview")); });
    board_->hide();
    left->addWidget(board_);
    makeTable();
    empty_ = new QLabel(this);
    empty_->setTextFormat(Qt::PlainText);
    empty_->setProperty("role", QStringLiteral("secondary"));
    empty_->setObjectName(QStringLiteral("emptyWords"));
    empty_->setWordWrap(true);
    left->addWidget(empty_);
    left->addWidget(table_, 1000);
    left->addStretch(1); // keeps the words at the top while the table is hidden
    row->addLayout(left, 1);
    detail_ = new SessionDetail(context, store_, this);
    row->addWidget(detail_);
    layout_->addLayout(row, 1);
    connect(detail_, &SessionDetail::commandWanted, this,
            [this](ActionVerb verb) { command(verb, table_->selectedKeys()); });
    const int kept = QSettings().value(QStringLiteral("sessions/grouping"), 0).toInt();
    group(groupings[std::clamp(kept, 0, 5)]);
    updateWords();
}

void SessionsPage::makeBar()
{
    bar_ = new QWidget(this);
    auto* const bar = new QHBoxLayout(bar_);
    bar->setContentsMargins(0, 0, 0, 0);
    bar->setSpacing(Theme::current().scaled(8));
    filter_ = new QLineEdit(this);
    filter_->setFont(Theme::current().mono(12));
    filter_->setClearButtonEnabled(true);
    filter_->setAccessibleName(tr("Filter sessions"));
    filter_->setToolTip(tr("Words, or state: app: user: db: client: pid: blocked blocking age>5m "
                           "tx>30s; a minus before a term turns it round"));
    filter_->addAction(themedIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    filter_->setMinimumWidth(Theme::current().scaled(160));
    filter_->setMaximumWidth(Theme::current().scaled(420));
    connect(filter_, &QLineEdit::textChanged, this, &SessionsPage::applyFilter);
    connect(filter_, &QLineEdit::returnPressed, this, [this] { table_->setFocus(); });
    auto* const caption = new QLabel(tr("Group by"), this);
    caption->setProperty("role", QStringLiteral("secondary"));
    grouping_ = new SegmentedControl(
        {tr("Application"), tr("User"), tr("Database"), tr("Client"), tr("State"), tr("None")},
        this);
    grouping_->setAccessibleName(tr("Group by"));
    connect(grouping_, &SegmentedControl::chosen, this,
            [this](int index) { group(groupings[index]); });
    words_ = new QLabel(this);
    words_->setTextFormat(Qt::PlainText);
    words_->setProperty("role", QStringLiteral("secondary"));
    words_->setObjectName(QStringLiteral("shownWords"));
    bar->addWidget(filter_, 1000);
    bar->addSpacing(Theme::current().scaled(8));
    bar->addWidget(caption);
    bar->addWidget(grouping_);
    bar->addStretch(1);
    bar->addWidget(words_);
    layout_->addWidget(bar_);
}

void SessionsPage::makeTable()
{
    table_ = new DataTable(QStringLiteral("sessions"), true, this);
    table_->setAccessibleName(tr("Sessions"));
    table_->rows().setGlyphColumns(column(SessionColumn::state), -1);
    table_->setModel(&model_);
    table_->setWidths({132, 68, 96, 104, 124, 160, 150, 76, 76, 138, 92, 62, 84, 84, 80});
    table_->setAutomaticColumns([this](int c, int width) {
        // Ungrouped, whose a session is tells more than what it waits on.
        const bool byApplication = model_.grouping() == SessionGrouping::application;
        if (!byApplication && width < Theme::current().scaled(1020) &&
            (c == column(SessionColumn::application) || c == column(SessionColumn::wait)))
            return c == column(SessionColumn::application);
        if (!several())
            return shownAt(c, width);
        // Another column's worth of room is gone, and what is run tells more than what it waits on.
        const Theme& theme = Theme::current();
        if (c == column(SessionColumn::wait))
            return width >= theme.scaled(1020);
        return shownAt(c,
                       c == column(SessionColumn::statement) ? width : width - theme.scaled(132));
    });
    table_->restoreColumns(column(SessionColumn::age), Qt::DescendingOrder);
    serveTable(table_);
    connect(table_, &DataTable::letter, this, &SessionsPage::narrow);
    connect(table_, &DataTable::hovered, this,
            [this](const auto& session) { model_.setPinned(session); });
    connect(table_, &DataTable::chosen, this, &SessionsPage::tableChosen);
}

/// Sessions of more than one target: one that has told nothing yet has none.
bool SessionsPage::several() const
{
    return std::count_if(store_->targets().begin(), store_->targets().end(),
                         [](const TargetSummary& target) {
                             return target.last_sample && !tellsPools(target);
                         }) > 1;
}

void SessionsPage::resizeEvent(QResizeEvent* event)
{
    BasePage::resizeEvent(event);
    const Theme& theme = Theme::current();
    detail_->setFixedWidth(detailWidth());
    board_->setVisible(wide() && hasSubject());
    const bool narrow = width() < theme.scaled(1240);
    filter_->setFixedWidth(theme.scaled(narrow ? 300 : 420));
    filter_->setPlaceholderText(narrow ? tr("Filter: words, state:waiting, …")
                                       : tr("Filter: words, state:waiting, app:web, age>5m"));
}

void SessionsPage::refresh(const Update& update)
{
    const std::vector<SessionKey> selected = table_->selectedKeys();
    const int scrolled = table_->verticalScrollBar()->value();
    reveal_ = reveal_ || (update.reset && table_->viewport()->rect().intersects(
                                              table_->visualRect(table_->currentIndex())));
    selecting_ = true;
    model_.apply(update);
    table_->setAvailable(column(SessionColumn::target), several());
    const auto& targets = store_->targets();
    table_->setAvailable(column(SessionColumn::xminAge),
                         targets.empty() || std::any_of(targets.begin(), targets.end(), tellsXmin));
    if (update.reset && selected.empty() && context_.selection())
        restoreSelection({*context_.selection()});
    else if (update.reset)
        restoreSelection(selected);
    selecting_ = false;
    if (update.reset) {
        table_->verticalScrollBar()->setValue(scrolled);
        reveal();
    }
    setCount(model_.total());
    updateWords();
    board_->setVisible(wide() && hasSubject());
    board_->apply(update, nothingYet());
    if (isVisible())
        showChosen();
}

void SessionsPage::restoreSelection(const std::vector<SessionKey>& keys)
{
    QItemSelection selection;
    for (const SessionKey& key : keys) {
        const QModelIndex index = model_.indexOf(key);
        if (index.isValid())
            selection.select(index, index.siblingAtColumn(sessionColumnCount - 1));
    }
    if (selection.isEmpty())
        return;
    // Qt would scroll until the row just shows at an edge; where it is to be seen, reveal() says.
    table_->setAutoScroll(false);
    table_->selectionModel()->setCurrentIndex(selection.front().topLeft(),
                                              QItemSelectionModel::NoUpdate);
    table_->selectionModel()->select(selection, QItemSelectionModel::ClearAndSelect);
    table_->setAutoScroll(true);
}

void SessionsPage::applyFilter()
{
    const SessionFilter::Parsed parsed = SessionFilter::parse(filter_->text());
    // What is not understood yet changes nothing: it is still being typed.
    trouble_->setVisible(!parsed.error.isEmpty());
    trouble_->setText(parsed.error);
    if (!parsed.error.isEmpty())
        return;
    model_.setFilter(parsed.filter);
    table_->restoreExpansion();
    // What was chosen stays in sight; else the first hit is where the eye begins.
    if (const QModelIndex chosen = table_->currentIndex(); chosen.isValid())
        table_->scrollTo(chosen);
    else
        table_->scrollToTop();
    updateWords();
}

void SessionsPage::updateWords()
{
    const bool narrowed = !filter_->text().trimmed().isEmpty();
    words_->setText(
        narrowed ? tr("%1 of %2")
                       .arg(Formatter::count(model_.shown()), Formatter::sessions(model_.total()))
                 : Formatter::sessions(model_.total()));
    if (const QString old = asOf(); !old.isEmpty())
        words_->setText(words_->text() + QStringLiteral(", ") + old);
    QString empty = nothingYet();
    const bool nothing = !empty.isEmpty();
    if (!nothing && model_.total() == 0)
        empty = tr("No session is connected.");
    else if (!nothing && model_.shown() == 0)
        empty = tr("No session matches this filter. Esc clears it.");
    empty_->setText(empty);
    empty_->setVisible(!empty.isEmpty());
    words_->setVisible(!nothing);
    // The frame of the page stands while it waits; without anything attached there is no page.
    bar_->setVisible(hasSubject());
    table_->setVisible(hasSubject());
    detail_->setVisible(hasSubject());
}

void SessionsPage::group(SessionGrouping grouping)
{
    const std::vector<SessionKey> selected = table_->selectedKeys();
    int at = 0;
    while (groupings[at] != grouping)
        ++at;
    grouping_->setCurrent(at);
    QSettings().setValue(QStringLiteral("sessions/grouping"), at);
    selecting_ = true;
    model_.setGrouping(grouping);
    table_->refitColumns();
    restoreSelection(selected);
    selecting_ = false;
}

void SessionsPage::nextGrouping()
{
    group(groupings[(grouping_->current() + 1) % grouping_->count()]);
}

void SessionsPage::addToMenu(QMenu& menu, const SessionKey& session)
{
    const auto offer = [&](const QString& words, int key) {
        QAction* const action = menu.addAction(words);
        action->setShortcut(key);
        connect(action, &QAction::triggered, this, [this, key] { narrow(key); });
    };
    menu.addSeparator();
    offer(tr("Only idle in transaction for over 5 min"), Qt::Key_I);
    if (const SessionRow* const row = store_->find(session);
        row && !row->session.application.empty())
        offer(tr("Only those of its application"), Qt::Key_A);
    offer(tr("Only sessions like this one"), Qt::Key_L);
    menu.addSeparator();
}

QString SessionsPage::letters() const
{
    QString keys = BasePage::letters() + QLatin1Char('I');
    const auto current = table_->currentKey();
    if (const SessionRow* const row = current ? store_->find(*current) : nullptr)
        keys += row->session.application.empty() ? QStringLiteral("L") : QStringLiteral("LA");
    return keys;
}

/// I, A and L.
void SessionsPage::narrow(int key)
{
    const auto current = table_->currentKey();
    const SessionRow* const row = current ? store_->find(*current) : nullptr;
    if (key == Qt::Key_I)
        toggleTerms(SessionFilter::longIdleInTransaction());
    else if (key == Qt::Key_A && row)
        toggleTerms(SessionFilter::ofApplication(Formatter::line(row->session.application.str())));
    else if (key == Qt::Key_L && current)
        filterLikeThis(*current);
}

/// A second time takes them out again.
void SessionsPage::toggleTerms(const QString& terms)
{
    QString text = filter_->text();
    if (text.contains(terms))
        text.remove(terms);
    else
        text += QLatin1Char(' ') + terms;
    filter_->setText(text.simplified());
}

void SessionsPage::filterLikeThis(const SessionKey& session)
{
    if (const SessionRow* const row = store_->find(session))
        filter_->setText(SessionFilter::likeThis(row->session));
}

void SessionsPage::focusFilter()
{
    filter_->setFocus();
    filter_->selectAll();
}

void SessionsPage::setFilter(const QString& text)
{
    filter_->setText(text);
}

bool SessionsPage::clearOne()
{
    if (!filter_->text().isEmpty()) {
        filter_->clear();
        return true;
    }
    if (table_->selectedKeys().empty())
        return false;
    table_->clearSelection();
    return true;
}

std::vector<SessionRow> SessionsPage::selectedSessions() const
{
    return rowsOf(table_->selectedKeys());
}

void SessionsPage::tableChosen()
{
    const std::vector<SessionKey> keys = table_->currentFirst();
    detail_->show(keys, transport_);
    if (!selecting_ && isVisible())
        context_.select(keys.empty() ? std::nullopt : std::optional(keys.front()));
}

/// What was selected and has left stays selected: at another instant it is there again.
void SessionsPage::showChosen()
{
    std::vector<SessionKey> keys = table_->currentFirst();
    if (keys.empty() && context_.selection() && !store_->find(*context_.selection()))
        keys.push_back(*context_.selection());
    detail_->show(keys, transport_);
}

void SessionsPage::select(const std::optional<SessionKey>& session)
{
    if (!session || table_->currentKey() == session) {
        showChosen();
        return;
    }
    QModelIndex index = model_.indexOf(*session);
    if (!index.isValid() && store_->find(*session)) {
        filter_->clear(); // it was filtered out, and was asked for
        index = model_.indexOf(*session);
    }
    if (!index.isValid()) {
        showChosen();
        return;
    }
    table_->setExpanded(index.parent(), true);
    restoreSelection({*session});
    reveal_ = true;
    reveal();
}

void SessionsPage::showEvent(QShowEvent* event)
{
    BasePage::showEvent(event);
    // Where rows are is known once the table has its size.
    QMetaObject::invokeMethod(this, &SessionsPage::reveal, Qt::QueuedConnection);
}

void SessionsPage::reveal()
{
    if (!isVisible() || !std::exchange(reveal_, false))
        return;
    const auto scroll = [this] {
        const QModelIndex current = table_->currentIndex();
        const bool seen = table_->viewport()->rect().contains(table_->visualRect(current).center());
        if (!seen)
            table_->scrollTo(current, QAbstractItemView::PositionAtCenter);
    };
    QMetaObject::invokeMethod(table_, scroll, Qt::QueuedConnection);
}

void SessionsPage::transportChanged()
{
    board_->setTransport(transport_);
    updateWords();
    detail_->refresh(transport_);
}

void SessionsPage::zoneChanged()
{
    model_.setFormatter(format());
    detail_->refresh(transport_);
}

} // namespace poolscope
