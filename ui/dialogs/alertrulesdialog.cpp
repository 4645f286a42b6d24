// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/alertrulesdialog.h"

#include "core/analyze/alertrules.h"
#include "core/capture/alertrulesfile.h"
#include "ui/dialogs/codebox.h"
#include "ui/dialogs/parts.h"
#include "ui/dialogs/questiondialog.h"
#include "ui/models/findaside.h"
#include "ui/models/formatter.h"
#include "ui/theme/theme.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTextBlock>
#include <QVBoxLayout>

#include <algorithm>
#include <chrono>

namespace poolscope {

namespace {

constexpr std::chrono::milliseconds pause{250}; ///< while somebody types
constexpr int shownProblems = 5;

/// Without the first line, which is about the file and not about rules.
QString builtIn()
{
    std::string_view text = default_alert_rules_text();
    if (text.starts_with("# SPDX-"))
        text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
    return QString::fromUtf8(text.data(), std::ssize(text));
}

/// Whatever the text says: a rule of one's own begins with what there is to measure.
QString measureWords()
{
    const auto list = [](std::initializer_list<AlertMeasure> measures) {
        QStringList names;
        for (const AlertMeasure measure : measures) {
            const std::string_view name = name_of(measure);
            names += QString::fromUtf8(name.data(), std::ssize(name));
        }
        return names.join(QStringLiteral(", "));
    };
    using M = AlertMeasure;
    return AlertRulesDialog::tr("Measures of a pool: %1. Of a server: %2. Of any target: %3.")
        .arg(
            list({M::used_ratio, M::pending, M::wait, M::wait_growth, M::timeouts, M::idle,
                  M::circuit_open, M::leaks, M::critical_leaks}),
            list({M::connections_ratio, M::lock_waiters, M::refusing, M::leaks, M::critical_leaks}),
            list({M::unreachable}));
}

} // namespace

AlertRulesDialog::AlertRulesDialog(const QString& rules, const QString& file, bool replay,
                                   QWidget* parent)
    : QDialog(parent)
    , file_(file)
    , replay_(replay)
    , edit_(new QPlainTextEdit(this))
    , verdict_(parts::label({}, this, "secondary"))
    , problems_(new QListWidget(this))
{
    setWindowTitle(tr("Alert rules"));
    const Theme& theme = Theme::current();
    resize(theme.sizeFor(*this, {840, 640}));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(theme.scaled(QMargins(20, 16, 20, 16)));
    layout->setSpacing(theme.scaled(8));
    layout->addWidget(parts::title(tr("Alert rules"), this));
    auto* about = parts::label(
        replay ? tr("What would they have said? Nothing is saved, and the recording keeps its own.")
               : tr("Each [[rule]] says what it looks at, from which value on and for how long. "
                    "They are kept in %1 and count for every target.")
                     .arg(Formatter::line(file.toStdString())),
        this, "secondary");
    about->setWordWrap(true);
    layout->addWidget(about);
    edit_->setObjectName(QStringLiteral("rules"));
    edit_->setAccessibleName(tr("Alert rules as text"));
    edit_->setFont(theme.mono(12));
    edit_->setLineWrapMode(QPlainTextEdit::NoWrap);
    edit_->setTabChangesFocus(true);
    edit_->setPlainText(rules.isEmpty() ? builtIn() : rules);
    edit_->document()->setModified(false);
    (new CodeHighlighter(edit_->document()))->setToml();
    layout->addWidget(edit_, 1);
    auto* measures = parts::label(measureWords(), this, "caption");
    measures->setObjectName(QStringLiteral("measures"));
    measures->setTextInteractionFlags(Qt::TextSelectableByMouse);
    layout->addWidget(measures);
    layout->addWidget(verdict_);
    problems_->setObjectName(QStringLiteral("problems"));
    problems_->setAccessibleName(tr("What is wrong with the rules"));
    problems_->setMaximumHeight(theme.scaled(24) * shownProblems);
    layout->addWidget(problems_);
    auto* foot = new QHBoxLayout;
    auto* again = new QPushButton(tr("Built-in rules"), this);
    again->setObjectName(QStringLiteral("builtIn"));
    again->setToolTip(tr("Puts them in place of this text; Ctrl+Z takes that back"));
    auto* decline = new QPushButton(tr("Cancel"), this);
    use_ = new QPushButton(replay ? tr("Try them") : tr("Save and use"), this);
    use_->setObjectName(QStringLiteral("use"));
    use_->setProperty("kind", QStringLiteral("primary"));
    foot->addWidget(again);
    if (replay) {
        auto* recorded = new QPushButton(tr("As recorded"), this);
        recorded->setObjectName(QStringLiteral("asRecorded"));
        recorded->setAutoDefault(false);
        connect(recorded, &QPushButton::clicked, this, &AlertRulesDialog::supposeNothing);
        foot->addWidget(recorded);
    }
    foot->addStretch();
    foot->addWidget(decline);
    foot->addWidget(use_);
    again->setAutoDefault(false);
    layout->addSpacing(theme.scaled(4));
    layout->addLayout(foot);
    connect(again, &QPushButton::clicked, this, [this] {
        QTextCursor all(edit_->document());
        all.select(QTextCursor::Document);
        all.insertText(builtIn()); // so that it can be undone
    });
    connect(decline, &QPushButton::clicked, this, &QDialog::reject);
    connect(use_, &QPushButton::clicked, this, &AlertRulesDialog::use);
    connect(problems_, &QListWidget::currentRowChanged, this, &AlertRulesDialog::goTo);
    connect(problems_, &QListWidget::itemClicked, this, [this] { goTo(problems_->currentRow()); });
    soon_.setSingleShot(true);
    soon_.setInterval(pause);
    connect(&soon_, &QTimer::timeout, this, &AlertRulesDialog::check);
    connect(edit_, &QPlainTextEdit::textChanged, &soon_, qOverload<>(&QTimer::start));
    check();
    edit_->setFocus();
}

void AlertRulesDialog::check()
{
    soon_.stop();
    const std::string text = edit_->toPlainText().toStdString();
    const AlertRules rules = parse_alert_rules(text, {});
    problems_->clear();
    for (const RuleProblem& problem : rules.problems) {
        const QString where = problem.line > 0 ? tr("line %1: ").arg(problem.line) : QString();
        auto* const item =
            new QListWidgetItem(where + Formatter::line(problem.sentence), problems_);
        item->setData(Qt::UserRole, problem.line);
    }
    problems_->setVisible(!rules.problems.empty());
    const auto used = std::count_if(rules.rules.begin(), rules.rules.end(),
                                    [](const AlertRule& rule) { return rule.enabled; });
    const auto off = std::ssize(rules.rules) - used;
    QString verdict = used == 1 ? tr("1 rule") : tr("%1 rules").arg(used);
    if (off > 0)
        verdict += tr(", %1 more not enabled").arg(off);
    if (!rules.problems.empty())
        verdict += tr("; what is wrong is left out:");
    verdict_->setText(verdict);
    // No rule at all may be meant; a text of which nothing can be read is not.
    use_->setEnabled(!rules.rules.empty() || rules.problems.empty());
}

void AlertRulesDialog::goTo(int row)
{
    const QListWidgetItem* const item = problems_->item(row);
    const int line = item ? item->data(Qt::UserRole).toInt() : 0;
    const QTextBlock block = edit_->document()->findBlockByNumber(line - 1);
    if (line < 1 || !block.isValid())
        return;
    edit_->setTextCursor(QTextCursor(block));
    edit_->centerCursor();
}

void AlertRulesDialog::use()
{
    check(); // what was typed in the last moment
    if (!use_->isEnabled())
        return;
    const QString text = edit_->toPlainText();
    // Those built in are not pinned: a newer Poolscope may bring better ones. So empty stands for
    // them, in replay for the recording's; who empties the text means none.
    if (text.trimmed().isEmpty())
        rules_ = tr("# No rules: nothing is watched for.") + QLatin1Char('\n');
    else
        rules_ = !replay_ && text == builtIn() ? QString() : text;
    if (replay_) {
        accept();
        return;
    }
    use_->setEnabled(false);
    edit_->setReadOnly(true);
    verdict_->setText(tr("Saving…"));
    using Trouble = std::optional<QString>;
    findAside<Trouble>(
        this, [file = file_, rules = rules_] { return saveAlertRules(file, rules); },
        [this](const Trouble& trouble) { saved(trouble); });
}

bool AlertRulesDialog::saving() const
{
    return edit_->isReadOnly();
}

void AlertRulesDialog::reject()
{
    if (!saving() && !edit_->document()->isModified()) {
        QDialog::reject();
        return;
    }
    if (asking_)
        return;
    using Kind = QuestionDialog::Kind;
    auto* const box =
        saving()
            ? new QuestionDialog(tr("Alert rules"), tr("Leave while the rules are being saved?"),
                                 tr("They may be saved or not, and are not used here yet."), this)
            : new QuestionDialog(tr("Alert rules"), tr("Discard what you wrote?"),
                                 tr("The rules stay as they were."), this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    QPushButton* const gone = box->addAnswer(saving() ? tr("Leave") : tr("Discard"),
                                             QStringLiteral("discard"), Kind::plain);
    box->addAnswer(saving() ? tr("Wait") : tr("Keep writing"), QStringLiteral("stay"),
                   Kind::primary);
    connect(
        gone, &QPushButton::clicked, this, [this] { QDialog::reject(); }, Qt::QueuedConnection);
    asking_ = box;
    box->open();
}

void AlertRulesDialog::saved(const std::optional<QString>& trouble)
{
    if (asking_)
        asking_->close(); // about a saving that has ended
    if (!trouble) {
        accept();
        return;
    }
    edit_->setReadOnly(false);
    check();
    // In the list, where what is wrong stands.
    problems_->insertItem(0, Formatter::line(trouble->toStdString()));
    problems_->show();
    verdict_->setText(tr("Not saved:"));
}

void AlertRulesDialog::supposeNothing()
{
    rules_.clear();
    accept();
}

} // namespace poolscope
