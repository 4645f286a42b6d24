// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/alertspage.h"

#include "ui/models/alertrows.h"
#include "ui/views/datatable.h"
#include "ui/views/pagetitle.h"

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
    table_->setElastic(5);
    table_->restoreColumns(-1, Qt::AscendingOrder);
    table_->setSortingEnabled(false); // what fires stands first
    connect(table_, &QWidget::customContextMenuRequested, this, &AlertsPage::showMenu);
    connect(table_->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &AlertsPage::settle);

    bar_ = new QWidget(this);
    auto* const row = new QHBoxLayout(bar_);
    row->setContentsMargins(0, 0, 0, 0);
    acknowledge_ = new QPushButton(tr("&Acknowledge for 1 h"), bar_);
    silence_ = new QPushButton(tr("&Silence for 8 h"), bar_);
    takeBack_ = new QPushButton(tr("&Take back"), bar_);
    obstacle_ = new QLabel(bar_);
    obstacle_->setProperty("role", QStringLiteral("caption"));
    obstacle_->setTextFormat(Qt::PlainText);
    for (QWidget* const each : {static_cast<QWidget*>(acknowledge_),
                                static_cast<QWidget*>(silence_), static_cast<QWidget*>(takeBack_)})
        row->addWidget(each);
    row->addWidget(obstacle_);
    row->addStretch();
    connect(acknowledge_, &QPushButton::clicked, this,
            [this] { answer(AlertAnswer::acknowledged, 1h); });
    connect(silence_, &QPushButton::clicked, this, [this] { answer(AlertAnswer::silenced, 8h); });
    connect(takeBack_, &QPushButton::clicked, this, [this] { answer(AlertAnswer::revoked, 0s); });
    connect(this, &AlertsPage::answered, &context.workspace(), &Workspace::answerAlert);

    layout_->addWidget(title_);
    layout_->addWidget(table_, 1000);
    layout_->addWidget(bar_);
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

void AlertsPage::answer(AlertAnswer answer, Duration lasts)
{
    const Alert* const alert = current();
    if (!alert || transport_.mode == Mode::replay)
        return;
    AlertAnswered said;
    said.pool = alert->pool;
    said.rule = alert->rule;
    said.answer = answer;
    emit answered(alert->target, said, lasts);
}

void AlertsPage::showMenu(const QPoint& at)
{
    const Alert* const alert = current();
    if (!alert)
        return;
    QMenu menu(this);
    const bool live = transport_.mode != Mode::replay;
    for (const Choice& choice : choices()) {
        menu.addAction(choice.words, this, [this, choice] { answer(choice.answer, choice.lasts); })
            ->setEnabled(live);
    }
    menu.addSeparator();
    menu.addAction(tr("Take back what was said"), this,
                   [this] { answer(AlertAnswer::revoked, 0s); })
        ->setEnabled(live && alert->answer.has_value());
    menu.exec(table_->viewport()->mapToGlobal(at));
}

/// What can be said of the row that is chosen.
void AlertsPage::settle()
{
    const Alert* const alert = current();
    const bool live = transport_.mode != Mode::replay;
    acknowledge_->setEnabled(alert && live);
    silence_->setEnabled(alert && live);
    takeBack_->setEnabled(alert && live && alert->answer);
    obstacle_->setText(!live    ? tr("Off in replay: it was said then, or it was not.")
                       : !alert ? tr("Choose an alert to say that somebody is at it.")
                                : tr("It is recorded. It stays in the list, and calls no more."));
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
    model_->replace(alertRows(update, format()));
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
                                               : 1,
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
