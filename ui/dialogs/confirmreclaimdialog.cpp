// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/confirmreclaimdialog.h"

#include "ui/dialogs/parts.h"
#include "ui/theme/theme.h"
#include "ui/theme/tooltip.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QPushButton>
#include <QTableWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace poolscope {

namespace {

enum Column { checkoutColumn, poolColumn, ageColumn, whoColumn, placeColumn, resultColumn };
constexpr int mostRowsShown = 10;

QTableWidgetItem* cell(const QString& text, bool mono = false, bool right = false)
{
    auto* item = new QTableWidgetItem(text);
    item->setFlags(Qt::ItemIsEnabled | Qt::ItemIsSelectable);
    item->setToolTip(plainToolTip(text));
    if (mono)
        item->setFont(Theme::current().mono());
    if (right)
        item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    return item;
}

} // namespace

ConfirmReclaimDialog::ConfirmReclaimDialog(const std::vector<CheckoutKey>& checkouts,
                                           const SessionStore& store, QWidget* parent)
    : QDialog(parent)
    , plan_(planReclaim(checkouts, store))
{
    setWindowTitle(Formatter::verb(ActionVerb::reclaim));
    const Theme& theme = Theme::current();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(20, 16, 20, 12);
    layout->setSpacing(10);
    QLabel* question = parts::title(plan_.question, this);
    question->setObjectName(QStringLiteral("question"));
    layout->addWidget(question);
    if (!plan_.destroys.isEmpty())
        layout->addWidget(parts::label(plan_.destroys, this, "secondary"));
    if (!plan_.hits.empty()) {
        addTable(layout);
        addFacts(layout);
    }
    if (!plan_.leftOut.isEmpty()) {
        QStringList shown = plan_.leftOut.mid(0, 6);
        if (plan_.leftOut.size() > shown.size())
            shown << tr("and %1 more").arg(plan_.leftOut.size() - shown.size());
        layout->addWidget(parts::label(tr("Left out: %1").arg(shown.join(QStringLiteral("; "))),
                                       this, "caption"));
    }
    addFoot(layout);
    const int width = theme.scaled(bulk() ? 920 : 640);
    resize(width, std::max(layout->heightForWidth(width), sizeHint().height()));
    safe_->setFocus();
}

