// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/instrumentdialog.h"

#include "ui/dialogs/codebox.h"
#include "ui/dialogs/parts.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QRandomGenerator>
#include <QSettings>
#include <QShortcut>
#include <QVBoxLayout>

#include <array>

namespace poolscope {

namespace {

constexpr int stackRole = Qt::UserRole;
const QString stackKey = QStringLiteral("instrument/stack");
const QString poolKey = QStringLiteral("instrument/pool");

/// 128 bits of the system's, in hexadecimal.
QString freshToken()
{
    std::array<quint32, 4> words{};
    QRandomGenerator::system()->generate(words.begin(), words.end());
    return QString::fromLatin1(
        QByteArray(reinterpret_cast<const char*>(words.data()), sizeof words).toHex());
}

} // namespace

InstrumentDialog::InstrumentDialog(QSettings& settings, QWidget* parent, PoolWatch::Finder find)
    : QDialog(parent)
    , settings_(settings)
    , stacks_(instrumentStacks())
    , watch_(new PoolWatch(std::move(find), this))
    , list_(new QListWidget(this))
    , name_(new QLineEdit(this))
    , installHead_(parts::label(QString(), this))
    , linesHint_(parts::label(QString(), this, "caption"))
    , install_(new CodeBox(tr("What installs the agent"), 8, this))
    , lines_(new CodeBox(tr("Lines to paste"), 12, this))
    , transport_(new SegmentedControl({tr("Local socket"), tr("TCP on loopback")}, this))
    , port_(new QLineEdit(this))
    , portLabel_(parts::label(tr("P&ort"), this))
    , local_(parts::label(QString(), this, "caption"))
    , environment_(new CodeBox(tr("Environment of the application"), 2, this))
    , appearedWords_(parts::label(QString(), this, "secondary"))
    , appeared_(new QListWidget(this))
    , foot_(parts::label(QString(), this, "caption"))
    , token_(freshToken())
{
    setWindowTitle(tr("Instrument a pool"));
    const Theme& theme = Theme::current();
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins(theme.scaled(QMargins(16, 16, 16, 12)));
    layout->setSpacing(theme.scaled(10));
    auto* const body = new QHBoxLayout;
    body->setSpacing(theme.scaled(metrics::panelGap));
    addStacks(body);
    auto* const steps = new QVBoxLayout;
    steps->setSpacing(theme.scaled(6));
    addSteps(steps);
    addEnvironment(steps);
    steps->addStretch(1);
    addAppeared(steps);
    body->addLayout(steps, 1);
    layout->addLayout(body, 1);
    addFoot(layout);
    orderTabs();
    resize(theme.sizeFor(*this, {860, 640}));

    auto* const copy = new QShortcut(QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_C), this);
    connect(copy, &QShortcut::activated, copyLines_, &QPushButton::click);
    connect(watch_, &PoolWatch::changed, this, &InstrumentDialog::showAppeared);
    settle_.setSingleShot(true);
    settle_.setInterval(500);
    connect(&settle_, &QTimer::timeout, this, [this] { watch_->setAddress(asked_, token_); });
    proposePort();
    showLines();
    showAppeared();
    watch_->begin();
    name_->setFocus();
    name_->selectAll();
}

InstrumentDialog::~InstrumentDialog()
{
    // Its last word finds nobody.
    watch_->disconnect(this);
}

