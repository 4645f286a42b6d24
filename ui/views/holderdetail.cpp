// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/holderdetail.h"

#include "ui/charts/pastlane.h"
#include "ui/models/joined.h"
#include "ui/models/placewords.h"
#include "ui/theme/panel.h"
#include "ui/theme/theme.h"
#include "ui/views/commandgate.h"
#include "ui/views/framelist.h"
#include "ui/views/joinmark.h"

#include <QClipboard>
#include <QFileDialog>
#include <QGridLayout>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace poolscope {

HolderDetail::HolderDetail(ViewContext& context, std::shared_ptr<SessionStore> store,
                           QWidget* parent)
    : DetailPanel(tr("Details of the holder"), QStringLiteral("holderEmpty"), parent)
    , context_(context)
    , store_(std::move(store))
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    evidence_ = prose();
    evidence_->setObjectName(QStringLiteral("holderEvidence"));
    setPadding(*evidence_, {pad, Theme::current().scaled(2), pad, Theme::current().scaled(10)});
    sections()->addWidget(evidence_);
    makeStack();
    makeForms();
    makePast();
    reclaim_ = new QPushButton(tr("Reclaim connection…"), this);
    reclaim_->setObjectName(QStringLiteral("reclaimConnection"));
    connect(reclaim_, &QPushButton::clicked, this, &HolderDetail::reclaimWanted);
    addFoot({reclaim_}, QStringLiteral("reclaimReason"));
    show({}, {}, context.workspace().transport());
}

void HolderDetail::makeStack()
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    stackHead_ = addHead(tr("Acquire stack"));
    stack_ = new FrameList(this);
    sections()->addWidget(stack_);
    noStack_ = prose();
    noStack_->setProperty("role", QStringLiteral("caption"));
    setPadding(*noStack_, {pad, Theme::current().scaled(8), pad, Theme::current().scaled(8)});
    sections()->addWidget(noStack_);
    auto* const row = new QHBoxLayout;
    row->setContentsMargins(pad, Theme::current().scaled(8), pad, Theme::current().scaled(10));
    row->setSpacing(Theme::current().scaled(8));
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
    sections()->addLayout(row);
    openWords_ = prose();
    openWords_->setProperty("role", QStringLiteral("caption"));
    openWords_->setObjectName(QStringLiteral("openWords"));
    setPadding(*openWords_, {pad, 0, pad, Theme::current().scaled(10)});
    openWords_->hide();
    folder_->hide();
    editor_->hide();
    sections()->addWidget(openWords_);
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

QLabel* HolderDetail::field(QGridLayout* form, Field id, const QString& caption, bool mono)
{
    const auto at = static_cast<std::size_t>(id);
    if (fields_.size() <= at)
        fields_.resize(at + 1);
    fields_.at(at) = addField(form, caption, mono);
    return fields_.at(at).second;
}

void HolderDetail::makeForms()
{
    whoHead_ = addHead(tr("Acquired by, tags"));
    QGridLayout* const who = addForm();
    field(who, acquiredBy, tr("acquired by"), false)
        ->setObjectName(QStringLiteral("holderAcquiredBy"));
    field(who, tags, tr("tags"), false)->setObjectName(QStringLiteral("holderTags"));
    field(who, thread, tr("thread"), true);
    field(who, trace, tr("trace"), true);
    field(who, wait, tr("waited"), true);
    field(who, expected, tr("expected"), true);
    field(who, beat, tr("last alive"), true);
    serverHead_ = addHead(tr("Server session"));
    join_ = new JoinMark(this);
    join_->setObjectName(QStringLiteral("holderJoin"));
    addPadded(join_);
    QGridLayout* const server = addForm();
    field(server, state, tr("state"), false)->setObjectName(QStringLiteral("holderState"));
    field(server, candidates, tr("one of"), true)
        ->setObjectName(QStringLiteral("holderCandidates"));
    field(server, through, tr("through"), false)->setObjectName(QStringLiteral("holderThrough"));
    field(server, locks, tr("holds"), false)->setObjectName(QStringLiteral("holderLocks"));
    field(server, pid, tr("server pid"), true)->setObjectName(QStringLiteral("holderPid"));
    field(server, port, tr("from port"), true);
    field(server, connection, tr("connection"), true);
    toSession_ = new QPushButton(this);
    toSession_->setObjectName(QStringLiteral("toSession"));
    toSession_->setToolTip(tr("J"));
    toSession_->hide();
    connect(toSession_, &QPushButton::clicked, this, &HolderDetail::goToSession);
    addButton(toSession_);
    statementHead_ = addHead(tr("Statement"));
    statement_ = addStatement();
    behindHead_ = addHead(tr("Blocked behind it"));
    behind_ = prose();
    behind_->setObjectName(QStringLiteral("holderBehind"));
    addPadded(behind_);
    toBlocking_ = new QPushButton(tr("Show on Blocking"), this);
    toBlocking_->setObjectName(QStringLiteral("toBlocking"));
    connect(toBlocking_, &QPushButton::clicked, this, [this] {
        const std::optional<SessionKey> there = session();
        if (!there)
            return;
        context_.navigate(QStringLiteral("blocking"));
        context_.select(there);
    });
    addButton(toBlocking_);
}

void HolderDetail::makePast()
{
    pastHead_ = addHead(tr("Past"));
    pastHead_->setCaption(tr("of this checkout"));
    past_ = new PastLane(this);
    past_->setAccessibleName(tr("Past of this checkout"));
    addPadded(past_);
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
    if (ofStatements_)
        reason = tr("Nothing to take back: a statement goes when the line above closes it, or with "
                    "its connection.");
    else if (keys.empty() && checkouts_.empty())
        reason = tr("None of them is suspected. Select a checkout to reclaim it all the same.");
    reclaim_->setEnabled(reason.isEmpty());
    const QString words = keys.size() > 1 ? tr("Reclaim %1…").arg(connections(std::ssize(keys)))
                                          : tr("Reclaim connection…");
    if (reclaim_->text() != words)
        reclaim_->setText(words);
    setReason(reason);
}

std::optional<SessionKey> HolderDetail::session() const
{
    return checkouts_.empty() ? std::nullopt : sessionOf(*store_, checkouts_.front());
}

void HolderDetail::goToSession()
{
    const std::optional<SessionKey> there = isHidden() ? std::nullopt : session();
    if (!there)
        return;
    // First the page: what is chosen on this one stays.
    context_.navigate(QStringLiteral("sessions"));
    context_.select(there);
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
    SourceOpener::open(*line, this, [this, of = openedOf_](const SourceOpener::Result& result) {
        if (openedOf_ == of)
            tellOpened(result);
    });
}

void HolderDetail::tellOpened(const SourceOpener::Result& result)
{
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
