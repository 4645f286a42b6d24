// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/alertspage.h"

#include "ui/models/alertrows.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/linkbutton.h"
#include "ui/views/pagetitle.h"
#include "ui/views/rowdelegate.h"

#include <QHBoxLayout>
#include <QItemSelectionModel>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QVBoxLayout>

namespace poolscope {

using namespace std::chrono_literals;

AlertsPage::AlertsPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent)
    : BasePage(context, std::move(store), parent)
    , model_(makeAlertModel(nullptr))
{
    title_ = new PageTitle(this);
    table_ = new DataTable(QStringLiteral("alerts"), false, this);
    table_->setRootIsDecorated(false);
    table_->setIndentation(0);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setModel(model_.get());
    table_->setAccessibleName(tr("Alerts"));
    table_->setWidths({90, 200, 90, 160, 80, 400, 160});
    table_->rows().setGlyphColumns(-1, 0);
    table_->setElastic(static_cast<int>(AlertColumn::sentence));
    // Of what does not fit, that goes first which the sentence tells too.
    table_->setAutomaticColumns([](int column, int width) {
        const Theme& theme = Theme::current();
        return static_cast<AlertColumn>(column) == AlertColumn::rule    ? width >= theme.scaled(900)
               : static_cast<AlertColumn>(column) == AlertColumn::value ? width >= theme.scaled(740)
                                                                        : true;
    });
    table_->restoreColumns(-1, Qt::AscendingOrder);
    table_->setSortingEnabled(false); // what fires stands first
    connect(table_, &QWidget::customContextMenuRequested, this, &AlertsPage::showMenu);
    connect(table_->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &AlertsPage::settle);

    bar_ = new QWidget(this);
    auto* const row = new QHBoxLayout(bar_);
    row->setContentsMargins(0, 0, 0, 0);
    acknowledge_ = new QPushButton(tr("&Acknowledge for 1 h"), bar_);
    silence_ = new QPushButton(tr("S&ilence for 8 h"), bar_);
    takeBack_ = new QPushButton(tr("&Take back"), bar_);
    obstacle_ = new QLabel(bar_);
    obstacle_->setProperty("role", QStringLiteral("caption"));
    obstacle_->setTextFormat(Qt::PlainText);
    for (QWidget* const each : {static_cast<QWidget*>(acknowledge_),
                                static_cast<QWidget*>(silence_), static_cast<QWidget*>(takeBack_)})
        row->addWidget(each);
    row->addWidget(obstacle_);
    row->addStretch();
    const auto says = [this](AlertAnswer what, Duration lasts) {
        return [this, what, lasts] {
            if (const Alert* const alert = current())
                answer(*alert, what, lasts);
        };
    };
    connect(acknowledge_, &QPushButton::clicked, this, says(AlertAnswer::acknowledged, 1h));
    connect(silence_, &QPushButton::clicked, this, says(AlertAnswer::silenced, 8h));
    connect(takeBack_, &QPushButton::clicked, this, says(AlertAnswer::revoked, 0s));
    auto* const foot = new QWidget(this);
    auto* const last = new QHBoxLayout(foot);
    last->setContentsMargins(0, 0, 0, 0);
    auto* const rules = new LinkButton(foot);
    rules->setObjectName(QStringLiteral("alertRules"));
    rules->setWords(tr("Alert rules…"));
    last->addWidget(bar_);
    last->addStretch(1);
    last->addWidget(rules);
    connect(rules, &QPushButton::clicked, &context, &ViewContext::requestAlertRules);
    connect(this, &AlertsPage::answered, &context.workspace(), &Workspace::answerAlert);

    layout_->addWidget(title_);
    layout_->addWidget(table_, 1000);
    layout_->addWidget(foot);
    layout_->addStretch(1); // keeps the title at the top while the table is hidden
    settle();
}

std::vector<AlertsPage::Choice> AlertsPage::choices()
{
    return {{tr("Acknowledge for 15 min"), AlertAnswer::acknowledged, 15min},
            {tr("Acknowledge for 1 h"), AlertAnswer::acknowledged, 1h},
            {tr("Acknowledge for 8 h"), AlertAnswer::acknowledged, 8h},
            {tr("Silence for 1 h"), AlertAnswer::silenced, 1h},
            {tr("Silence for 8 h"), AlertAnswer::silenced, 8h},
            {tr("Silence for 7 d"), AlertAnswer::silenced, 168h}};
}