void InstrumentDialog::addStacks(QHBoxLayout* layout)
{
    const Theme& theme = Theme::current();
    list_->setAccessibleName(tr("Kind of pool"));
    list_->setObjectName(QStringLiteral("stacks"));
    list_->setFixedWidth(theme.scaled(200));
    list_->setUniformItemSizes(true);
    list_->setStyleSheet(
        QStringLiteral("QListWidget::item { padding: 0 %1px; }").arg(theme.scaled(5)));
    const QString last = settings_.value(stackKey).toString();
    QString language;
    for (const InstrumentStack& stack : stacks_) {
        if (stack.language != language) {
            language = stack.language;
            auto* const head = new QListWidgetItem(language, list_);
            head->setFlags(Qt::NoItemFlags);
            head->setFont(theme.ui(11, QFont::DemiBold));
            head->setForeground(theme.tokens().text3);
            head->setSizeHint(QSize(0, theme.rowHeight()));
        }
        auto* const item = new QListWidgetItem(QStringLiteral(" ") + stack.title, list_);
        item->setData(stackRole, stack.id);
        item->setData(Qt::AccessibleTextRole, stack.title + QStringLiteral(", ") + language);
        item->setSizeHint(QSize(0, theme.rowHeight()));
        if (!list_->currentItem() || stack.id == last)
            list_->setCurrentItem(item);
    }
    layout->addWidget(list_);
    connect(list_, &QListWidget::currentItemChanged, this, [this] {
        showLines();
        showAppeared();
    });
}

QPushButton* InstrumentDialog::addStep(QVBoxLayout* layout, QLabel* head, QLabel* hint,
                                       const QString& copies)
{
    auto* const row = new QHBoxLayout;
    row->setSpacing(Theme::current().scaled(8));
    head->setFont(Theme::current().ui(13, QFont::DemiBold));
    head->setWordWrap(false);
    row->addWidget(head);
    row->addWidget(hint, 1);
    auto* const copy = new QPushButton(copies, this);
    copy->setAutoDefault(false);
    row->addWidget(copy);
    layout->addLayout(row);
    return copy;
}

void InstrumentDialog::addSteps(QVBoxLayout* layout)
{
    const Theme& theme = Theme::current();
    auto* const row = new QHBoxLayout;
    row->setSpacing(theme.scaled(8));
    QLabel* const label = parts::label(tr("&Name of the pool"), this);
    label->setWordWrap(false);
    label->setBuddy(name_);
    row->addWidget(label);
    name_->setObjectName(QStringLiteral("poolName"));
    name_->setAccessibleName(tr("Name of the pool"));
    name_->setFont(theme.mono());
    name_->setMaxLength(60);
    const QString last = settings_.value(poolKey).toString();
    name_->setText(isPoolName(last) ? last : QStringLiteral("orders"));
    row->addWidget(name_, 1);
    layout->addLayout(row);
    layout->addSpacing(theme.scaled(4));
    copyInstall_ = addStep(layout, installHead_, parts::label(QString(), this, "caption"),
                           tr("Copy &install lines"));
    layout->addWidget(install_);
    layout->addSpacing(theme.scaled(4));
    copyLines_ =
        addStep(layout, parts::label(tr("In the code"), this), linesHint_, tr("&Copy lines"));
    copyLines_->setToolTip(tr("Ctrl+Shift+C"));
    layout->addWidget(lines_);
    connect(name_, &QLineEdit::textChanged, this, [this] {
        waiting_ = false; // else half a name may be one that is there
        showLines();
        showAppeared();
    });
    parts::copies(copyInstall_, [this] { return install_->toPlainText(); });
    parts::copies(copyLines_, [this] { return lines_->toPlainText(); });
}

void InstrumentDialog::addEnvironment(QVBoxLayout* layout)
{
    const Theme& theme = Theme::current();
    layout->addSpacing(theme.scaled(4));
    auto* const row = new QHBoxLayout;
    row->setSpacing(theme.scaled(8));
    QLabel* const head = parts::label(tr("In its environment"), this);
    head->setFont(theme.ui(13, QFont::DemiBold));
    head->setWordWrap(false);
    row->addWidget(head);
    transport_->setAccessibleName(tr("How Poolscope reaches it"));
    row->addWidget(transport_);
    portLabel_->setWordWrap(false);
    portLabel_->setBuddy(port_);
    row->addWidget(portLabel_);
    port_->setObjectName(QStringLiteral("port"));
    port_->setAccessibleName(tr("Port"));
    port_->setFont(theme.mono());
    port_->setMaxLength(5);
    port_->setFixedWidth(theme.scaled(64));
    row->addWidget(port_);
    row->addStretch(1);
    copyEnvironment_ = new QPushButton(tr("Copy &environment"), this);
    copyEnvironment_->setAutoDefault(false);
    row->addWidget(copyEnvironment_);
    layout->addLayout(row);
    local_->setObjectName(QStringLiteral("localSocket"));
    layout->addWidget(local_);
    environment_->setSecret(true); // it holds the token
    layout->addWidget(environment_);
    parts::copies(
        copyEnvironment_, [this] { return environment_->toPlainText(); }, true);
    connect(transport_, &SegmentedControl::chosen, this, [this] {
        waiting_ = false;
        showEnvironment();
        showAppeared();
    });
    connect(port_, &QLineEdit::textChanged, this, [this] {
        waiting_ = false;
        showEnvironment();
        showAppeared();
    });
}

