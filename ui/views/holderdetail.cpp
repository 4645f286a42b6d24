// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/holderdetail.h"

#include "ui/models/placewords.h"
#include "ui/theme/theme.h"
#include "ui/views/commandgate.h"
#include "ui/views/detailhead.h"
#include "ui/views/framelist.h"
#include "ui/views/sessiondetail_p.h"
#include "ui/views/sourceopener.h"
#include "ui/views/sqlhighlighter.h"

#include <QClipboard>
#include <QFileDialog>
#include <QFormLayout>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

namespace poolscope {

using detail::setTextOnce;

namespace {

QLabel* proseLabel(QWidget* parent)
{
    auto* const label = new QLabel(parent);
    label->setTextFormat(Qt::PlainText);
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    return label;
}

} // namespace

HolderDetail::HolderDetail(ViewContext& context, std::shared_ptr<SessionStore> store,
                           QWidget* parent)
    : Panel(parent)
    , context_(context)
    , store_(std::move(store))
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    auto* const box = new QVBoxLayout(this);
    box->setContentsMargins(1, 1, 1, 1);
    box->setSpacing(0);
    head_ = new DetailHead(this);
    box->addWidget(head_);
    empty_ = proseLabel(this);
    empty_->setProperty("role", QStringLiteral("secondary"));
    empty_->setObjectName(QStringLiteral("holderEmpty"));
    empty_->setContentsMargins(pad, pad, pad, pad);
    box->addWidget(empty_, 0, Qt::AlignTop);
    scroll_ = new QScrollArea(this);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setWidgetResizable(true);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll_->setFocusPolicy(Qt::NoFocus);
    auto* const content = new QWidget;
    content->setAutoFillBackground(true);
    content->setBackgroundRole(QPalette::Base);
    auto* const sections = new QVBoxLayout(content);
    sections->setContentsMargins(0, 0, 0, 0);
    sections->setSpacing(0);
    evidence_ = proseLabel(this);
    evidence_->setObjectName(QStringLiteral("holderEvidence"));
    evidence_->setContentsMargins(pad, 2, pad, 10);
    sections->addWidget(evidence_);
    makeStack(sections);
    makeForms(sections);
    sections->addStretch(1);
    scroll_->setWidget(content);
    box->addWidget(scroll_, 1);
    makeFoot(box);
    setAccessibleName(tr("Details of the holder"));
    show({}, {}, context.workspace().transport());
}

QSize HolderDetail::sizeHint() const
{
    return {Theme::current().scaled(336), 600};
}

void HolderDetail::makeStack(QVBoxLayout* box)
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    stackHead_ = new SectionHead(tr("Acquire stack"), this);
    box->addWidget(stackHead_);
    stack_ = new FrameList(this);
    box->addWidget(stack_);
    noStack_ = proseLabel(this);
    noStack_->setText(tr("No acquire stack was taken."));
    noStack_->setProperty("role", QStringLiteral("caption"));
    noStack_->setContentsMargins(pad, 8, pad, 8);
    box->addWidget(noStack_);
    auto* const row = new QHBoxLayout;
    row->setContentsMargins(pad, 8, pad, 10);
    row->setSpacing(8);
    const auto button = [&](const QString& words, const QString& name, const QKeySequence& key) {
        auto* const made = new QPushButton(words, this);
        made->setObjectName(name);
        if (!key.isEmpty())
            made->setToolTip(
                QStringLiteral("%1 (%2)").arg(words, key.toString(QKeySequence::NativeText)));
        row->addWidget(made);
        return made;
    };
    copy_ = button(tr("Copy stack"), QStringLiteral("copyStack"), Qt::CTRL | Qt::SHIFT | Qt::Key_C);
    open_ = button(tr("Open line"), QStringLiteral("openLine"), Qt::CTRL | Qt::Key_E);
    folder_ = button(tr("Choose folder…"), QStringLiteral("chooseSources"), {});
    editor_ = button(tr("Set editor…"), QStringLiteral("chooseEditor"), {});
    row->addStretch(1);
    box->addLayout(row);
    openWords_ = proseLabel(this);
    openWords_->setProperty("role", QStringLiteral("caption"));
    openWords_->setObjectName(QStringLiteral("openWords"));
    openWords_->setContentsMargins(pad, 0, pad, 10);
    openWords_->hide();
    folder_->hide();
    editor_->hide();
    box->addWidget(openWords_);
    connect(copy_, &QPushButton::clicked, this, &HolderDetail::copyStack);
    connect(open_, &QPushButton::clicked, this, &HolderDetail::openLine);
    connect(stack_, &FrameList::openWanted, this, &HolderDetail::openLine);
    connect(stack_, &FrameList::copyWanted, this, &HolderDetail::copyStack);
    connect(editor_, &QPushButton::clicked, this, &HolderDetail::chooseEditor);
    connect(folder_, &QPushButton::clicked, this, [this] {
        const QString folder = QFileDialog::getExistingDirectory(
            this, tr("Folder that holds the sources"), SourceOpener::sources());
        if (!folder.isEmpty()) {
            SourceOpener::setSources(folder);
            openLine();
        }
    });
}

