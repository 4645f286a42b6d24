// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/basepage.h"

#include "ui/models/findings.h"
#include "ui/models/joined.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/theme.h"
#include "ui/views/blockingplace.h"
#include "ui/views/commandgate.h"
#include "ui/views/datatable.h"
#include "ui/views/process.h"
#include "ui/views/sessionwords.h"

#include <QFileInfo>
#include <QMenu>
#include <QVBoxLayout>

#include <algorithm>

namespace poolscope {

BasePage::BasePage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent)
    : Page(parent)
    , context_(context)
    , store_(std::move(store))
    , transport_(context.workspace().transport())
    , layout_(new QVBoxLayout(this))
    , bannerBox_(new QVBoxLayout)
{
    const int margin = Theme::current().scaled(metrics::pageMargin);
    layout_->setContentsMargins(margin, margin, margin, margin);
    layout_->setSpacing(Theme::current().scaled(12));
    bannerBox_->setSpacing(Theme::current().scaled(8));
    layout_->addLayout(bannerBox_);
    connect(&context, &ViewContext::selectionChanged, this, [this](const auto& session) {
        if (isVisible())
            select(session);
    });
    connect(&context, &ViewContext::timeZoneChanged, this, [this] {
        updateBanners();
        zoneChanged();
    });
    connect(&Theme::current(), &Theme::changed, this, [this] { arrange(); });
}

void BasePage::apply(const Update& update)
{
    // Before the rows change: one that leaves takes the selection with it.
    const bool again = update.reset && context_.offered();
    watchWaiting();
    updateBanners();
    refresh(update);
    offerWorst(again);
}

void BasePage::setTransport(const Transport& transport)
{
    transport_ = transport;
    updateBanners();
    transportChanged();
}

void BasePage::showEvent(QShowEvent* event)
{
    Page::showEvent(event);
    select(context_.selection());
    offerWorst(false);
}

/// At the first look, and at another instant as long as nobody chose: what hurts most is what one
/// wants to see. Never against a choice.
void BasePage::offerWorst(bool again)
{
    if (!isVisible() || (!again && (context_.selection() || !context_.mayOffer())))
        return;
    const bool sampled =
        std::any_of(store_->targets().begin(), store_->targets().end(),
                    [](const TargetSummary& target) { return target.last_sample; });
    if (!sampled)
        return;
    std::optional<SessionKey> worst = overviewAnswer(*store_).session;
    for (const TargetSummary& target : store_->targets()) {
        for (const SuspectedLeak& leak : target.suspects) {
            if (!worst && store_->find(leak.session))
                worst = leak.session;
        }
    }
    context_.offer(worst);
}

bool BasePage::wide() const
{
    return width() >= Theme::current().scaled(1660);
}

int BasePage::detailWidth() const
{
    const Theme& theme = Theme::current();
    return theme.scaled(width() >= theme.scaled(1800) ? 560 : 336);
}

void BasePage::watchWaiting()
{
    const auto& targets = store_->targets();
    const bool waits =
        !targets.empty() &&
        std::none_of(targets.begin(), targets.end(), [this](const TargetSummary& target) {
            return target.last_sample && concerns(target);
        });
    if (!waits)
        waitingSince_.reset();
    else if (!waitingSince_)
        waitingSince_ = store_->now();
}

QString BasePage::nothingYet() const
{
    const auto& targets = store_->targets();
    if (targets.empty())
        return transport_.mode == Mode::replay
                   ? tr("reading %1").arg(QFileInfo(transport_.file).fileName())
               : transport_.attaching
                   ? tr("waiting for the first sample")
                   : tr("Nothing is attached. Attach to a server, or to a process and its pools, "
                        "with "
                        "Ctrl+T, or open a recording with Ctrl+O.");
    if (!hasSubject())
        return transport_.mode == Mode::replay
                   ? onlyProcesses(targets)
                         ? tr("This recording is of processes: their pools know checkouts, not the "
                              "sessions of a server.")
                         : tr("This recording is of pools alone: it has no sessions of a server.")
               : onlyProcesses(targets)
                   ? tr("Only processes are attached: their pools know checkouts, not the sessions "
                        "of a server. Attach to their database, too, with Ctrl+T.")
                   : tr("Only pools are attached: nothing here tells of the sessions of a server. "
                        "Attach to their database, too, with Ctrl+T.");
    if (!waitingSince_)
        return {};
    const bool past = transport_.mode != Mode::live;
    if (!past && store_->now() - *waitingSince_ < std::chrono::seconds{2})
        return tr("waiting for the first sample");
    constexpr std::size_t most = 3;
    QStringList names;
    std::size_t left = 0;
    for (const TargetSummary& target : targets) {
        if (!concerns(target))
            continue;
        if (std::size_t(names.size()) < most)
            names += Formatter::line(target.info.name, 60);
        else
            ++left;
    }
    if (left > 0)
        names += tr("%1 more").arg(left);
    return (past ? tr("no sample of %1 was recorded up to this moment")
                 : tr("waiting for the first sample from %1"))
        .arg(names.join(QStringLiteral(", ")));
}

