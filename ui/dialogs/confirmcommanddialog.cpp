// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/confirmcommanddialog.h"

#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"

#include <QIcon>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableWidget>
#include <QVBoxLayout>

namespace poolscope {

ConfirmCommandDialog::ConfirmCommandDialog(ActionVerb verb, const std::vector<SessionRow>& sessions,
                                           const SessionStore& store, const Formatter& format,
                                           QWidget* parent)
    : ConfirmDialog(
          {tr("left by itself"), tr("This session has left by itself."),
           tr("All of them have left by themselves."),
           tr("Sent. Results come in as the server answers; closing does not stop them.")},
          parent)
    , plan_(planCommand(verb, sessions, store, format))
{
    setWindowTitle(Formatter::verb(verb));
    addQuestion(plan_.question, plan_.destroys);
    if (!plan_.hits.empty()) {
        addSessions();
        addFacts(plan_.unblocks.isEmpty() ? tr("nobody waits behind this") : plan_.unblocks,
                 plan_.frees, plan_.identity, factsOfOne());
        addStatement();
    }
    addLeftOut(plan_.leftOut);
    const bool cancel = plan_.verb == ActionVerb::cancel;
    addFoot(cancel ? (bulk() ? tr("Let them run") : tr("Let it run"))
                   : (bulk() ? tr("Keep them") : tr("Keep it")));
    if (!cancel && !plan_.hits.empty())
        offerCancel();
    finish();
}

namespace {

constexpr int stateColumn = 4;
constexpr int ageColumn = 5;
constexpr int holdsColumn = 6; ///< where several are listed

/// What it ran, or runs: names alone do not tell sessions of one application apart.
QString statementOf(const Session& session)
{
    constexpr qsizetype most = 300;
    return session.statement.is_null() ? Formatter::notReported()
                                       : Formatter::line(session.statement.str(), most);
}

} // namespace

void ConfirmCommandDialog::addSessions()
{
    const bool several = plan_.hits.size() > 1;
    std::vector<Column> columns{{tr("Pid"), 64, true, true}, {tr("User"), 80},
                                {tr("Application"), 100},    {tr("Client"), 130, false, true},
                                {tr("State"), 144},          {tr("Tx age"), 76, true, true}};
    if (several) {
        columns.push_back({tr("Holds"), 190});
        // A pid alone names no session where there are two servers.
        if (plan_.severalTargets)
            columns.push_back({tr("Target"), 110});
        columns.push_back({tr("Statement"), 140, false, true});
    }
    addTable(tr("Sessions that will be hit"), columns, static_cast<int>(plan_.hits.size()));
    for (int row = 0; row < static_cast<int>(plan_.hits.size()); ++row) {
        const CommandPlan::Hit& hit = plan_.hits[static_cast<std::size_t>(row)];
        const Session& s = hit.row.session;
        rowOf_.emplace(keyAt(row), row);
        int column = 0;
        setCell(row, column++, QString::number(s.key.pid.value));
        setCell(row, column++, Formatter::line(s.user.str(), 80));
        setCell(row, column++, Formatter::line(s.application.str(), 80));
        setCell(row, column++, Formatter::line(s.client.str(), 80));
        setCell(row, column++, QString());
        showState(row, s);
        setCell(row, column++, hit.transactionAge);
        if (!several)
            continue;
        setCell(row, column++, hit.holds);
        if (plan_.severalTargets)
            setCell(row, column++, hit.target);
        setCell(row, column, statementOf(s));
    }
}

void ConfirmCommandDialog::showState(int row, const Session& session)
{
    const Theme& theme = Theme::current();
    QTableWidgetItem* const cell = table()->item(row, stateColumn);
    cell->setText(Formatter::stateShort(session.state));
    cell->setIcon(QIcon(statePixmap(session.state, theme.scaled(metrics::glyph),
                                    devicePixelRatioF(), theme.tokens())));
    cell->setToolTip(Formatter::state(session.state));
}

/// Whoever was listed for a transaction may have ended it while somebody read this.
void ConfirmCommandDialog::refresh(const SessionStore& store)
{
    QStringList movedOn;
    for (int row = 0; row < static_cast<int>(plan_.hits.size()); ++row) {
        const SessionRow* const now = hasLeft(row) ? nullptr : store.find(keyAt(row));
        if (!now)
            continue;
        const Session& shown = plan_.hits[static_cast<std::size_t>(row)].row.session;
        const Session& session = now->session;
        showState(row, session);
        setWords(row, ageColumn,
                 session.transaction_since
                     ? Formatter::ageCell(store.age(session.key.target, *session.transaction_since))
                     : QString());
        // Read while this stands open, of those that nobody had looked at before.
        if (bulk())
            setWords(row, holdsColumn, holdsOf(store, *now));
        else
            setFact(tr("Holds"), holdsOf(store, *now));
        if (shown.transaction_since && session.transaction_since != shown.transaction_since)
            movedOn << QString::number(session.key.pid.value);
    }
    if (movedOn.isEmpty())
        note(footnote_);
    else if (movedOn.size() == 1)
        note(tr("Session %1 has ended the transaction that was shown. Look again before you go on.")
                 .arg(movedOn.front()));
    else
        note(tr("%1 sessions have ended the transactions that were shown. Look again before you go "
                "on.")
                 .arg(movedOn.size()));
}

std::vector<ConfirmDialog::NamedFact> ConfirmCommandDialog::factsOfOne() const
{
    if (plan_.hits.size() != 1)
        return {};
    const CommandPlan::Hit& hit = plan_.hits.front();
    return {{tr("Statement"), statementOf(hit.row.session)}, {tr("Holds"), hit.holds}};
}

void ConfirmCommandDialog::addStatement()
{
    auto* const sql = new QPlainTextEdit(this);
    sql->setPlainText(plan_.sql);
    sql->setReadOnly(true);
    sql->setFont(Theme::current().mono());
    sql->setAccessibleName(tr("The statement that is sent"));
    sql->setTabChangesFocus(true);
    sql->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    sql->setLineWrapMode(QPlainTextEdit::NoWrap);
    sql->setFixedHeight(2 * sql->fontMetrics().lineSpacing() + Theme::current().scaled(16));
    body()->addWidget(sql);
}

/// A cancel keeps the connection: where it would do something it comes before the termination.
void ConfirmCommandDialog::offerCancel()
{
    if (plan_.running == 0) {
        footnote_ = bulk() ? tr("Cancel is not offered: none of them runs a statement.")
                           : tr("Cancel is not offered: the session runs no statement.");
        note(footnote_);
        return;
    }
    footnote_ = tr("Cancelling ends the statement and keeps the connection.");
    note(footnote_);
    connect(addGentle(bulk() ? tr("&Cancel %1 statements instead").arg(plan_.running)
                             : tr("&Cancel the statement instead")),
            &QPushButton::clicked, this, [this] {
                const std::vector<SessionRow> rows = remaining();
                reject();
                emit cancelInstead(rows);
            });
}

QString ConfirmCommandDialog::actWords(int remain) const
{
    if (plan_.verb == ActionVerb::cancel)
        return remain == 1 ? tr("&Cancel statement") : tr("&Cancel %1 statements").arg(remain);
    return remain == 1 ? tr("&Terminate session") : tr("&Terminate %1 sessions").arg(remain);
}

bool ConfirmCommandDialog::isThere(int row, const SessionStore& store) const
{
    return store.find(keyAt(row));
}

int ConfirmCommandDialog::rowOf(const ActionRecord& action) const
{
    const auto found = rowOf_.find(action.session);
    return action.verb == plan_.verb && found != rowOf_.end() ? found->second : -1;
}

std::vector<SessionRow> ConfirmCommandDialog::remaining() const
{
    std::vector<SessionRow> rows;
    for (int row = 0; row < static_cast<int>(plan_.hits.size()); ++row) {
        if (!hasLeft(row))
            rows.push_back(plan_.hits[static_cast<std::size_t>(row)].row);
    }
    return rows;
}

void ConfirmCommandDialog::send()
{
    emit confirmed(plan_.verb, remaining());
}

} // namespace poolscope