QLabel* HolderDetail::field(QFormLayout* form, Field id, const QString& caption, bool mono)
{
    auto* const name = new QLabel(caption, this);
    name->setProperty("role", QStringLiteral("caption"));
    name->setMinimumWidth(Theme::current().scaled(80));
    QLabel* const value = proseLabel(this);
    if (mono)
        value->setFont(Theme::current().mono(12));
    // A label is named by its text, which is the value here.
    value->setAccessibleDescription(caption);
    name->setBuddy(value);
    form->addRow(name, value);
    if (fields_.size() <= static_cast<std::size_t>(id))
        fields_.resize(static_cast<std::size_t>(id) + 1);
    fields_.at(static_cast<std::size_t>(id)) = {name, value};
    return value;
}

void HolderDetail::makeForms(QVBoxLayout* box)
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    const auto form = [&] {
        auto* const made = new QFormLayout;
        made->setContentsMargins(pad, 8, pad, 10);
        made->setHorizontalSpacing(8);
        made->setVerticalSpacing(4);
        made->setRowWrapPolicy(QFormLayout::DontWrapRows);
        made->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
        box->addLayout(made);
        return made;
    };
    whoHead_ = new SectionHead(tr("Acquired by, tags"), this);
    box->addWidget(whoHead_);
    QFormLayout* const who = form();
    field(who, acquiredBy, tr("acquired by"), false)
        ->setObjectName(QStringLiteral("holderAcquiredBy"));
    field(who, tags, tr("tags"), false)->setObjectName(QStringLiteral("holderTags"));
    field(who, thread, tr("thread"), true);
    field(who, trace, tr("trace"), true);
    field(who, wait, tr("waited"), true);
    field(who, expected, tr("expected"), true);
    field(who, beat, tr("last alive"), true);
    serverHead_ = new SectionHead(tr("Server session"), this);
    box->addWidget(serverHead_);
    QFormLayout* const server = form();
    field(server, pid, tr("server pid"), true)->setObjectName(QStringLiteral("holderPid"));
    field(server, port, tr("from port"), true);
    field(server, connection, tr("connection"), true);
    statementHead_ = new SectionHead(tr("Statement"), this);
    box->addWidget(statementHead_);
    statement_ = new QPlainTextEdit(this);
    statement_->setReadOnly(true);
    statement_->setFont(Theme::current().mono(12));
    statement_->setLineWrapMode(QPlainTextEdit::WidgetWidth);
    statement_->setTabChangesFocus(true);
    statement_->setFrameShape(QFrame::NoFrame);
    statement_->setAccessibleName(tr("Statement"));
    statement_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    new SqlHighlighter(statement_->document());
    auto* const frame = new QVBoxLayout;
    frame->setContentsMargins(pad, 8, pad, 10);
    frame->addWidget(statement_);
    box->addLayout(frame);
}

