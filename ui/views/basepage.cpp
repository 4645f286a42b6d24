// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/basepage.h"

#include "ui/theme/theme.h"
#include "ui/views/commandgate.h"
#include "ui/views/datatable.h"

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
    connect(&context, &ViewContext::timeZoneChanged, this, [this] { zoneChanged(); });
}

void BasePage::apply(const Update& update)
{
    store_->apply(update);
    updateBanners();
    refresh(update);
    offerWorst();
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
    offerWorst();
}

/// Once, at the first look: what hurts most is what one wants to see. Never against a choice.
void BasePage::offerWorst()
{
    if (offered_ || !isVisible() || store_->targets().empty())
        return;
    offered_ = std::any_of(store_->targets().begin(), store_->targets().end(),
                           [](const TargetSummary& target) { return target.last_sample; });
    if (!offered_ || context_.selection())
        return;
    for (const TargetSummary& target : store_->targets()) {
        if (!target.suspects.empty()) {
            context_.select(target.suspects.front().session);
            return;
        }
    }
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
        bannerBox_->addWidget(banners_.back());
    }
    banners_[at]->show();
    return banners_[at];
}

void BasePage::updateBanners()
{
    std::size_t used = 0;
    const auto say = [&](Severity severity, const QString& lead, const QString& text,
                         const QString& code, const QString& icon) {
        Banner* const b = banner(used++);
        b->setMessage(severity, lead, text, icon);
        b->setCode(code);
    };
    const QString at = format().instant(transport_.cursor, transport_.end);
    const Duration behind = transport_.end - transport_.cursor;
    if (transport_.mode == Mode::replay) {
        const QString file = QFileInfo(transport_.file).fileName();
        say(Severity::info, tr("Replay at %1").arg(at),
            behind < std::chrono::seconds{1}
                ? tr("The end of %1. Commands need a live target.").arg(file)
                : tr("%1 before the end of %2. Commands need a live target.")
                      .arg(Formatter::ageProse(behind), file),
            {}, QStringLiteral("replay"));
    } else if (transport_.mode == Mode::paused) {
        say(Severity::info, tr("Paused at %1").arg(at),
            tr("Recording goes on, %1 behind. End returns to the live edge.")
                .arg(Formatter::ageProse(behind)),
            {}, QStringLiteral("pause"));
    }
    for (const TargetSummary& target : store_->targets()) {
        const QString name = Formatter::line(target.info.name, 100);
        if (target.status.reach == Reach::failing || target.status.reach == Reach::stopped) {
            QString text = target.last_sample
                               ? tr("no answer since %1")
                                     .arg(format().instant(*target.last_sample, store_->now()))
                               : tr("no answer yet");
            if (target.status.next_try && *target.status.next_try > store_->now())
                text += tr(", next try in %1")
                            .arg(Formatter::ageProse(std::chrono::ceil<std::chrono::seconds>(
                                *target.status.next_try - store_->now())));
            text += QStringLiteral(". ") + Formatter::line(target.status.sentence, 300);
            if (!target.status.next_step.empty())
                text += QLatin1Char(' ') + Formatter::line(target.status.next_step, 300);
            say(target.status.reach == Reach::stopped ? Severity::critical : Severity::warning,
                name, text, {}, QStringLiteral("server-off"));
        } else if (target.facts && !target.facts->sees_all) {
            say(Severity::info, name,
                tr("The role %1 cannot see other users' states, statements and start times.")
                    .arg(Formatter::line(target.facts->role, 100)),
                Formatter::line(target.facts->missing_grant, 300), {});
        }
    }
    for (std::size_t i = used; i < banners_.size(); ++i)
        banners_[i]->hide();
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
    const std::vector<SessionRow> rows = commandable(rowsOf(keys));
    if (commandObstacle(verb, rows, *store_, transport_, format()).isEmpty())
        context_.requestCommand(verb, rows);
}

void BasePage::goToBlocker(const SessionKey& session)
{
    const SessionRow* const row = store_->find(session);
    if (!row || row->session.blocked_by.empty())
        return;
    for (const Pid pid : row->session.blocked_by) {
        if (const SessionRow* const blocker = store_->find(session.target, pid)) {
            context_.select(blocker->session.key);
            return;
        }
    }
}

void BasePage::serveTable(DataTable* table)
{
    connect(table, &DataTable::letter, this, [this, table](int key) {
        if (key == Qt::Key_C)
            command(ActionVerb::cancel, table->selectedKeys());
        else if (key == Qt::Key_K)
            command(ActionVerb::terminate, table->selectedKeys());
        else if (key == Qt::Key_G)
            nextGrouping();
        else if (const auto current = table->currentKey(); key == Qt::Key_B && current)
            goToBlocker(*current);
    });
    connect(table, &QWidget::customContextMenuRequested, this,
            [this, table](const QPoint& at) { showMenu(table, at); });
}

void BasePage::showMenu(DataTable* table, const QPoint& at)
{
    const std::vector<SessionKey> keys = table->selectedKeys();
    if (keys.empty())
        return;
    const std::vector<SessionRow> rows = commandable(rowsOf(keys));
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
    QAction* const copy = menu.addAction(tr("Copy rows"));
    copy->setShortcut(QKeySequence::Copy);
    connect(copy, &QAction::triggered, table, [table] { table->copySelection(); });
    connect(menu.addAction(tr("Copy rows with heads")), &QAction::triggered, table,
            [table] { table->copySelection(true); });
    menu.exec(table->viewport()->mapToGlobal(at));
}

} // namespace poolscope
