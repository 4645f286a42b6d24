// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/attachtest.h"

#include "core/source/registry.h"
#include "ui/dialogs/parts.h"
#include "ui/models/formatter.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QClipboard>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace poolscope {

namespace {
constexpr int patience_ms = 15000;
}

AttachTest::AttachTest(QWidget* parent)
    : QFrame(parent)
    , head_(parts::label(QString(), this))
{
    setFrameStyle(QFrame::Box | QFrame::Plain);
    setForegroundRole(QPalette::Mid); // the frame, in the dark, too
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(Theme::current().scaled(QMargins(12, 8, 12, 8)));
    layout->setSpacing(Theme::current().scaled(4));
    layout->addWidget(head_);
    body_ = new QVBoxLayout;
    body_->setSpacing(Theme::current().scaled(3));
    layout->addLayout(body_);
    layout->addStretch();
    head_->setProperty("role", QStringLiteral("secondary"));
    forget();
    patience_.setSingleShot(true);
    connect(&patience_, &QTimer::timeout, this, [this] {
        showTrouble(tr("No answer in %1 s.").arg(patience_ms / 1000),
                    tr("Check host and port, and whether a firewall drops the connection."));
        end(false);
    });
}

AttachTest::~AttachTest()
{
    stop();
}

void AttachTest::setSourceFactory(
    std::function<Result<std::unique_ptr<Source>>(TargetId, const AttachRequest&)> factory)
{
    options_.sourceFactory = std::move(factory);
}

void AttachTest::start(const AttachRequest& request)
{
    stop();
    clear();
    head_->setText(tr("waiting for an answer"));
    folder_ = std::make_shared<QTemporaryDir>();
    options_.temporaryFolder = folder_->path();
    options_.readOnly = true;
    workspace_ = new Workspace(options_);
    connect(workspace_, &Workspace::updated, this,
            [this](const UpdatePtr& update) { applied(*update); });
    connect(workspace_, &Workspace::secretRequired, this,
            [this](TargetId, const QString& sentence) {
                clear();
                const TargetFamily family = familyOf(target_);
                // The sentence says whether one is missing or was refused.
                addLine(Severity::warning,
                        family == TargetFamily::process   ? tr("The process is there.")
                        : family == TargetFamily::metrics ? tr("The endpoint is there.")
                                                          : tr("The server is there."),
                        sentence.left(300));
                addLine(Severity::info,
                        family == TargetFamily::process
                            ? tr("Attach asks for it; POOLSCOPE_TOKEN saves the question.")
                        : family == TargetFamily::metrics
                            ? tr("Attach asks for it; POOLSCOPE_METRICS_TOKEN saves the question.")
                        : family == TargetFamily::mysql
                            ? tr("Attach asks for it; ~/.my.cnf saves the question.")
                            : tr("Attach asks for it; ~/.pgpass saves the question."));
                end(false);
            });
    connect(workspace_, &Workspace::failed, this, [this](const Error& error) {
        showTrouble(QString::fromStdString(error.sentence),
                    QString::fromStdString(error.next_step));
        end(false);
    });
    target_ = withoutSecrets(request.target);
    since_.start();
    patience_.start(patience_ms);
    workspace_->attach(request);
}

void AttachTest::stop()
{
    patience_.stop();
    if (!workspace_)
        return;
    workspace_->disconnect(this);
    connect(workspace_, &QObject::destroyed, workspace_,
            [folder = folder_]() mutable { folder.reset(); });
    workspace_->letGo();
    workspace_ = nullptr;
}

void AttachTest::forget()
{
    stop();
    clear();
    head_->setText(tr("Test says what the server or the process answers, what may be seen, and "
                      "which grant is missing."));
}

void AttachTest::end(bool reached)
{
    stop();
    emit finished(reached);
}

void AttachTest::clear()
{
    lines_.clear();
    while (QLayoutItem* item = body_->takeAt(0)) {
        if (item->widget())
            item->widget()->deleteLater();
        delete item;
    }
}

