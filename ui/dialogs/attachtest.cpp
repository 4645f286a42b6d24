// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/attachtest.h"

#include "ui/dialogs/parts.h"
#include "ui/models/formatter.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QClipboard>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace poolscope {

namespace {
constexpr int patience_ms = 15000;
}

AttachTest::AttachTest(QWidget* parent)
    : QFrame(parent)
    , head_(parts::label(QString(), this))
{
    setFrameShape(QFrame::StyledPanel);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(12, 8, 12, 8);
    layout->setSpacing(4);
    layout->addWidget(head_);
    body_ = new QVBoxLayout;
    body_->setSpacing(3);
    layout->addLayout(body_);
    layout->addStretch();
    head_->setText(tr("Test says what the server answers, what this role may see, and which grant "
                      "is missing."));
    head_->setProperty("role", QStringLiteral("secondary"));
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
    folder_ = std::make_unique<QTemporaryDir>();
    options_.temporaryFolder = folder_->path();
    options_.readOnly = true;
    workspace_ = new Workspace(options_, this);
    connect(workspace_, &Workspace::updated, this,
            [this](const UpdatePtr& update) { applied(*update); });
    connect(workspace_, &Workspace::secretRequired, this,
            [this](TargetId, const QString& sentence) {
                clear();
                addLine(Severity::warning, tr("The server is there and asks for a password."),
                        sentence.left(300));
                addLine(Severity::info, tr("Attach asks for it; ~/.pgpass saves the question."));
                end(false);
            });
    connect(workspace_, &Workspace::failed, this, [this](const Error& error) {
        showTrouble(QString::fromStdString(error.sentence),
                    QString::fromStdString(error.next_step));
        end(false);
    });
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
    // Signals of its own may be on the stack.
    workspace_->deleteLater();
    workspace_ = nullptr;
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
    head_->setText(tr("Test of %1: answered in %2 ms")
                       .arg(Formatter::line(target.info.name, 80))
                       .arg(since_.elapsed()));
    addLine(Severity::none, tr("PostgreSQL %1").arg(Formatter::line(facts.version, 60)),
            facts.tls ? tr("over TLS") : tr("without TLS"));
    std::int64_t used = 0;
    for (const std::int32_t count : target.counts)
        used += count;
    if (facts.max_connections)
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
    layout->setSpacing(8);
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
    layout->setContentsMargins(20, 0, 0, 0);
    layout->setSpacing(4);
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
