// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/sessiondetail.h"

#include "ui/charts/pastlane.h"
#include "ui/theme/theme.h"
#include "ui/views/commandgate.h"
#include "ui/views/detailhead.h"
#include "ui/views/sqlhighlighter.h"

#include <QFormLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPointer>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include <map>

namespace poolscope {

namespace {

enum Field { user, database, application, client, started, waitEvent, holding, xid, xmin, type };

QLabel* proseLabel(QWidget* parent)
{
    auto* const label = new QLabel(parent);
    label->setTextFormat(Qt::PlainText);
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    return label;
}

void setTextOnce(QLabel* label, const QString& text)
{
    if (label->text() != text)
        label->setText(text);
}

QString named(const Text& text)
{
    return text.is_null() ? Formatter::notReported() : Formatter::line(text.str(), 300);
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
    value->setAccessibleName(caption);
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
        const SessionRow* const row = sessions_.empty() ? nullptr : store_->find(sessions_.front());
        if (!row || row->session.blocked_by.empty())
            return;
        if (const SessionRow* const b =
                store_->find(row->session.key.target, row->session.blocked_by.front()))
            context_.select(b->session.key);
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
    auto* const line = new QFrame(this);
    line->setFixedHeight(1);
    line->setAutoFillBackground(true);
    line->setBackgroundRole(QPalette::Mid);
    box->addWidget(line);
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
    if (isVisible())
        askPast(s.key);
    updateFoot(transport);
}

void SessionDetail::fillSession(const SessionRow& row, const Transport& transport)
{
    const Session& s = row.session;
    const Formatter format(context_.utc());
    sessionHead_->setCaption(
        transport.mode == Mode::live
            ? (store_->targets().size() > 1 && store_->target(s.key.target)
                   ? Formatter::line(store_->target(s.key.target)->info.name, 60)
                   : QString())
            : tr("as of %1").arg(format.instant(store_->now(), store_->now())));
    setTextOnce(fields_[user], named(s.user));
    setTextOnce(fields_[database], named(s.database));
    setTextOnce(fields_[application], s.application.empty() && !s.application.is_null()
                                          ? tr("no name")
                                          : named(s.application));
    setTextOnce(fields_[client], named(s.client));
    const bool known = to_us(s.key.started) != 0;
    setTextOnce(fields_[started], known ? format.instantExact(s.key.started, store_->now())
                                        : Formatter::notReported());
    fields_[started]->setToolTip(known ? Formatter::iso(s.key.started) : QString());
    setTextOnce(fields_[waitEvent],
                s.wait_event.empty() ? tr("none") : Formatter::line(s.wait_event.str(), 200));
    setTextOnce(fields_[holding], holds(s.key));
    setTextOnce(fields_[xid], s.xid ? QString::number(*s.xid) : tr("none"));
    QString oldest = s.xmin ? QString::number(*s.xmin) : tr("none");
    const TargetSummary* const target = store_->target(s.key.target);
    if (s.xmin && target && target->next_xid)
        oldest += tr("  (%1 transactions old)")
                      .arg(Formatter::count(xid_age(*s.xmin, *target->next_xid)));
    setTextOnce(fields_[xmin], oldest);
}

QString SessionDetail::holds(const SessionKey& key) const
{
    const TargetSummary* const target = store_->target(key.target);
    const auto found = target ? target->locks.find(key.pid) : decltype(target->locks.end()){};
    if (!target || found == target->locks.end())
        return tr("read for blockers and suspects only");
    // One line a relation: modes of one table belong together.
    std::map<QString, QStringList> held;
    for (const Lock& lock : found->second) {
        if (!lock.granted || lock.type == "virtualxid")
            continue;
        const QString what =
            Formatter::line(lock.relation.empty() ? lock.type : lock.relation, 100);
        QStringList& modes = held[what];
        const QString mode = Formatter::line(lock.mode, 60);
        if (!modes.contains(mode))
            modes += mode;
    }
    QStringList lines;
    for (const auto& [what, modes] : held) {
        if (lines.size() == 8) {
            lines += tr("and %1 more").arg(held.size() - 8);
            break;
        }
        lines += what + QStringLiteral(": ") + modes.join(QStringLiteral(", "));
    }
    return lines.isEmpty() ? tr("nothing") : lines.join(QLatin1Char('\n'));
}

void SessionDetail::fillStatement(const SessionRow& row)
{
    const Session& s = row.session;
    const Formatter format(context_.utc());
    const bool runs = s.state == SessionState::active || s.state == SessionState::waiting;
    QString caption = runs ? tr("running") : tr("last");
    if (runs && s.statement_since)
        caption = tr("running for %1")
                      .arg(Formatter::ageProse(store_->age(s.key.target, *s.statement_since)));
    else if (!runs && s.state_since)
        caption = tr("last, ended %1").arg(format.instantExact(*s.state_since, store_->now()));
    statementHead_->setCaption(caption);
    const QString text =
        s.statement.is_null() ? Formatter::notReported() : Formatter::text(s.statement.str());
    if (statement_->toPlainText() != text) {
        statement_->setPlainText(text);
        const int lines = std::clamp(static_cast<int>(text.size()) / 38 +
                                         static_cast<int>(text.count(QLatin1Char('\n'))) + 1,
                                     2, 10);
        statement_->setFixedHeight(lines * QFontMetrics(statement_->font()).lineSpacing() + 12);
    }
}

void SessionDetail::fillBlocking(const SessionRow& row)
{
    const Session& s = row.session;
    QStringList lines;
    if (row.blocks > 0) {
        std::map<QString, int> names;
        for (const SessionKey& key : store_->waitingFor(s.key)) {
            if (const SessionRow* const waiter = store_->find(key)) {
                const Text& name = waiter->session.application.empty()
                                       ? waiter->session.user
                                       : waiter->session.application;
                ++names[Formatter::line(name.str(), 60)];
            }
        }
        QStringList parts;
        int direct = 0;
        for (const auto& [name, n] : names) {
            direct += n;
            parts += QStringLiteral("%1 %2").arg(QString::number(n),
                                                 name.isEmpty() ? tr("without a name") : name);
        }
        lines += tr("Waiting for it: %1.").arg(parts.join(QStringLiteral(", ")));
        if (row.blocks > direct)
            lines += tr("%1 more wait behind those.").arg(row.blocks - direct);
    }
    QStringList pids;
    for (const Pid pid : s.blocked_by)
        pids += pid.value == 0 ? tr("a prepared transaction") : QString::number(pid.value);
    if (!pids.isEmpty())
        lines += tr("It waits for %1.").arg(pids.join(QStringLiteral(", ")));
    blocksHead_->setTitle(row.blocks > 0 ? tr("Blocks %1").arg(Formatter::count(row.blocks))
                                         : tr("Blocked by"));
    const bool any = !lines.isEmpty();
    blocksHead_->setVisible(any);
    blocks_->setVisible(any);
    setTextOnce(blocks_, lines.join(QLatin1Char('\n')));
    const bool go = !s.blocked_by.empty() && s.blocked_by.front().value != 0 &&
                    store_->find(s.key.target, s.blocked_by.front());
    blocker_->setVisible(go);
    if (go)
        blocker_->setText(tr("Go to %1").arg(s.blocked_by.front().value));
}

void SessionDetail::fillEvidence(const SessionKey& key)
{
    QStringList lines;
    for (const std::string& sentence : store_->evidence(key))
        lines += Formatter::line(sentence);
    evidenceHead_->setVisible(!lines.isEmpty());
    evidence_->setVisible(!lines.isEmpty());
    const SuspectedLeak* const leak = store_->suspicion(key);
    evidenceHead_->setCaption(leak ? Formatter::severity(leak->severity) : QString());
    setTextOnce(evidence_, lines.join(QLatin1Char('\n')));
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