const Alert* AlertsPage::current() const
{
    const QModelIndexList rows = table_->selectionModel()->selectedRows();
    const TreeNode* const node = rows.isEmpty() ? nullptr : model_->node(rows.front());
    const auto found = node ? alerts_.find(node->id) : alerts_.end();
    return found == alerts_.end() ? nullptr : &found->second;
}

/// Off in the past, paused or replayed: what is said counts from now, and of what is shown nobody
/// knows whether it goes on.
bool AlertsPage::answerable() const
{
    return transport_.mode == Mode::live;
}

void AlertsPage::answer(const Alert& alert, AlertAnswer answer, Duration lasts)
{
    if (!answerable())
        return;
    AlertAnswered said;
    said.pool = alert.pool;
    said.rule = alert.rule;
    said.answer = answer;
    emit answered(alert.target, said, lasts);
}

/// What is chosen in it is said of the alert that it was opened for, whatever the table shows then.
void AlertsPage::showMenu(const QPoint& at)
{
    const TreeNode* const node = model_->node(table_->indexAt(at));
    const auto found = node ? alerts_.find(node->id) : alerts_.end();
    if (found == alerts_.end())
        return;
    const Alert alert = found->second;
    QMenu menu(this);
    QString name = node->cells.back().text;
    menu.addAction(name.replace(QLatin1Char('&'), QStringLiteral("&&")))->setEnabled(false);
    menu.addSeparator();
    for (const Choice& choice : choices()) {
        menu.addAction(choice.words, this,
                       [this, alert, choice] { answer(alert, choice.answer, choice.lasts); })
            ->setEnabled(answerable());
    }
    menu.addSeparator();
    menu.addAction(tr("Take back what was said"), this,
                   [this, alert] { answer(alert, AlertAnswer::revoked, 0s); })
        ->setEnabled(answerable() && alert.answer.has_value());
    menu.exec(table_->viewport()->mapToGlobal(at));
}

/// What can be said of the row that is chosen.
void AlertsPage::settle()
{
    const Alert* const alert = current();
    const bool live = answerable();
    acknowledge_->setEnabled(alert && live);
    silence_->setEnabled(alert && live);
    takeBack_->setEnabled(alert && live && alert->answer);
    obstacle_->setText(transport_.mode == Mode::replay
                           ? tr("Off in replay: it was said then, or it was not.")
                       : !live  ? tr("Off while paused: go back to live to answer.")
                       : !alert ? tr("Choose an alert to say that somebody is at it.")
                                : tr("It is recorded. It stays in the list, and calls no more."));
}

void AlertsPage::zoneChanged()
{
    fill();
}

/// The rows of what was told last.
void AlertsPage::fill()
{
    const auto chosen = [this] {
        const QModelIndexList rows = table_->selectionModel()->selectedRows();
        const TreeNode* const node = rows.isEmpty() ? nullptr : model_->node(rows.front());
        return node ? node->id : QString();
    };
    const QString was = chosen();
    model_->replace(alertRows(store_->targets(), store_->now(), format()));
    // Where the chosen one left, the table chooses its neighbour: nothing must be said of that.
    if (chosen() != was)
        table_->selectionModel()->clear();
}

void AlertsPage::transportChanged()
{
    settle();
}

void AlertsPage::refresh(const Update& update)
{
    alerts_.clear();
    for (const TargetSummary& target : update.targets) {
        for (const Alert& alert : target.alerts)
            alerts_.emplace(alertId(alert), alert);
    }
    fill();
    const AlertCount count = countAlerts(update);
    setCount(count.calling);
    const QString waiting = nothingYet();
    const QString pending =
        count.pending == 1 ? tr("1 more is pending") : tr("%1 more are pending").arg(count.pending);
    if (!waiting.isEmpty() && model_->rowCount() == 0)
        title_->setWaiting(waiting, true);
    else if (count.firing == 0)
        title_->setAnswer(0, tr("No alert fires."),
                          count.pending > 0 ? pending : tr("The rules look twice a second."), true);
    else
        title_->setAnswer(count.calling == 0   ? 0
                          : count.critical > 0 ? 2
                          : count.warning > 0  ? 1
                                               : 0,
                          count.firing == 1 ? tr("1 alert fires")
                                            : tr("%1 alerts fire").arg(count.firing),
                          count.calling < count.firing
                              ? tr("%1 of them answered").arg(count.firing - count.calling)
                          : count.pending > 0 ? pending
                                              : QString(),
                          false);
    table_->setVisible(model_->rowCount() > 0);
    bar_->setVisible(model_->rowCount() > 0);
    settle();
}

} // namespace poolscope