void InstrumentDialog::addAppeared(QVBoxLayout* layout)
{
    const Theme& theme = Theme::current();
    layout->addWidget(parts::rule(this));
    appearedWords_->setObjectName(QStringLiteral("appearedWords"));
    layout->addWidget(appearedWords_);
    appeared_->setObjectName(QStringLiteral("appeared"));
    appeared_->setAccessibleName(tr("Pools that appeared"));
    appeared_->setStyleSheet(QStringLiteral("QListWidget::item { padding: %1px %2px; }")
                                 .arg(theme.scaled(3))
                                 .arg(theme.scaled(5)));
    appeared_->setFixedHeight(4 * theme.rowHeight() + 2);
    layout->addWidget(appeared_);
    connect(appeared_, &QListWidget::itemSelectionChanged, this, [this] {
        waiting_ = false;
        showButton();
    });
    connect(appeared_, &QListWidget::itemActivated, this,
            [this](QListWidgetItem*) { attachTo(wanted()); });
}

void InstrumentDialog::addFoot(QVBoxLayout* layout)
{
    layout->addWidget(parts::rule(this));
    auto* const row = new QHBoxLayout;
    row->setSpacing(Theme::current().scaled(8));
    foot_->setObjectName(QStringLiteral("foot"));
    row->addWidget(foot_, 1);
    cancel_ = new QPushButton(tr("Cancel"), this);
    cancel_->setAutoDefault(false);
    connect(cancel_, &QPushButton::clicked, this, &QDialog::reject);
    row->addWidget(cancel_);
    attach_ = new QPushButton(this);
    attach_->setObjectName(QStringLiteral("attachWhenUp"));
    attach_->setProperty("kind", QStringLiteral("primary"));
    attach_->setDefault(true);
    connect(attach_, &QPushButton::clicked, this, &InstrumentDialog::press);
    row->addWidget(attach_);
    layout->addLayout(row);
}

void InstrumentDialog::orderTabs()
{
    QWidget* before = list_;
    for (QWidget* const next : std::initializer_list<QWidget*>{
             name_, copyInstall_, install_, copyLines_, lines_, transport_, port_, copyEnvironment_,
             environment_, appeared_, cancel_, attach_}) {
        setTabOrder(before, next);
        before = next;
    }
}

const InstrumentStack* InstrumentDialog::stack() const
{
    const QListWidgetItem* const item = list_->currentItem();
    const QString id = item ? item->data(stackRole).toString() : QString();
    for (const InstrumentStack& stack : stacks_) {
        if (stack.id == id)
            return &stack;
    }
    return nullptr;
}

void InstrumentDialog::showLines()
{
    const InstrumentStack* const chosen = stack();
    const bool named = isPoolName(poolName());
    for (QPushButton* const button : {copyInstall_, copyLines_})
        button->setEnabled(chosen && (named || button == copyInstall_));
    if (!chosen)
        return;
    const bool python = chosen->language == QStringLiteral("Python");
    installHead_->setText(chosen->place);
    install_->setCode(installLines(*chosen), chosen->language == QStringLiteral("Java")
                                                 ? QString()
                                                 : QStringLiteral("# "));
    linesHint_->setText(chosen->hint);
    lines_->setCode(named ? instrumentLines(*chosen, poolName()) : QString(),
                    python ? QStringLiteral("# ") : QStringLiteral("// "));
}

} // namespace poolscope
