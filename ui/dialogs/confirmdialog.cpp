// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/confirmdialog.h"

#include "ui/dialogs/parts.h"
#include "ui/models/formatter.h"
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
#include <map>

namespace poolscope {

namespace {

constexpr int mostRowsShown = 10;
constexpr int mostLeftOutShown = 6;

QString resultOf(const ActionRecord& action)
{
    const QString words = Formatter::line(action.outcome, 300);
    return words.isEmpty() ? Formatter::phase(action.phase) : words;
}

} // namespace

ConfirmDialog::ConfirmDialog(Words words, QWidget* parent)
    : QDialog(parent)
    , words_(std::move(words))
    , layout_(new QVBoxLayout(this))
{
    layout_->setContentsMargins(Theme::current().scaled(QMargins(20, 16, 20, 12)));
    layout_->setSpacing(Theme::current().scaled(10));
}

void ConfirmDialog::addQuestion(const QString& question, const QString& destroys)
{
    QLabel* const title = parts::title(question, this);
    title->setObjectName(QStringLiteral("question"));
    layout_->addWidget(title);
    if (!destroys.isEmpty())
        layout_->addWidget(parts::label(destroys, this, "secondary"));
}

void ConfirmDialog::addTable(const QString& name, const std::vector<Column>& columns, int rows)
{
    const Theme& theme = Theme::current();
    rows_ = rows;
    resultColumn_ = static_cast<int>(columns.size());
    table_ = new QTableWidget(rows, resultColumn_ + (bulk() ? 1 : 0), this);
    table_->setAccessibleName(name);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(theme.rowHeight());
    table_->setShowGrid(false);
    table_->setStyleSheet(QStringLiteral("QTableWidget::item { padding: 0 %1px; border: none; }")
                              .arg(theme.scaled(5)));
    table_->setSelectionMode(QAbstractItemView::NoSelection);
    table_->setFocusPolicy(Qt::TabFocus);
    table_->setTabKeyNavigation(false);
    table_->setWordWrap(false);
    table_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    table_->horizontalHeader()->setHighlightSections(false);
    table_->horizontalHeader()->setStretchLastSection(true);
    for (int column = 0; column < table_->columnCount(); ++column) {
        const Column shown = column < resultColumn_ ? columns[static_cast<std::size_t>(column)]
                                                    : Column{tr("Result"), 0};
        auto* const head = new QTableWidgetItem(shown.head);
        head->setTextAlignment((shown.right ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
        table_->setHorizontalHeaderItem(column, head);
        if (column + 1 < table_->columnCount())
            table_->setColumnWidth(column, theme.scaled(shown.width));
        mono_.push_back(shown.mono);
        right_.push_back(shown.right);
        for (int row = 0; row < rows; ++row)
            setCell(row, column, QString());
    }
    table_->setColumnHidden(resultColumn_, true); // till there are some
    table_->setIconSize(QSize(theme.scaled(metrics::glyph), theme.scaled(metrics::glyph)));
    const int shown = std::min(rows, mostRowsShown);
    table_->setFixedHeight(theme.scaled(metrics::tableHead) + shown * theme.rowHeight() + 4);
    layout_->addWidget(table_);
}

QTableWidgetItem* ConfirmDialog::setCell(int row, int column, const QString& text)
{
    auto* const item = new QTableWidgetItem(text);
    const auto at = static_cast<std::size_t>(column);
    item->setFlags(Qt::ItemIsEnabled | Qt::ItemIsSelectable);
    item->setToolTip(plainToolTip(text));
    if (mono_[at])
        item->setFont(Theme::current().mono());
    if (right_[at])
        item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    table_->setItem(row, column, item);
    return item;
}

/// Of a cell that is there, without a new one.
void ConfirmDialog::setWords(int row, int column, const QString& words)
{
    QTableWidgetItem* const item = table_->item(row, column);
    if (item->text() == words)
        return;
    item->setText(words);
    item->setToolTip(plainToolTip(words));
}

void ConfirmDialog::addFacts(const QString& unblocks, const QString& frees, const QString& identity,
                             const std::vector<NamedFact>& first)
{
    auto* const grid = new QGridLayout;
    grid->setHorizontalSpacing(Theme::current().scaled(16));
    grid->setVerticalSpacing(Theme::current().scaled(4));
    grid->setColumnMinimumWidth(0, Theme::current().scaled(76));
    grid->setColumnStretch(1, 1);
    std::vector<NamedFact> facts = first;
    facts.insert(facts.end(), {{tr("Unblocks"), unblocks},
                               {tr("Frees"), frees},
                               {tr("Identity"), identity},
                               {tr("Recorded"), tr("the request and its outcome, as an action")}});
    int row = 0;
    for (const auto& [name, value] : facts) {
        if (value.isEmpty())
            continue;
        QLabel* const head = parts::label(name, this, "secondary");
        head->setWordWrap(false);
        grid->addWidget(head, row, 0, Qt::AlignTop);
        QLabel* const words = parts::label(value, this);
        words->setAlignment(Qt::AlignTop | Qt::AlignLeft);
        // A word without end must not make the dialog wider than it is.
        QSizePolicy policy = words->sizePolicy(); // as tall as it is wide lets it be
        policy.setHorizontalPolicy(QSizePolicy::Ignored);
        words->setSizePolicy(policy);
        grid->addWidget(words, row++, 1);
        facts_.emplace(name, words);
    }
    layout_->addLayout(grid);
}

void ConfirmDialog::setFact(const QString& name, const QString& value)
{
    if (const auto found = facts_.find(name);
        found != facts_.end() && found->second->text() != value)
        found->second->setText(value);
}

void ConfirmDialog::addLeftOut(const QStringList& leftOut)
{
    if (leftOut.isEmpty())
        return;
    QStringList shown = leftOut.mid(0, mostLeftOutShown);
    if (leftOut.size() > shown.size())
        shown << tr("and %1 more").arg(leftOut.size() - shown.size());
    layout_->addWidget(
        parts::label(tr("Left out: %1").arg(shown.join(QStringLiteral("; "))), this, "caption"));
}

void ConfirmDialog::addFoot(const QString& keep)
{
    layout_->addStretch();
    layout_->addWidget(parts::rule(this));
    foot_ = new QHBoxLayout;
    foot_->setSpacing(Theme::current().scaled(8));
    note_ = parts::label(QString(), this, "caption");
    note_->setObjectName(QStringLiteral("note"));
    foot_->addWidget(note_, 1);
    safe_ = new QPushButton(rows_ == 0 ? tr("Close") : keep, this);
    safe_->setObjectName(QStringLiteral("safe"));
    safe_->setDefault(true);
    connect(safe_, &QPushButton::clicked, this, &QDialog::reject);
    foot_->addWidget(safe_);
    if (rows_ > 0) {
        act_ = new QPushButton(actWords(rows_), this);
        act_->setObjectName(QStringLiteral("act"));
        act_->setProperty("kind", QStringLiteral("danger"));
        act_->setAutoDefault(false);
        act_->installEventFilter(this);
        connect(act_, &QPushButton::clicked, this, &ConfirmDialog::confirm);
        foot_->addWidget(act_);
    }
    layout_->addLayout(foot_);
}

QPushButton* ConfirmDialog::addGentle(const QString& words)
{
    gentle_ = new QPushButton(words, this);
    gentle_->setObjectName(QStringLiteral("gentle"));
    gentle_->setAutoDefault(false);
    gentle_->installEventFilter(this);
    foot_->insertWidget(foot_->indexOf(act_), gentle_);
    setTabOrder(safe_, gentle_);
    setTabOrder(gentle_, act_);
    return gentle_;
}

/// As tall as its words are at that width: nothing of what will happen is cut.
void ConfirmDialog::finish()
{
    const int width = Theme::current().sizeFor(*this, {bulk() ? 1180 : 740, 1}).width();
    resize(width, layout_->totalHeightForWidth(width));
    safe_->setFocus();
}

void ConfirmDialog::note(const QString& words)
{
    if (note_->text() == words)
        return;
    note_->setText(words);
    if (isVisible()) // a longer sentence must not be cut
        resize(width(), std::max(height(), layout_->totalHeightForWidth(width())));
}

/// Return is the safe button's alone, even while another has the focus by Tab, and on desktops
/// where it presses what has the focus, too: Space presses those.
bool ConfirmDialog::eventFilter(QObject* watched, QEvent* event)
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

void ConfirmDialog::confirm()
{
    if (std::ssize(left_) == rows_ || sent_)
        return;
    sent_ = true;
    if (!bulk()) {
        send();
        accept();
        return;
    }
    act_->hide();
    if (gentle_)
        gentle_->hide();
    safe_->setText(tr("Close"));
    safe_->setFocus();
    note(words_.sent);
    table_->setColumnHidden(resultColumn_, false);
    for (int row = 0; row < rows_; ++row) {
        if (!hasLeft(row))
            setCell(row, resultColumn_, Formatter::phase(ActionPhase::requested));
    }
    send();
}

void ConfirmDialog::strike(int row)
{
    const QColor& faint = Theme::current().tokens().text3;
    for (int column = 0; column < resultColumn_; ++column) {
        QTableWidgetItem* const item = table_->item(row, column);
        QFont font = item->font();
        font.setStrikeOut(true);
        item->setFont(font);
        item->setForeground(faint);
    }
    if (bulk())
        setCell(row, resultColumn_, words_.left);
}

void ConfirmDialog::apply(const Update& update, const SessionStore& store)
{
    if (!table_)
        return;
    if (sent_) {
        fillResults(update);
        return;
    }
    if (update.actions) {
        for (const ActionRecord& action : *update.actions)
            lastAction_ = std::max(lastAction_, action.id.value);
    }
    for (int row = 0; row < rows_; ++row) {
        if (!isThere(row, store) && left_.insert(row).second)
            strike(row);
    }
    if (std::ssize(left_) < rows_)
        refresh(store);
    if (left_.empty())
        return;
    if (const auto remain = rows_ - static_cast<int>(left_.size()); remain > 0) {
        act_->setText(actWords(remain));
        return;
    }
    act_->setEnabled(false);
    if (gentle_)
        gentle_->setEnabled(false);
    note(bulk() ? words_.allLeft : words_.oneLeft);
}

void ConfirmDialog::fillResults(const Update& update)
{
    if (!update.actions || !bulk())
        return;
    std::map<int, const ActionRecord*> results; // the latest of each row
    for (const ActionRecord& action : *update.actions) {
        if (action.id.value <= lastAction_)
            continue;
        if (const int row = rowOf(action); row >= 0 && !hasLeft(row))
            results[row] = &action;
    }
    int open = rows_ - static_cast<int>(left_.size());
    for (const auto& [row, action] : results) {
        setWords(row, resultColumn_, resultOf(*action));
        open -= action->phase >= ActionPhase::accepted ? 1 : 0;
    }
    if (open == 0)
        note(tr("All answered. The outcomes are on the Actions page."));
}

} // namespace poolscope
