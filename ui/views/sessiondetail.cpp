// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/sessiondetail.h"

#include "ui/charts/pastlane.h"
#include "ui/models/joined.h"
#include "ui/theme/panel.h"
#include "ui/theme/theme.h"
#include "ui/views/commandgate.h"
#include "ui/views/detailhead.h"
#include "ui/views/joinmark.h"
#include "ui/views/linkbutton.h"
#include "ui/views/sessiondetail_p.h"

#include <QGridLayout>
#include <QPointer>
#include <QPushButton>
#include <QVBoxLayout>

namespace poolscope {

using namespace detail;

SessionDetail::SessionDetail(ViewContext& context, std::shared_ptr<SessionStore> store,
                             QWidget* parent)
    : DetailPanel(tr("Session details"), QStringLiteral("sessionEmpty"), parent)
    , context_(context)
    , store_(std::move(store))
{
    makeSections();
    makeCommands();
    show({}, context.workspace().transport());
}

void SessionDetail::makeSections()
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    evidenceHead_ = addHead(tr("Suspected leak"));
    evidence_ = prose();
    setPadding(*evidence_, {pad, Theme::current().scaled(8), pad, Theme::current().scaled(10)});
    sections()->addWidget(evidence_);

    sessionHead_ = addHead(tr("Session"));
    QGridLayout* const form = addForm();
    const std::pair<Field, QString> names[] = {
        {user, tr("user")},     {database, tr("database")}, {application, tr("application")},
        {client, tr("client")}, {started, tr("started")},   {waitEvent, tr("wait event")},
        {holding, tr("holds")}, {xid, tr("xid")},           {xmin, tr("xmin")}};
    for (const auto& [id, name] : names)
        fields_[id] =
            addField(form, name, id == client || id == started || id == xid || id == xmin).second;

    makeCheckout();
    statementHead_ = addHead(tr("Statement"));
    statement_ = addStatement();
    makeBlocking();
    pastHead_ = addHead(tr("Past"));
    pastHead_->setCaption(tr("of this session"));
    past_ = new PastLane(this);
    addPadded(past_);
}

void SessionDetail::makeCheckout()
{
    checkoutHead_ = addHead(tr("Checkout"));
    join_ = new JoinMark(this);
    join_->setObjectName(QStringLiteral("sessionJoin"));
    addPadded(join_);
    QGridLayout* const form = addForm();
    line_ = new LinkButton(this);
    line_->setObjectName(QStringLiteral("sessionLine"));
    line_->setFont(Theme::current().mono(12));
    line_->setElide(Qt::ElideLeft); // the number of the line stays
    line_->setAccessibleDescription(tr("acquired at"));
    lineCaption_ = new QLabel(tr("acquired at"), this);
    lineCaption_->setProperty("role", QStringLiteral("caption"));
    lineCaption_->setMinimumWidth(Theme::current().scaled(80));
    lineCaption_->setBuddy(line_);
    addRow(form, lineCaption_, line_);
    const std::pair<CheckoutField, QString> names[] = {{checkoutPool, tr("pool")},
                                                       {checkoutBy, tr("acquired by")},
                                                       {checkoutTags, tr("tags")},
                                                       {checkoutTrace, tr("trace")}};
    for (const auto& [id, name] : names)
        checkoutFields_.push_back(addField(form, name, id == checkoutTrace));
    toCheckout_ = new QPushButton(this);
    toCheckout_->setObjectName(QStringLiteral("toCheckout"));
    toCheckout_->setToolTip(tr("J"));
    toCheckout_->hide();
    const auto go = [this] {
        const auto there =
            sessions_.empty() ? std::nullopt : checkoutOf(*store_, sessions_.front());
        if (there)
            context_.showCheckout(*there);
    };
    connect(line_, &QPushButton::clicked, this, go);
    connect(toCheckout_, &QPushButton::clicked, this, go);
    addButton(toCheckout_);
}

void SessionDetail::makeBlocking()
{
    blocksHead_ = addHead(tr("Blocking"));
    blocks_ = prose();
    blocks_->setObjectName(QStringLiteral("sessionBlocking"));
    blocker_ = new QPushButton(this);
    blocker_->setToolTip(tr("B"));
    connect(blocker_, &QPushButton::clicked, this, [this] {
        if (blockerKey_)
            context_.select(*blockerKey_);
    });
    rootLine_ = new QPushButton(this);
    rootLine_->setObjectName(QStringLiteral("toRootLine"));
    connect(rootLine_, &QPushButton::clicked, this, [this] {
        if (rootCheckout_)
            context_.showCheckout(*rootCheckout_);
    });
    addPadded(blocks_);
    addButton(rootLine_);
    addButton(blocker_);
}

void SessionDetail::makeCommands()
{
    cancel_ = new QPushButton(tr("Cancel statement…"), this);
    terminate_ = new QPushButton(tr("Terminate…"), this);
    cancel_->setObjectName(QStringLiteral("cancelStatement"));
    terminate_->setObjectName(QStringLiteral("terminateSession"));
    connect(cancel_, &QPushButton::clicked, this,
            [this] { emit commandWanted(ActionVerb::cancel); });
    connect(terminate_, &QPushButton::clicked, this,
            [this] { emit commandWanted(ActionVerb::terminate); });
    addFoot({cancel_, terminate_}, QStringLiteral("commandReason"));
}

void SessionDetail::show(const std::vector<SessionKey>& sessions, const Transport& transport)
{
    sessions_ = sessions;
    const SessionRow* const row = sessions.empty() ? nullptr : store_->find(sessions.front());
    if (sessions.empty()) {
        showNothing(tr("Select a session to see its statement, its past and what it holds."));
        return;
    }
    const QString result =
        resultWords(store_->lastAction(sessions.front()), store_->now(), Formatter(context_.utc()));
    setResult(result);
    if (!row) {
        const QString left = tr("Session %1 has left.").arg(sessions.front().pid.value);
        showNothing(result.isEmpty() ? left : left + QLatin1Char('\n') + result);
        return;
    }
    showSections();
    const Session& s = row->session;
    const SuspectedLeak* const leak = store_->suspicion(s.key);
    head().setSession(QString::number(s.key.pid.value), s.state, Formatter::state(s.state),
                      s.state_since ? Formatter::ageCell(store_->age(s.key.target, *s.state_since))
                                    : QString(),
                      leak ? leak->severity : LeakSeverity::none);
    fillSession(*row, transport);
    fillCheckout(s.key);
    fillStatement(*row);
    fillBlocking(*row);
    fillEvidence(s.key);
    showOld(s.key, transport);
    if (isVisible()) {
        askPast(s.key);
        askLocks(s.key);
    }
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

void SessionDetail::askLocks(const SessionKey& key)
{
    if (std::exchange(locksOf_, key) != key)
        context_.workspace().lookAt({key});
}

void SessionDetail::updateFoot(const Transport& transport)
{
    std::vector<SessionRow> rows;
    for (const SessionKey& key : sessions_) {
        if (const SessionRow* const row = store_->find(key))
            rows.push_back(*row);
    }
    const std::size_t selected = rows.size();
    rows = commandable(rows, *store_);
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
        reason = (tr("%1 of %2 stay out: Poolscope's own, the server's workers, or what the role "
                     "may not signal. ")
                      .arg(selected - rows.size())
                      .arg(selected) +
                  reason)
                     .trimmed();
    setReason(reason);
}

} // namespace poolscope