bool BasePage::hasSubject() const
{
    const auto& targets = store_->targets();
    return std::any_of(targets.begin(), targets.end(),
                       [this](const TargetSummary& target) { return concerns(target); });
}

bool BasePage::concerns(const TargetSummary& target) const
{
    return !ofServers() || !isProcess(target);
}

QString BasePage::asOf() const
{
    std::optional<Timestamp> latest;
    for (const TargetSummary& target : store_->targets()) {
        if (!target.last_sample)
            continue;
        if (!staleness(target, store_->now()))
            return {};
        latest = std::max(latest.value_or(*target.last_sample), *target.last_sample);
    }
    return latest ? tr("as of %1, %2 ago")
                        .arg(format().instant(*latest, store_->now()),
                             Formatter::ageProse(
                                 std::chrono::floor<std::chrono::seconds>(store_->now() - *latest)))
                  : QString();
}

void BasePage::setCount(int count)
{
    if (count == count_)
        return;
    count_ = count;
    emit countChanged(count);
}

Banner* BasePage::banner(std::size_t at)
{
    while (banners_.size() <= at) {
        banners_.push_back(new Banner(this));
        connect(banners_.back(), &Banner::linkActivated, this, [this] {
            transport_.mode == Mode::paused ? context_.requestLive() : context_.requestAttach();
        });
        bannerBox_->addWidget(banners_.back());
    }
    banners_[at]->show();
    return banners_[at];
}

void BasePage::say(Severity severity, const QString& lead, const QString& text, const QString& code,
                   const QString& icon, const QString& link)
{
    Banner* const b = banner(bannersUsed_++);
    b->setMessage(severity, lead, text, icon);
    b->setCode(code);
    b->setLink(link);
}

void BasePage::updateBanners()
{
    bannersUsed_ = 0;
    const QString at = format().instant(transport_.cursor, transport_.end);
    const Duration behind = transport_.end - transport_.cursor;
    if (transport_.mode == Mode::replay) {
        const QString file = QFileInfo(transport_.file).fileName();
        say(Severity::info, tr("Replay at %1").arg(at),
            behind < std::chrono::seconds{1}
                ? tr("The end of %1. Commands need a live target.").arg(file)
                : tr("%1 before the end of %2. Commands need a live target.")
                      .arg(Formatter::ageProse(behind), file),
            {}, QStringLiteral("replay"), attachWords());
    } else if (transport_.mode == Mode::paused) {
        const bool plays = transport_.playing;
        say(Severity::info, (plays ? tr("Playing at %1") : tr("Paused at %1")).arg(at),
            tr("Recording goes on, %1 behind.").arg(Formatter::ageProse(behind)), {},
            plays ? QStringLiteral("play") : QStringLiteral("pause"), tr("Return to live"));
    }
    if (showsServers())
        sayTargets();
    for (std::size_t i = bannersUsed_; i < banners_.size(); ++i)
        banners_[i]->hide();
}

QString BasePage::attachWords() const
{
    const auto& targets = store_->targets();
    if (targets.empty())
        return {};
    return targets.size() == 1
               ? tr("Attach to %1 now").arg(Formatter::line(targets.front().info.name, 40))
               : tr("Attach to these %1 now").arg(targets.size());
}

std::vector<SessionRow> BasePage::rowsOf(const std::vector<SessionKey>& keys) const
{
    std::vector<SessionRow> rows;
    for (const SessionKey& key : keys) {
        if (const SessionRow* const row = store_->find(key))
            rows.push_back(*row);
    }
    return rows;
}

void BasePage::command(ActionVerb verb, const std::vector<SessionKey>& keys)
{
    const std::vector<SessionRow> rows = commandable(rowsOf(keys), *store_);
    if (commandObstacle(verb, rows, *store_, transport_, format()).isEmpty())
        context_.requestCommand(verb, rows);
}

void BasePage::goToBlocker(const SessionKey& session)
{
    const SessionRow* const row = store_->find(session);
    if (!row || row->session.blocked_by.empty())
        return;
    // Of those that the server names, some only stand ahead in the queue.
    if (const auto place = blockingPlace(*store_, session);
        place && place->parent && store_->find(place->parent->key)) {
        context_.select(place->parent->key);
        return;
    }
    for (const Pid pid : row->session.blocked_by) {
        if (const SessionRow* const blocker = store_->find(session.target, pid)) {
            context_.select(blocker->session.key);
            return;
        }
    }
}