void AttachTest::applied(const Update& update)
{
    if (update.targets.empty())
        return;
    const TargetSummary& target = update.targets.front();
    if (target.facts && target.last_sample) {
        showFacts(target);
        end(true);
    } else if (target.agent && target.last_sample) {
        showAgent(target);
        end(true);
    } else if (tellsPools(target) && target.last_sample &&
               (!target.pools.empty() || target.status.reach == Reach::up)) {
        showPools(target);
        end(true);
    } else if (target.status.reach == Reach::failing || target.status.reach == Reach::stopped) {
        showTrouble(QString::fromStdString(target.status.sentence),
                    QString::fromStdString(target.status.next_step));
        end(false);
    }
}

void AttachTest::showFacts(const TargetSummary& target)
{
    clear();
    const ServerFacts& facts = *target.facts;
    head_->setText(
        tr("Test of %1: answered in %2 ms")
            .arg(Formatter::line(target.info.name, 80), QString::number(since_.elapsed())));
    const bool ours = familyOf(target.info) == TargetFamily::postgresql;
    addLine(Severity::none,
            ours ? tr("PostgreSQL %1").arg(Formatter::line(facts.version, 60)) : productOf(target),
            facts.tls ? tr("over TLS") : tr("without TLS"));
    if (tellsPools(target))
        addPools(target);
    std::int64_t used = 0;
    for (const std::int32_t count : target.counts)
        used += count;
    if (facts.max_connections && !tellsPools(target))
        addLine(used >= *facts.max_connections - facts.reserved.value_or(0) ? Severity::warning
                                                                            : Severity::none,
                tr("%1 of %2 connections used")
                    .arg(Formatter::count(used), Formatter::count(*facts.max_connections)),
                facts.reserved ? tr("%1 reserved").arg(*facts.reserved) : QString());
    const QString role = tr("as %1").arg(Formatter::line(facts.role, 63));
    addLine(facts.sees_all ? Severity::none : Severity::warning,
            facts.sees_all ? tr("sees every session")
                           : tr("cannot see other users' states and statements"),
            role);
    addLine(facts.can_signal ? Severity::none : Severity::warning,
            facts.can_signal ? tr("may cancel and terminate sessions")
                             : tr("cannot end other users' sessions"));
    if (!facts.missing_grant.empty())
        addCode(Formatter::line(facts.missing_grant, 300));
}

void AttachTest::showAgent(const TargetSummary& target)
{
    clear();
    const AgentFacts& agent = *target.agent;
    head_->setText(
        tr("Test of %1: answered in %2 ms")
            .arg(Formatter::line(target.info.name, 80), QString::number(since_.elapsed())));
    const bool pooler = familyOf(target.info) == TargetFamily::bouncer;
    if (pooler)
        addLine(Severity::none, productOf(target));
    else
        addLine(Severity::none,
                tr("%1, pid %2 on %3")
                    .arg(Formatter::line(agent.process, 80), QString::number(agent.pid),
                         Formatter::line(agent.host, 80)),
                Formatter::line(agent.agent, 60));
    addPools(target);
    if (pooler) {
        addLine(Severity::info, tr("tells which clients hold a connection, not at which line"));
        addLine(agent.may_reclaim ? Severity::none : Severity::warning,
                agent.may_reclaim
                    ? tr("may end clients")
                    : tr("may not end clients: that takes version 1.24 and admin_users"));
        return;
    }
    const auto can = [&agent](const char* what) {
        return std::find(agent.can.begin(), agent.can.end(), what) != agent.can.end();
    };
    addLine(can("stacks") ? Severity::none : Severity::warning,
            can("stacks") ? tr("tells at which line each connection was acquired")
                          : tr("takes no stacks: a leak has no line"));
    addLine(Severity::none, agent.may_reclaim ? tr("allows connections to be taken back")
                                              : tr("does not allow connections to be taken back"));
}

