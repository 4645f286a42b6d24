// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/sessiondetail.h"

#include "ui/charts/pastlane.h"
#include "ui/theme/theme.h"
#include "ui/views/commandgate.h"
#include "ui/views/detailhead.h"
#include "ui/views/sessiondetail_p.h"
#include "ui/views/sqlhighlighter.h"

#include <QFormLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPointer>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

namespace poolscope {

using namespace detail;

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

SessionDetail::SessionDetail(ViewContext& context, std::shared_ptr<SessionStore> store,
                             QWidget* parent)
    : Panel(parent)
    , context_(context)
    , store_(std::move(store))
{
    auto* const box = new QVBoxLayout(this);
    box->setContentsMargins(1, 1, 1, 1);
    box->setSpacing(0);
    head_ = new DetailHead(this);
    box->addWidget(head_);
    empty_ = proseLabel(this);
    empty_->setText(tr("Select a session to see its statement, its past and what it holds."));
    empty_->setProperty("role", QStringLiteral("secondary"));
    const int pad = Theme::current().scaled(metrics::panelPadding);
    empty_->setContentsMargins(pad, pad, pad, pad);
    box->addWidget(empty_);
    scroll_ = new QScrollArea(this);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setWidgetResizable(true);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll_->setFocusPolicy(Qt::NoFocus);
    auto* const content = new QWidget;
    content->setAutoFillBackground(true);
    content->setBackgroundRole(QPalette::Base);
    sections_ = new QVBoxLayout(content);
    sections_->setContentsMargins(0, 0, 0, 0);
    sections_->setSpacing(0);
    makeSections(sections_);
    sections_->addStretch(1);
    scroll_->setWidget(content);
    box->addWidget(scroll_, 1);
    makeFoot(box);
    setAccessibleName(tr("Session details"));
    show({}, context.workspace().transport());
}

QSize SessionDetail::sizeHint() const
{
    return {Theme::current().scaled(336), 600};
}

QLabel* SessionDetail::field(QFormLayout* form, const QString& caption, bool mono)
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
    return value;
}

void SessionDetail::makeSections(QVBoxLayout* box)
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    const auto padded = [&](QWidget* widget) {
        auto* const frame = new QVBoxLayout;
        frame->setContentsMargins(pad, 8, pad, 10);
        frame->addWidget(widget);
        box->addLayout(frame);
    };
    evidenceHead_ = new SectionHead(tr("Suspected leak"), this);
    box->addWidget(evidenceHead_);
    evidence_ = proseLabel(this);
    evidence_->setContentsMargins(pad, 8, pad, 10);
    box->addWidget(evidence_);

    sessionHead_ = new SectionHead(tr("Session"), this);
    box->addWidget(sessionHead_);
    auto* const form = new QFormLayout;
    form->setContentsMargins(pad, 8, pad, 10);
    form->setHorizontalSpacing(8);
    form->setVerticalSpacing(4);
    form->setRowWrapPolicy(QFormLayout::DontWrapRows);
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    const std::pair<Field, QString> names[] = {
        {user, tr("user")},     {database, tr("database")}, {application, tr("application")},
        {client, tr("client")}, {started, tr("started")},   {waitEvent, tr("wait event")},
        {holding, tr("holds")}, {xid, tr("xid")},           {xmin, tr("xmin")}};
    for (const auto& [id, name] : names)
        fields_[id] = field(form, name, id == client || id == started || id == xid || id == xmin);
    box->addLayout(form);

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
    padded(statement_);

    pastHead_ = new SectionHead(tr("Past"), this);
    pastHead_->setCaption(tr("of this session"));
    box->addWidget(pastHead_);
    past_ = new PastLane(this);
    padded(past_);

    blocksHead_ = new SectionHead(tr("Blocking"), this);
    box->addWidget(blocksHead_);
    blocks_ = proseLabel(this);
    blocker_ = new QPushButton(this);
    connect(blocker_, &QPushButton::clicked, this, [this] {
        if (blockerKey_)
            context_.select(*blockerKey_);
    });
    padded(blocks_);
    auto* const go = new QHBoxLayout;
    go->setContentsMargins(pad, 0, pad, 10);
    go->addWidget(blocker_);
    go->addStretch(1);
    box->addLayout(go);
}

