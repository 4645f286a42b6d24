// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/detailpanel.h"

#include "ui/models/formatter.h"
#include "ui/theme/panel.h"
#include "ui/theme/theme.h"
#include "ui/theme/tooltip.h"
#include "ui/views/detailhead.h"
#include "ui/views/sqlhighlighter.h"

#include <QEvent>
#include <QGridLayout>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QRegularExpression>
#include <QScrollArea>
#include <QStyle>
#include <QVBoxLayout>

#include <algorithm>

namespace poolscope {

namespace {

int panelPad()
{
    return Theme::current().scaled(metrics::panelPadding);
}

/// Of a field: 1, or 2 where its values are monospaced.
constexpr const char* fieldProperty = "field";

/// What is not reported is no value: it is written as captions are.
void showMissing(QLabel& label, bool missing)
{
    const int field = label.property(fieldProperty).toInt();
    const QString role = missing ? QStringLiteral("caption") : QString();
    if (field == 0 || label.property("role").toString() == role)
        return;
    label.setProperty("role", role);
    label.setFont(!missing && field == 2 ? Theme::current().mono(12) : Theme::current().ui());
    label.style()->polish(&label);
}

} // namespace

DetailPanel::DetailPanel(const QString& name, const QString& empty, QWidget* parent)
    : Panel(parent)
    , head_(new DetailHead(this))
    , empty_(prose())
    , scroll_(new QScrollArea(this))
{
    auto* const box = new QVBoxLayout(this);
    box->setContentsMargins(1, 1, 1, 1);
    box->setSpacing(0);
    box->addWidget(head_);
    empty_->setProperty("role", QStringLiteral("secondary"));
    empty_->setObjectName(empty);
    setPadding(*empty_, {panelPad(), panelPad(), panelPad(), panelPad()});
    box->addWidget(empty_, 0, Qt::AlignTop);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setWidgetResizable(true);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll_->setFocusPolicy(Qt::NoFocus);
    auto* const content = new QWidget;
    content->setAutoFillBackground(true);
    content->setBackgroundRole(QPalette::Base);
    auto* const all = new QVBoxLayout(content);
    all->setContentsMargins(0, 0, 0, 0);
    all->setSpacing(0);
    sections_ = new QVBoxLayout;
    sections_->setSpacing(0);
    all->addLayout(sections_);
    all->addStretch(1);
    scroll_->setWidget(content);
    content->installEventFilter(this);
    box->addWidget(scroll_, 1);
    setAccessibleName(name);
}

bool DetailPanel::eventFilter(QObject* watched, QEvent* event)
{
    if (event->type() == QEvent::LayoutRequest && watched == scroll_->widget())
        closeGaps();
    return Panel::eventFilter(watched, event);
}

/// The margins of a layout stay where all that is in it is hidden.
void DetailPanel::closeGaps()
{
    for (int i = 0; i < sections_->count(); ++i) {
        QLayout* const part = sections_->itemAt(i)->layout();
        if (!part)
            continue;
        const QMargins whole = margins_.try_emplace(part, part->contentsMargins()).first->second;
        const QMargins wanted = part->isEmpty() ? QMargins() : whole;
        if (part->contentsMargins() != wanted)
            part->setContentsMargins(wanted);
    }
}

QSize DetailPanel::sizeHint() const
{
    return Theme::current().scaled(QSize(336, 600));
}

QLabel* DetailPanel::prose()
{
    auto* const label = new QLabel(this);
    label->setTextFormat(Qt::PlainText);
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    // A word without end must not make the panel wider than it is.
    label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    aging_.push_back(label);
    return label;
}

SectionHead* DetailPanel::addHead(const QString& title)
{
    auto* const head = new SectionHead(title, this);
    sections_->addWidget(head);
    return head;
}

/// No QFormLayout: of rows that were hidden it (Qt 6.4) keeps where they were, and writes there, be
/// that past its end.
QGridLayout* DetailPanel::addForm()
{
    auto* const form = new QGridLayout;
    form->setContentsMargins(panelPad(), Theme::current().scaled(8), panelPad(),
                             Theme::current().scaled(10));
    form->setHorizontalSpacing(Theme::current().scaled(8));
    form->setVerticalSpacing(Theme::current().scaled(4));
    form->setColumnStretch(1, 1);
    sections_->addLayout(form);
    return form;
}

void DetailPanel::addRow(QGridLayout* form, QWidget* caption, QWidget* value)
{
    const int row = form->rowCount();
    form->addWidget(caption, row, 0, Qt::AlignTop);
    form->addWidget(value, row, 1, Qt::AlignTop);
}

std::pair<QLabel*, QLabel*> DetailPanel::addField(QGridLayout* form, const QString& caption,
                                                  bool mono)
{
    auto* const name = new QLabel(caption, this);
    name->setProperty("role", QStringLiteral("caption"));
    name->setMinimumWidth(Theme::current().scaled(80));
    QLabel* const value = prose();
    if (mono)
        value->setFont(Theme::current().mono(12));
    value->setProperty(fieldProperty, mono ? 2 : 1);
    // A label is named by its text, which is the value here.
    value->setAccessibleDescription(caption);
    name->setBuddy(value);
    addRow(form, name, value);
    return {name, value};
}

void DetailPanel::showField(QWidget* caption, QWidget* value, bool on)
{
    caption->setVisible(on);
    value->setVisible(on);
}

void DetailPanel::addPadded(QWidget* content)
{
    auto* const frame = new QVBoxLayout;
    frame->setContentsMargins(panelPad(), Theme::current().scaled(8), panelPad(),
                              Theme::current().scaled(10));
    frame->addWidget(content);
    sections_->addLayout(frame);
}

void DetailPanel::addButton(QPushButton* button)
{
    auto* const row = new QHBoxLayout;
    row->setContentsMargins(panelPad(), 0, panelPad(), Theme::current().scaled(10));
    row->addWidget(button);
    row->addStretch(1);
    sections_->addLayout(row);
}

QPlainTextEdit* DetailPanel::addStatement()
{
    auto* const edit = new QPlainTextEdit(this);
    edit->setReadOnly(true);
    edit->setFont(Theme::current().mono(12));
    edit->setLineWrapMode(QPlainTextEdit::WidgetWidth);
    edit->setTabChangesFocus(true);
    edit->setFrameShape(QFrame::NoFrame);
    edit->setAccessibleName(tr("Statement"));
    edit->setPlaceholderText(Formatter::notReported()); // no statement, so no words of SQL
    edit->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    new SqlHighlighter(edit->document());
    aging_.push_back(edit->viewport());
    addPadded(edit);
    setStatement(edit, QString());
    return edit;
}

void DetailPanel::setStatement(QPlainTextEdit* edit, const QString& text)
{
    const bool sized = edit->minimumHeight() == edit->maximumHeight();
    if (sized && edit->toPlainText() == text)
        return;
    edit->setPlainText(text);
    constexpr qsizetype charactersALine = 38;
    const auto lines = std::clamp(text.size() / charactersALine + text.count(QLatin1Char('\n')) + 1,
                                  qsizetype{2}, qsizetype{10});
    edit->setFixedHeight(static_cast<int>(lines) * QFontMetrics(edit->font()).lineSpacing() + 12);
}

void DetailPanel::addFoot(const std::vector<QPushButton*>& commands, const QString& reasonName)
{
    footLine_ = new QFrame(this);
    footLine_->setFixedHeight(1);
    footLine_->setAutoFillBackground(true);
    footLine_->setBackgroundRole(QPalette::Mid);
    foot_ = new QWidget(this);
    auto* const foot = new QVBoxLayout(foot_);
    foot->setContentsMargins(panelPad(), Theme::current().scaled(10), panelPad(),
                             Theme::current().scaled(10));
    foot->setSpacing(Theme::current().scaled(6));
    auto* const buttons = new QHBoxLayout;
    buttons->setSpacing(Theme::current().scaled(8));
    for (QPushButton* const command : commands)
        buttons->addWidget(command);
    buttons->addStretch(1);
    foot->addLayout(buttons);
    result_ = prose();
    aging_.pop_back(); // what became of a command, and why none can be given, is never old
    result_->setObjectName(QStringLiteral("commandResult"));
    result_->hide();
    foot->addWidget(result_);
    reason_ = prose();
    aging_.pop_back();
    reason_->setProperty("role", QStringLiteral("caption"));
    reason_->setObjectName(reasonName);
    foot->addWidget(reason_);
    auto* const box = static_cast<QVBoxLayout*>(layout());
    box->addWidget(footLine_);
    box->addWidget(foot_);
}

void DetailPanel::showSections()
{
    empty_->hide();
    for (QWidget* const part : {static_cast<QWidget*>(head_), static_cast<QWidget*>(scroll_),
                                static_cast<QWidget*>(footLine_), foot_}) {
        if (part) // a foot is for those with commands
            part->show();
    }
}

void DetailPanel::showNothing(const QString& words)
{
    setTextOnce(empty_, words);
    for (QWidget* const part : {static_cast<QWidget*>(head_), static_cast<QWidget*>(scroll_),
                                static_cast<QWidget*>(footLine_), foot_}) {
        if (part)
            part->hide();
    }
    empty_->show();
}

void DetailPanel::setReason(const QString& words)
{
    setTextOnce(reason_, words);
    reason_->setVisible(!words.isEmpty());
}

void DetailPanel::setResult(const QString& words)
{
    setTextOnce(result_, words);
    result_->setVisible(!words.isEmpty());
}

void DetailPanel::setOld(bool old)
{
    head_->setOld(old);
    for (QWidget* const part : aging_)
        part->setForegroundRole(old ? QPalette::PlaceholderText : QPalette::WindowText);
}

void DetailPanel::setTextOnce(QLabel* label, const QString& text)
{
    if (label->text() == text)
        return;
    label->setText(text);
    showMissing(*label, text == Formatter::notReported());
    const QStringList words = text.split(QRegularExpression(QStringLiteral("\\s")));
    const bool cut = std::any_of(words.begin(), words.end(), [](const QString& word) {
        constexpr qsizetype fits = 28;
        return word.size() > fits;
    });
    label->setToolTip(cut ? plainToolTip(text) : QString());
}

} // namespace poolscope
