// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/confirmcommanddialog.h"

#include "ui/dialogs/parts.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QIcon>
#include <QKeyEvent>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace poolscope {

namespace {

enum Column { pidColumn, userColumn, stateColumn, ageColumn, holdsColumn, resultColumn };
constexpr int mostRowsShown = 10;

QTableWidgetItem* cell(const QString& text, bool number = false)
{
    auto* item = new QTableWidgetItem(text);
    item->setFlags(Qt::ItemIsEnabled | Qt::ItemIsSelectable);
    if (number) {
        item->setFont(Theme::current().mono());
        item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    }
    return item;
}

QString resultOf(const ActionRecord& action)
{
    const QString words = Formatter::line(action.outcome, 300);
    return words.isEmpty() ? Formatter::phase(action.phase) : words;
}

} // namespace

ConfirmCommandDialog::ConfirmCommandDialog(ActionVerb verb, const std::vector<SessionRow>& sessions,
                                           const SessionStore& store, const Formatter& format,
                                           QWidget* parent)
    : QDialog(parent)
    , plan_(planCommand(verb, sessions, store, format))
{
    setWindowTitle(Formatter::verb(verb));
    const Theme& theme = Theme::current();
    resize(theme.scaled(plan_.hits.size() > 1 ? 920 : 640), sizeHint().height());
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
        addFacts(layout, store);
    }
    if (!plan_.leftOut.isEmpty()) {
        QStringList shown = plan_.leftOut.mid(0, 6);
        if (plan_.leftOut.size() > shown.size())
            shown << tr("and %1 more").arg(plan_.leftOut.size() - shown.size());
        layout->addWidget(parts::label(tr("Left out: %1").arg(shown.join(QStringLiteral("; "))),
                                       this, "caption"));
    }
    addFoot(layout);
    safe_->setFocus();
}

void ConfirmCommandDialog::addTable(QVBoxLayout* layout)
{
    const Theme& theme = Theme::current();
    const bool bulk = plan_.hits.size() > 1;
    table_ = new QTableWidget(static_cast<int>(plan_.hits.size()), bulk ? 6 : 5, this);
    table_->setAccessibleName(tr("Sessions that will be hit"));
    QStringList heads{tr("Pid"), tr("User"), tr("State"), tr("Tx age"), tr("Holds")};
    if (bulk)
        heads << tr("Result");
    table_->setHorizontalHeaderLabels(heads);
    for (const int number : {int{pidColumn}, int{ageColumn}})
        table_->horizontalHeaderItem(number)->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    for (const int words : {int{userColumn}, int{stateColumn}, int{holdsColumn}})
        table_->horizontalHeaderItem(words)->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    if (bulk)
        table_->horizontalHeaderItem(resultColumn)
            ->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(theme.rowHeight());
    table_->setShowGrid(false);
    table_->setStyleSheet(QStringLiteral("QTableWidget::item { padding: 0 5px; border: none; }"));
    table_->setSelectionMode(QAbstractItemView::NoSelection);
    table_->setFocusPolicy(Qt::TabFocus);
    table_->setTabKeyNavigation(false);
    table_->setWordWrap(false);
    table_->horizontalHeader()->setHighlightSections(false);
    table_->horizontalHeader()->setStretchLastSection(true);
    const int widths[] = {72, 100, 206, 84, 206};
    table_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    for (int column = 0; column < (bulk ? 5 : 4); ++column)
        table_->setColumnWidth(column, theme.scaled(widths[column]));
    for (int row = 0; row < table_->rowCount(); ++row) {
        const CommandPlan::Hit& hit = plan_.hits[static_cast<std::size_t>(row)];
        const Session& s = hit.row.session;
        table_->setItem(row, pidColumn, cell(QString::number(s.key.pid.value), true));
        table_->setItem(row, userColumn, cell(Formatter::line(s.user.str(), 80)));
        QTableWidgetItem* state = cell(Formatter::state(s.state));
        state->setIcon(QIcon(statePixmap(s.state, theme.scaled(metrics::glyph), devicePixelRatioF(),
                                         theme.tokens())));
        table_->setItem(row, stateColumn, state);
        table_->setItem(row, ageColumn, cell(hit.transactionAge, true));
        table_->setItem(row, holdsColumn, cell(hit.holds));
        if (bulk)
            table_->setItem(row, resultColumn, cell(QString()));
    }
    table_->setIconSize(QSize(theme.scaled(metrics::glyph), theme.scaled(metrics::glyph)));
    const int shown = std::min(table_->rowCount(), mostRowsShown);
    table_->setFixedHeight(theme.scaled(metrics::tableHead) + shown * theme.rowHeight() + 4);
    layout->addWidget(table_);
}