void BasePage::goToCheckout(const SessionKey& session)
{
    if (const auto checkout = checkoutOf(*store_, session))
        context_.showCheckout(*checkout);
    else if (const auto root = rootCheckout(*store_, session))
        context_.showCheckout(*root);
}

void BasePage::goAcross(const std::optional<SessionKey>& current)
{
    if (current)
        goToCheckout(*current);
}

QString BasePage::letters() const
{
    QString keys;
    if (groups())
        keys += QLatin1Char('G');
    const auto current = served_ ? served_->currentKey() : std::nullopt;
    const SessionRow* const row = current ? store_->find(*current) : nullptr;
    if (!row)
        return keys;
    if (!row->session.blocked_by.empty())
        keys += QLatin1Char('B');
    if (checkoutOf(*store_, *current) || rootCheckout(*store_, *current))
        keys += QLatin1Char('J');
    return keys;
}

void BasePage::serveLetter(int key)
{
    if (served_)
        emit served_->letter(key);
    else if (key == Qt::Key_G)
        nextGrouping();
}

void BasePage::serveTable(DataTable* table)
{
    served_ = table;
    connect(table, &DataTable::letter, this, [this, table](int key) {
        if (key == Qt::Key_C)
            command(ActionVerb::cancel, table->selectedKeys());
        else if (key == Qt::Key_K)
            command(ActionVerb::terminate, table->selectedKeys());
        else if (key == Qt::Key_G)
            nextGrouping();
        else if (const auto current = table->currentKey(); key == Qt::Key_B && current)
            goToBlocker(*current);
        else if (key == Qt::Key_J)
            goAcross(current);
    });
    connect(table, &QAbstractItemView::pressed, this, [this] { context_.keep(); });
    connect(table, &QWidget::customContextMenuRequested, this,
            [this, table](const QPoint& at) { showMenu(table, at); });
}

void BasePage::addToMenu(QMenu& menu, const SessionKey& session)
{
    Q_UNUSED(menu)
    Q_UNUSED(session)
}

void BasePage::showMenu(DataTable* table, const QPoint& at)
{
    const std::vector<SessionKey> keys = table->selectedKeys();
    if (keys.empty())
        return;
    const std::vector<SessionRow> rows = commandable(rowsOf(keys), *store_);
    QMenu menu(this);
    const auto offer = [&](ActionVerb verb, const QString& words, int key) {
        QAction* const action = menu.addAction(words);
        action->setShortcut(key);
        action->setEnabled(commandObstacle(verb, rows, *store_, transport_, format()).isEmpty());
        connect(action, &QAction::triggered, this, [this, verb, keys] { command(verb, keys); });
    };
    const QString many = rows.size() > 1 ? tr(" %1 sessions").arg(rows.size()) : QString();
    offer(ActionVerb::cancel,
          many.isEmpty() ? tr("Cancel statement…") : tr("Cancel statements of%1…").arg(many),
          Qt::Key_C);
    offer(ActionVerb::terminate,
          many.isEmpty() ? tr("Terminate session…") : tr("Terminate%1…").arg(many), Qt::Key_K);
    const QString reason =
        commandObstacle(ActionVerb::terminate, rows, *store_, transport_, format());
    if (!reason.isEmpty())
        menu.addAction(reason)->setEnabled(false);
    menu.addSeparator();
    if (const SessionRow* const row = store_->find(keys.front());
        row && keys.size() == 1 && !row->session.blocked_by.empty()) {
        QAction* const go = menu.addAction(tr("Go to its blocker"));
        go->setShortcut(Qt::Key_B);
        connect(go, &QAction::triggered, this, [this, keys] { goToBlocker(keys.front()); });
    }
    const bool own = keys.size() == 1 && checkoutOf(*store_, keys.front());
    if (own || (keys.size() == 1 && rootCheckout(*store_, keys.front()))) {
        QAction* const go =
            menu.addAction(own ? tr("Go to its checkout") : tr("Go to the line at its root"));
        go->setShortcut(Qt::Key_J);
        connect(go, &QAction::triggered, this, [this, keys] { goToCheckout(keys.front()); });
    }
    if (keys.size() == 1)
        addToMenu(menu, keys.front());
    QAction* const copy = menu.addAction(tr("Copy rows"));
    copy->setShortcut(QKeySequence::Copy);
    connect(copy, &QAction::triggered, table, [table] { table->copySelection(); });
    connect(menu.addAction(tr("Copy rows with heads")), &QAction::triggered, table,
            [table] { table->copySelection(true); });
    menu.exec(table->viewport()->mapToGlobal(at));
}

} // namespace poolscope