/// What has neither an agent nor a server's rights: a page of metrics.
void AttachTest::showPools(const TargetSummary& target)
{
    clear();
    head_->setText(
        tr("Test of %1: answered in %2 ms")
            .arg(Formatter::line(target.info.name, 80), QString::number(since_.elapsed())));
    addLine(Severity::none, productOf(target));
    addPools(target);
    // Why there is none, and what else is to be known of it.
    if (!target.status.sentence.empty())
        addLine(Severity::info, Formatter::line(target.status.sentence, 300));
    if (!tellsHolders(target) && !target.pools.empty())
        addLine(Severity::info, tr("tells how many connections are held, not by whom"));
}

void AttachTest::addPools(const TargetSummary& target)
{
    constexpr std::size_t most = 3;
    for (std::size_t i = 0; i < std::min(most, target.pools.size()); ++i) {
        const Pool& pool = target.pools[i];
        const bool full = pool.used && pool.max && *pool.max > 0 && *pool.used >= *pool.max;
        const QString used =
            !pool.used  ? Formatter::notReported()
            : !pool.max ? tr("%1 used").arg(Formatter::count(*pool.used))
                        : tr("%1 of %2 used")
                              .arg(Formatter::count(*pool.used), Formatter::count(*pool.max));
        addLine(full ? Severity::warning : Severity::none,
                tr("pool %1").arg(Formatter::line(pool.name.str(), 60)), used);
    }
    if (target.pools.size() > most)
        addLine(Severity::none, tr("and %1 more pools").arg(target.pools.size() - most));
    else if (target.pools.empty())
        addLine(Severity::warning, tr("no pool yet"));
}

void AttachTest::showTrouble(const QString& sentence, const QString& nextStep)
{
    clear();
    head_->setText(tr("Not reached"));
    addLine(Severity::critical, sentence.left(400));
    if (!nextStep.isEmpty())
        addLine(Severity::info, nextStep.left(400));
}

void AttachTest::addLine(Severity severity, const QString& text, const QString& rest)
{
    lines_ << (rest.isEmpty() ? text : text + QStringLiteral("  ") + rest);
    const Theme& theme = Theme::current();
    auto* row = new QWidget(this);
    auto* layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(theme.scaled(8));
    auto* glyph = new QLabel(row);
    glyph->setPixmap(severityPixmap(severity, theme.scaled(metrics::glyph), devicePixelRatioF(),
                                    theme.tokens()));
    glyph->setAccessibleName(severityName(severity));
    glyph->setFixedHeight(theme.scaled(18));
    layout->addWidget(glyph, 0, Qt::AlignTop);
    QLabel* words = parts::label(text, row);
    words->setTextInteractionFlags(Qt::TextSelectableByMouse);
    layout->addWidget(words, rest.isEmpty() ? 1 : 0);
    if (!rest.isEmpty()) {
        words->setWordWrap(rest.size() > 60);
        layout->addWidget(parts::label(rest, row, "secondary"), 1);
    }
    body_->addWidget(row);
}

void AttachTest::addCode(const QString& sql)
{
    lines_ << sql;
    auto* row = new QWidget(this);
    auto* layout = new QHBoxLayout(row);
    layout->setContentsMargins(Theme::current().scaled(QMargins(20, 0, 0, 0)));
    layout->setSpacing(Theme::current().scaled(4));
    QLabel* code = parts::mono(sql, row);
    code->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    layout->addWidget(code);
    auto* copy = new QToolButton(row);
    copy->setIcon(themedIcon(QStringLiteral("copy")));
    copy->setText(tr("Copy"));
    copy->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    connect(copy, &QToolButton::clicked, this, [sql] { QApplication::clipboard()->setText(sql); });
    layout->addWidget(copy);
    layout->addStretch();
    body_->addWidget(row);
}

} // namespace poolscope