void SessionDetail::makeFoot(QVBoxLayout* box)
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    foot_ = new QWidget(this);
    auto* const foot = new QVBoxLayout(foot_);
    foot->setContentsMargins(pad, 10, pad, 10);
    foot->setSpacing(6);
    auto* const buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    cancel_ = new QPushButton(tr("Cancel statement…"), this);
    terminate_ = new QPushButton(tr("Terminate…"), this);
    cancel_->setObjectName(QStringLiteral("cancelStatement"));
    terminate_->setObjectName(QStringLiteral("terminateSession"));
    buttons->addWidget(cancel_);
    buttons->addWidget(terminate_);
    buttons->addStretch(1);
    foot->addLayout(buttons);
    reason_ = proseLabel(this);
    reason_->setProperty("role", QStringLiteral("caption"));
    reason_->setObjectName(QStringLiteral("commandReason"));
    foot->addWidget(reason_);
    connect(cancel_, &QPushButton::clicked, this,
            [this] { emit commandWanted(ActionVerb::cancel); });
    connect(terminate_, &QPushButton::clicked, this,
            [this] { emit commandWanted(ActionVerb::terminate); });
    footLine_ = new QFrame(this);
    footLine_->setFixedHeight(1);
    footLine_->setAutoFillBackground(true);
    footLine_->setBackgroundRole(QPalette::Mid);
    box->addWidget(footLine_);
    box->addWidget(foot_);
}

void SessionDetail::addSection(const QString& title, QWidget* content)
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    const int at = sections_->count() - 1;
    auto* const frame = new QVBoxLayout;
    frame->setContentsMargins(pad, 8, pad, 10);
    frame->addWidget(content);
    sections_->insertWidget(at, new SectionHead(title, this));
    sections_->insertLayout(at + 1, frame);
}

void SessionDetail::show(const std::vector<SessionKey>& sessions, const Transport& transport)
{
    sessions_ = sessions;
    const SessionRow* const row = sessions.empty() ? nullptr : store_->find(sessions.front());
    head_->setVisible(row);
    const bool left = !sessions.empty() && !row;
    setTextOnce(empty_, left ? tr("This session has left.")
                             : tr("Select a session to see its statement, its past and what it "
                                  "holds."));
    empty_->setVisible(!row);
    scroll_->setVisible(row);
    foot_->setVisible(row);
    footLine_->setVisible(row);
    if (!row) {
        if (layout()->count() > 0)
            static_cast<QVBoxLayout*>(layout())->setAlignment(empty_, Qt::AlignTop);
        return;
    }
    const Session& s = row->session;
    const SuspectedLeak* const leak = store_->suspicion(s.key);
    head_->setSession(QString::number(s.key.pid.value), s.state, Formatter::state(s.state),
                      s.state_since ? Formatter::ageCell(store_->age(s.key.target, *s.state_since))
                                    : QString(),
                      leak ? leak->severity : LeakSeverity::none);
    fillSession(*row, transport);
    fillStatement(*row);
    fillBlocking(*row);
    fillEvidence(s.key);
    showOld(s.key, transport);
    if (isVisible())
        askPast(s.key);
    updateFoot(transport);
}

void SessionDetail::askPast(const SessionKey& key)
{
    const Timestamp to = store_->now();
    // The lane is as wide as this panel: a second is less than a pixel.
    if (pastOf_ == key && to >= pastAt_ && to - pastAt_ < std::chrono::seconds{2})
        return;
    if (pastOf_ != key)
        past_->setSpans({}, to - std::chrono::minutes{10}, to);
    pastOf_ = key;
    pastAt_ = to;
    const Timestamp from = to - std::chrono::minutes{10};
    past_->setUtc(context_.utc());
    context_.workspace().past(
        key, from, to, [self = QPointer<SessionDetail>(this), key, from, to](const auto& states) {
            if (!self || self->pastOf_ != key)
                return;
            std::vector<PastLane::Span> spans;
            for (const auto& state : states)
                spans.push_back({state.from, state.state});
            self->past_->setSpans(std::move(spans), from, to);
        });
}

void SessionDetail::updateFoot(const Transport& transport)
{
    std::vector<SessionRow> rows;
    for (const SessionKey& key : sessions_) {
        if (const SessionRow* const row = store_->find(key))
            rows.push_back(*row);
    }
    const std::size_t selected = rows.size();
    rows = commandable(rows);
    const Formatter format(context_.utc());
    const QString noCancel = commandObstacle(ActionVerb::cancel, rows, *store_, transport, format);
    const QString noEnd = commandObstacle(ActionVerb::terminate, rows, *store_, transport, format);
    cancel_->setEnabled(noCancel.isEmpty());
    terminate_->setEnabled(noEnd.isEmpty());
    const QString many = rows.size() > 1 ? QString::number(rows.size()) : QString();
    cancel_->setText(many.isEmpty() ? tr("Cancel statement…") : tr("Cancel %1…").arg(many));
    terminate_->setText(many.isEmpty() ? tr("Terminate…") : tr("Terminate %1…").arg(many));
    QString reason = noEnd.isEmpty() ? noCancel : noEnd;
    if (rows.size() < selected)
        reason = (tr("%1 of %2 are Poolscope's own or the server's workers and stay out. ")
                      .arg(selected - rows.size())
                      .arg(selected) +
                  reason)
                     .trimmed();
    setTextOnce(reason_, reason);
    reason_->setVisible(!reason.isEmpty());
}

} // namespace poolscope