void ConfirmCommandDialog::addFacts(QVBoxLayout* layout, const SessionStore& store)
{
    Q_UNUSED(store)
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(4);
    grid->setColumnMinimumWidth(0, Theme::current().scaled(76));
    grid->setColumnStretch(1, 1);
    const std::pair<QString, QString> facts[] = {
        {tr("Unblocks"),
         plan_.unblocks.isEmpty() ? tr("nobody waits behind this") : plan_.unblocks},
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

    auto* sql = new QPlainTextEdit(this);
    sql->setPlainText(plan_.sql);
    sql->setReadOnly(true);
    sql->setFont(Theme::current().mono());
    sql->setAccessibleName(tr("The statement that is sent"));
    sql->setTabChangesFocus(true);
    sql->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    sql->setLineWrapMode(QPlainTextEdit::NoWrap);
    sql->setFixedHeight(2 * sql->fontMetrics().lineSpacing() + 16);
    layout->addWidget(sql);
}

void ConfirmCommandDialog::addFoot(QVBoxLayout* layout)
{
    layout->addStretch();
    layout->addWidget(parts::rule(this));
    auto* foot = new QHBoxLayout;
    foot->setSpacing(8);
    note_ = parts::label(QString(), this, "caption");
    note_->setObjectName(QStringLiteral("note"));
    foot->addWidget(note_, 1);
    safe_ = new QPushButton(tr("Close"), this);
    safe_->setObjectName(QStringLiteral("safe"));
    safe_->setDefault(true);
    connect(safe_, &QPushButton::clicked, this, &QDialog::reject);
    foot->addWidget(safe_);
    if (!plan_.hits.empty())
        addCommandButtons(foot);
    layout->addLayout(foot);
}

void ConfirmCommandDialog::addCommandButtons(QHBoxLayout* foot)
{
    const bool cancel = plan_.verb == ActionVerb::cancel;
    const bool one = plan_.hits.size() == 1;
    safe_->setText(cancel ? (one ? tr("Let it run") : tr("Let them run"))
                          : (one ? tr("Keep it") : tr("Keep them")));
    if (!cancel && plan_.running > 0) {
        note_->setText(tr("Cancelling ends the statement and keeps the connection."));
        gentle_ = new QPushButton(one ? tr("&Cancel the statement instead")
                                      : tr("&Cancel %1 statements instead").arg(plan_.running),
                                  this);
        gentle_->setObjectName(QStringLiteral("gentle"));
        gentle_->setAutoDefault(false);
        connect(gentle_, &QPushButton::clicked, this, [this] {
            const std::vector<SessionRow> rows = remaining();
            reject();
            emit cancelInstead(rows);
        });
        foot->addWidget(gentle_);
    } else if (!cancel) {
        note_->setText(one ? tr("Cancel is not offered: the session runs no statement.")
                           : tr("Cancel is not offered: none of them runs a statement."));
    }
    act_ = new QPushButton(cancel ? (one ? tr("&Cancel statement")
                                         : tr("&Cancel %1 statements").arg(plan_.hits.size()))
                                  : (one ? tr("&Terminate session")
                                         : tr("&Terminate %1 sessions").arg(plan_.hits.size())),
                           this);
    act_->setObjectName(QStringLiteral("act"));
    act_->setProperty("kind", QStringLiteral("danger"));
    act_->setAutoDefault(false);
    for (QPushButton* button : {gentle_, act_})
        if (button)
            button->installEventFilter(this);
    connect(act_, &QPushButton::clicked, this, &ConfirmCommandDialog::confirm);
    foot->addWidget(act_);
}

/// Return is the safe button's alone, even while another has the focus by Tab, and on desktops
/// where it presses what has the focus, too: Space presses those.
bool ConfirmCommandDialog::eventFilter(QObject* watched, QEvent* event)
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

std::vector<SessionRow> ConfirmCommandDialog::remaining() const
{
    std::vector<SessionRow> rows;
    for (const CommandPlan::Hit& hit : plan_.hits)
        if (!left_.contains(hit.row.session.key))
            rows.push_back(hit.row);
    return rows;
}

void ConfirmCommandDialog::confirm()
{
    const std::vector<SessionRow> rows = remaining();
    if (rows.empty() || sent_)
        return;
    sent_ = true;
    if (plan_.hits.size() == 1) {
        emit confirmed(plan_.verb, rows);
        accept();
        return;
    }
    act_->hide();
    if (gentle_)
        gentle_->hide();
    safe_->setText(tr("Close"));
    safe_->setFocus();
    note_->setText(tr("Sent. Results come in as the server answers; closing does not stop them."));
    for (int row = 0; row < table_->rowCount(); ++row)
        if (!left_.contains(plan_.hits[static_cast<std::size_t>(row)].row.session.key))
            table_->item(row, resultColumn)->setText(Formatter::phase(ActionPhase::requested));
    emit confirmed(plan_.verb, rows);
}

void ConfirmCommandDialog::strike(int row)
{
    const QColor& faint = Theme::current().tokens().text3;
    for (int column = 0; column <= holdsColumn; ++column) {
        QTableWidgetItem* item = table_->item(row, column);
        QFont font = item->font();
        font.setStrikeOut(true);
        item->setFont(font);
        item->setForeground(faint);
    }
    if (plan_.hits.size() > 1)
        table_->item(row, resultColumn)->setText(tr("left by itself"));
}

void ConfirmCommandDialog::apply(const Update& update, const SessionStore& store)
{
    if (!table_)
        return;
    if (sent_) {
        fillResults(update);
        return;
    }
    if (update.actions && !update.actions->empty())
        for (const ActionRecord& action : *update.actions)
            lastAction_ = std::max(lastAction_, action.id.value);
    for (int row = 0; row < table_->rowCount(); ++row) {
        const SessionKey& key = plan_.hits[static_cast<std::size_t>(row)].row.session.key;
        if (store.find(key) || !left_.insert(key).second)
            continue;
        strike(row);
    }
    const std::size_t remain = plan_.hits.size() - left_.size();
    if (left_.empty())
        return;
    if (remain == 0) {
        act_->setEnabled(false);
        if (gentle_)
            gentle_->setEnabled(false);
        note_->setText(plan_.hits.size() == 1 ? tr("This session has left by itself.")
                                              : tr("All of them have left by themselves."));
    } else {
        act_->setText((plan_.verb == ActionVerb::cancel ? tr("&Cancel %1 statements")
                                                        : tr("&Terminate %1 sessions"))
                          .arg(remain));
    }
}

void ConfirmCommandDialog::fillResults(const Update& update)
{
    if (!update.actions)
        return;
    int open = 0;
    for (int row = 0; row < table_->rowCount(); ++row) {
        const SessionKey& key = plan_.hits[static_cast<std::size_t>(row)].row.session.key;
        if (left_.contains(key))
            continue;
        bool done = false;
        for (const ActionRecord& action : *update.actions)
            if (action.session == key && action.verb == plan_.verb &&
                action.id.value > lastAction_) {
                table_->item(row, std::min(int{resultColumn}, table_->columnCount() - 1))
                    ->setText(resultOf(action));
                done = action.phase >= ActionPhase::accepted;
            }
        open += done ? 0 : 1;
    }
    if (open == 0)
        note_->setText(tr("All answered. The outcomes are on the Actions page."));
}

} // namespace poolscope