void HolderDetail::makeFoot(QVBoxLayout* box)
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    foot_ = new QWidget(this);
    auto* const foot = new QVBoxLayout(foot_);
    foot->setContentsMargins(pad, 10, pad, 10);
    foot->setSpacing(6);
    reclaim_ = new QPushButton(tr("Reclaim connection…"), this);
    reclaim_->setObjectName(QStringLiteral("reclaimConnection"));
    auto* const buttons = new QHBoxLayout;
    buttons->addWidget(reclaim_);
    buttons->addStretch(1);
    foot->addLayout(buttons);
    reason_ = proseLabel(this);
    reason_->setProperty("role", QStringLiteral("caption"));
    reason_->setObjectName(QStringLiteral("reclaimReason"));
    foot->addWidget(reason_);
    connect(reclaim_, &QPushButton::clicked, this, &HolderDetail::reclaimWanted);
    footLine_ = new QFrame(this);
    footLine_->setFixedHeight(1);
    footLine_->setAutoFillBackground(true);
    footLine_->setBackgroundRole(QPalette::Mid);
    box->addWidget(footLine_);
    box->addWidget(foot_);
}

std::vector<CheckoutKey> HolderDetail::reclaimable() const
{
    std::vector<CheckoutKey> keys;
    for (const CheckoutKey& key : checkouts_) {
        if (store_->checkout(key))
            keys.push_back(key);
    }
    if (!checkouts_.empty())
        return keys;
    if (const PlaceAt at = placeAt(*store_, place_)) {
        for (const Holder& holder : at.place->holders) {
            if (holder.severity != LeakSeverity::none)
                keys.push_back(holder.checkout);
        }
    }
    return keys;
}

void HolderDetail::updateFoot(const Transport& transport)
{
    const std::vector<CheckoutKey> keys = reclaimable();
    QString reason = reclaimObstacle(keys, *store_, transport, Formatter(context_.utc()));
    if (keys.empty() && checkouts_.empty())
        reason = tr("None of them is suspected. Select a checkout to reclaim it all the same.");
    reclaim_->setEnabled(reason.isEmpty());
    const QString words = keys.size() > 1 ? tr("Reclaim %1…").arg(connections(std::ssize(keys)))
                                          : tr("Reclaim connection…");
    if (reclaim_->text() != words)
        reclaim_->setText(words);
    setTextOnce(reason_, reason);
    reason_->setVisible(!reason.isEmpty());
}

bool HolderDetail::copyStack()
{
    if (!stack_->stack() || isHidden())
        return false;
    QGuiApplication::clipboard()->setText(stackText(stack_->stack().get()));
    return true;
}

void HolderDetail::openLine()
{
    const StackLine* const line = stack_->picked();
    if (!line || isHidden())
        return;
    openedOf_ = stack_->stack();
    const SourceOpener::Result result = SourceOpener::open(*line);
    using Outcome = SourceOpener::Outcome;
    setTextOnce(openWords_, result.sentence);
    openWords_->show();
    folder_->setVisible(result.outcome == Outcome::notFound);
    editor_->setVisible(result.outcome == Outcome::notText ||
                        result.outcome == Outcome::notStarted ||
                        (result.outcome == Outcome::opened && SourceOpener::editor().isEmpty()));
}

void HolderDetail::chooseEditor()
{
    bool given = false;
    const QString command = QInputDialog::getText(
        this, tr("Editor"), tr("Command that opens a line, such as \"code -g {file}:{line}\"."),
        QLineEdit::Normal, SourceOpener::editor(), &given);
    if (given)
        SourceOpener::setEditor(command);
}

} // namespace poolscope