void ConfirmReclaimDialog::addTable(QVBoxLayout* layout)
{
    const Theme& theme = Theme::current();
    table_ = new QTableWidget(static_cast<int>(plan_.hits.size()), bulk() ? 6 : 5, this);
    table_->setAccessibleName(tr("Checkouts that will be hit"));
    QStringList heads{tr("Checkout"), tr("Pool"), tr("Held"), tr("Who"), tr("Acquired at")};
    if (bulk())
        heads << tr("Result");
    table_->setHorizontalHeaderLabels(heads);
    for (int column = 0; column < heads.size(); ++column)
        table_->horizontalHeaderItem(column)->setTextAlignment(
            (column == ageColumn ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(theme.rowHeight());
    table_->setShowGrid(false);
    table_->setStyleSheet(QStringLiteral("QTableWidget::item { padding: 0 5px; border: none; }"));
    table_->setSelectionMode(QAbstractItemView::NoSelection);
    table_->setFocusPolicy(Qt::TabFocus);
    table_->setTabKeyNavigation(false);
    table_->setWordWrap(false);
    // The line is what tells them apart: of a long path the beginning goes.
    table_->setTextElideMode(Qt::ElideLeft);
    table_->horizontalHeader()->setHighlightSections(false);
    table_->horizontalHeader()->setStretchLastSection(true);
    table_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    const int widths[] = {92, 92, 84, 132, 232};
    for (int column = 0; column < (bulk() ? 5 : 4); ++column)
        table_->setColumnWidth(column, theme.scaled(widths[column]));
    for (int row = 0; row < table_->rowCount(); ++row)
        fillRow(row);
    const int shown = std::min(table_->rowCount(), mostRowsShown);
    table_->setFixedHeight(theme.scaled(metrics::tableHead) + shown * theme.rowHeight() + 4);
    layout->addWidget(table_);
}

void ConfirmReclaimDialog::fillRow(int row)
{
    const ReclaimPlan::Hit& hit = plan_.hits[static_cast<std::size_t>(row)];
    const Checkout& c = hit.checkout;
    table_->setItem(row, checkoutColumn, cell(Formatter::line(c.key.id.str(), 100), true));
    table_->setItem(row, poolColumn, cell(Formatter::line(c.pool.str(), 100)));
    table_->setItem(row, ageColumn, cell(hit.age, true, true));
    table_->setItem(row, whoColumn, cell(hit.who));
    table_->setItem(row, placeColumn, cell(hit.place, true));
    if (bulk())
        table_->setItem(row, resultColumn, cell(QString()));
}

void ConfirmReclaimDialog::addFacts(QVBoxLayout* layout)
{
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(4);
    grid->setColumnMinimumWidth(0, Theme::current().scaled(76));
    grid->setColumnStretch(1, 1);
    const std::pair<QString, QString> facts[] = {
        {tr("Unblocks"), plan_.unblocks.isEmpty() ? tr("nobody waits for one") : plan_.unblocks},
        {tr("Frees"), plan_.frees},
        {tr("Identity"), plan_.identity},
        {tr("Recorded"), tr("the request and its outcome, as an action")},
    };
    int row = 0;
    for (const auto& [name, value] : facts) {
        QLabel* head = parts::label(name, this, "secondary");
        head->setWordWrap(false);
        grid->addWidget(head, row, 0, Qt::AlignTop);
        grid->addWidget(parts::label(value, this), row++, 1);
    }
    layout->addLayout(grid);
}

void ConfirmReclaimDialog::addFoot(QVBoxLayout* layout)
{
    layout->addStretch();
    layout->addWidget(parts::rule(this));
    auto* foot = new QHBoxLayout;
    foot->setSpacing(8);
    note_ = parts::label(QString(), this, "caption");
    note_->setObjectName(QStringLiteral("note"));
    foot->addWidget(note_, 1);
    safe_ = new QPushButton(plan_.hits.empty() ? tr("Close")
                            : bulk()           ? tr("Keep them")
                                               : tr("Keep it"),
                            this);
    safe_->setObjectName(QStringLiteral("safe"));
    safe_->setDefault(true);
    connect(safe_, &QPushButton::clicked, this, &QDialog::reject);
    foot->addWidget(safe_);
    if (!plan_.hits.empty()) {
        act_ = new QPushButton(bulk() ? tr("&Reclaim %1 connections").arg(plan_.hits.size())
                                      : tr("&Reclaim connection"),
                               this);
        act_->setObjectName(QStringLiteral("act"));
        act_->setProperty("kind", QStringLiteral("danger"));
        act_->setAutoDefault(false);
        act_->installEventFilter(this);
        connect(act_, &QPushButton::clicked, this, &ConfirmReclaimDialog::confirm);
        foot->addWidget(act_);
    }
    layout->addLayout(foot);
}

/// Return is the safe button's alone, even while the other has the focus by Tab: Space presses it.
bool ConfirmReclaimDialog::eventFilter(QObject* watched, QEvent* event)
{
    if (event->type() == QEvent::KeyPress) {
        const int key = static_cast<const QKeyEvent*>(event)->key();
        if (key == Qt::Key_Return || key == Qt::Key_Enter) {
            safe_->click();
            return true;
        }
    }
    return QDialog::eventFilter(watched, event);
}

void ConfirmReclaimDialog::confirm()
{
    std::vector<CheckoutKey> remaining;
    for (const ReclaimPlan::Hit& hit : plan_.hits)
        if (!left_.contains(hit.checkout.key))
            remaining.push_back(hit.checkout.key);
    if (remaining.empty() || sent_)
        return;
    sent_ = true;
    if (!bulk()) {
        emit confirmed(remaining);
        accept();
        return;
    }
    act_->hide();
    safe_->setText(tr("Close"));
    safe_->setFocus();
    note_->setText(tr("Sent. Results come in as the process answers; closing does not stop them."));
    for (int row = 0; row < table_->rowCount(); ++row)
        if (!left_.contains(keyAt(row)))
            table_->item(row, resultColumn)->setText(Formatter::phase(ActionPhase::requested));
    emit confirmed(remaining);
}

void ConfirmReclaimDialog::strike(int row)
{
    const QColor& faint = Theme::current().tokens().text3;
    for (int column = 0; column < resultColumn; ++column) {
        QTableWidgetItem* item = table_->item(row, column);
        QFont font = item->font();
        font.setStrikeOut(true);
        item->setFont(font);
        item->setForeground(faint);
    }
    if (bulk())
        table_->item(row, resultColumn)->setText(tr("has come back by itself"));
}

void ConfirmReclaimDialog::apply(const Update& update, const SessionStore& store)
{
    if (!table_)
        return;
    if (sent_) {
        fillResults(update);
        return;
    }
    if (update.actions)
        for (const ActionRecord& action : *update.actions)
            lastAction_ = std::max(lastAction_, action.id.value);
    for (int row = 0; row < table_->rowCount(); ++row) {
        // After a restart the process may use an id again: then it is another checkout.
        const auto now = store.checkout(keyAt(row));
        const bool same = now && now->acquired == plan_.hits.at(row).checkout.acquired;
        if (!same && left_.insert(keyAt(row)).second)
            strike(row);
    }
    if (left_.empty())
        return;
    if (const std::size_t remain = plan_.hits.size() - left_.size(); remain > 0) {
        act_->setText(remain == 1 ? tr("&Reclaim 1 connection")
                                  : tr("&Reclaim %1 connections").arg(remain));
    } else {
        act_->setEnabled(false);
        note_->setText(bulk() ? tr("All of them have come back by themselves.")
                              : tr("This connection has come back by itself."));
    }
}

void ConfirmReclaimDialog::fillResults(const Update& update)
{
    if (!update.actions || !bulk())
        return;
    int open = 0;
    for (int row = 0; row < table_->rowCount(); ++row) {
        if (left_.contains(keyAt(row)))
            continue;
        bool done = false;
        for (const ActionRecord& action : *update.actions) {
            if (action.verb != ActionVerb::reclaim || action.checkout != keyAt(row) ||
                action.id.value <= lastAction_)
                continue;
            const QString said = Formatter::line(action.outcome, 300);
            table_->item(row, resultColumn)
                ->setText(said.isEmpty() ? Formatter::phase(action.phase) : said);
            done = action.phase >= ActionPhase::accepted;
        }
        open += done ? 0 : 1;
    }
    if (open == 0)
        note_->setText(tr("All answered. The outcomes are on the Actions page."));
}

} // namespace poolscope
