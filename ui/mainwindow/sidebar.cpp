// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/sidebar.h"

#include "ui/mainwindow/sidebarrow.h"
#include "ui/models/findings.h"
#include "ui/models/poolshare.h"
#include "ui/theme/icons.h"
#include "ui/theme/panel.h"
#include "ui/theme/theme.h"
#include "ui/theme/tooltip.h"
#include "ui/views/process.h"

#include <QApplication>
#include <QClipboard>
#include <QHBoxLayout>
#include <QLabel>
#include <QListWidget>
#include <QMenu>
#include <QPainter>
#include <QScrollBar>
#include <QToolButton>
#include <QVBoxLayout>

namespace poolscope {

namespace {

/// A letter is a command or nothing: it leads to no page.
class List : public QListWidget
{
public:
    using QListWidget::QListWidget;
    void keyboardSearch(const QString&) override {}
};

QListWidget* makeList(const QString& name, bool twoLines, QWidget* parent)
{
    auto* list = new List(parent);
    list->setAccessibleName(name);
    list->setItemDelegate(new SidebarRow(twoLines, list));
    list->setFrameShape(QFrame::NoFrame);
    list->setStyleSheet(QStringLiteral("QListWidget { background: transparent; border: none; }"));
    list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    list->setMouseTracking(true);
    list->setUniformItemSizes(false);
    return list;
}

SidebarRow* rowsOf(QListWidget* list)
{
    return static_cast<SidebarRow*>(list->itemDelegate());
}

QString usedOfServer(const TargetSummary& target)
{
    return Formatter::ofLimit(usedSlots(target),
                              target.facts && target.facts->max_connections
                                  ? std::optional<std::int64_t>(*target.facts->max_connections)
                                  : std::nullopt);
}

QString usedOfPools(const TargetSummary& target)
{
    const Pool* const fullest = fullestOf(target.pools);
    return fullest ? Formatter::ofLimit(*fullest->used, fullest->max) : QString();
}

/// "shop-api, pid 2231, 2 pools"; without an agent "PgBouncer 1.18, 2 pools".
QString processWords(const TargetSummary& target)
{
    const QString name = Formatter::line(target.info.name, 80);
    const bool ours = target.agent && familyOf(target.info) != TargetFamily::bouncer;
    const QString process = ours ? Formatter::line(target.agent->process, 60) : productOf(target);
    QStringList words;
    if (!process.isEmpty() && process != name)
        words << process;
    if (target.agent && target.agent->pid > 0)
        words << Sidebar::tr("pid %1").arg(target.agent->pid);
    words << (target.pools.size() == 1
                  ? Sidebar::tr("pool %1").arg(Formatter::line(target.pools.front().name.str(), 60))
                  : Sidebar::tr("%1 pools").arg(target.pools.size()));
    return words.join(QStringLiteral(", "));
}

} // namespace

Sidebar::Sidebar(QWidget* parent)
    : QWidget(parent)
    , pages_(makeList(tr("Pages"), false, this))
    , targets_(makeList(tr("Targets"), true, this))
    , head_(new QLabel(tr("Targets"), this))
    , attach_(new QToolButton(this))
{
    const Theme& theme = Theme::current();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, theme.scaled(8), 1, theme.scaled(4));
    layout->setSpacing(0);
    layout->addWidget(pages_);
    head_->setTextFormat(Qt::PlainText);
    head_->setFont(theme.ui(11, QFont::DemiBold));
    head_->setProperty("role", QStringLiteral("caption"));
    setPadding(*head_, theme.scaled(QMargins(12, 16, 0, 4)));
    layout->addWidget(head_);
    layout->addWidget(targets_, 1);
    attach_->setIcon(themedIcon(QStringLiteral("attach")));
    attach_->setText(tr("Attach…"));
    attach_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    attach_->setToolTip(tr("Attach to a server or a process (Ctrl+T)"));
    auto* foot = new QHBoxLayout;
    foot->setContentsMargins(theme.scaled(4), 0, 0, 0);
    foot->addWidget(attach_);
    foot->addStretch();
    layout->addLayout(foot);
    setFocusProxy(pages_);
    targets_->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(attach_, &QToolButton::clicked, this, &Sidebar::attachRequested);
    connect(pages_, &QListWidget::currentItemChanged, this, [this](QListWidgetItem* item) {
        if (item)
            emit pageChosen(item->data(sidebarIdRole).toString());
    });
    connect(targets_, &QListWidget::itemClicked, this, [this](QListWidgetItem* item) {
        emit targetChosen(TargetId{item->data(sidebarIdRole).toUInt()});
    });
    connect(targets_, &QListWidget::customContextMenuRequested, this, &Sidebar::showTargetMenu);
    connect(&Theme::current(), &Theme::changed, this, &Sidebar::fit);
    fit();
}

void Sidebar::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const Tokens& tokens = Theme::current().tokens();
    painter.fillRect(rect(), tokens.sidebar);
    painter.fillRect(QRect(width() - 1, 0, 1, height()), tokens.line);
    if (!narrow_)
        painter.fillRect(QRect(0, head_->y() + Theme::current().scaled(6), width() - 1, 1),
                         tokens.line);
}

void Sidebar::addPage(const QString& name, const QString& title, const QString& icon)
{
    const QSignalBlocker quiet(pages_);
    auto* item = new QListWidgetItem(title, pages_);
    item->setData(sidebarIdRole, name);
    item->setData(sidebarIconRole, icon);
    if (pages_->count() <= 9)
        item->setToolTip(tr("%1 (Ctrl+%2)").arg(title).arg(pages_->count()));
    fit();
}

void Sidebar::setCount(const QString& page, int count)
{
    for (int i = 0; i < pages_->count(); ++i) {
        QListWidgetItem* item = pages_->item(i);
        if (item->data(sidebarIdRole).toString() != page)
            continue;
        item->setData(sidebarValueRole, count > 0 ? Formatter::count(count) : QString());
        item->setData(Qt::AccessibleTextRole,
                      count > 0 ? QStringLiteral("%1, %2").arg(item->text()).arg(count)
                                : item->text());
    }
    if (narrow_)
        fit();
}

void Sidebar::setCurrentPage(const QString& page)
{
    const QSignalBlocker quiet(pages_);
    for (int i = 0; i < pages_->count(); ++i)
        if (pages_->item(i)->data(sidebarIdRole).toString() == page)
            pages_->setCurrentRow(i);
}

void Sidebar::setInterval(TargetId target, Duration interval)
{
    intervals_[target] = interval;
}

void Sidebar::setTargets(const Update& update, const Transport& transport, const Formatter& format)
{
    live_ = transport.mode == Mode::live || transport.mode == Mode::paused;
    const int wanted = static_cast<int>(update.targets.size());
    const auto withValue = [this] {
        int rows = 0;
        for (int i = 0; i < targets_->count(); ++i)
            rows += targets_->item(i)->data(sidebarValueRole).toString().isEmpty() ? 0 : 1;
        return rows;
    };
    const int before = withValue();
    bool resized = targets_->count() != wanted;
    while (targets_->count() > wanted)
        delete targets_->takeItem(targets_->count() - 1);
    while (targets_->count() < wanted)
        new QListWidgetItem(targets_);
    for (int i = 0; i < wanted; ++i)
        fillTarget(targets_->item(i), update.targets[static_cast<std::size_t>(i)], update,
                   transport, format);
    resized = resized || (narrow_ && withValue() != before); // a value makes its row taller
    if (resized)
        fit();
}

void Sidebar::fillTarget(QListWidgetItem* item, const TargetSummary& target, const Update& update,
                         const Transport& transport, const Formatter& format)
{
    const TargetStatus& status = target.status;
    const bool recorded = transport.mode == Mode::replay;
    const bool up = status.reach == Reach::up;
    const bool process = isProcess(target);
    QString value;
    if (target.last_sample && up)
        value = process ? usedOfPools(target) : usedOfServer(target);
    QStringList second;
    QString retry; // not on the row: an ellipsis could hide its number
    if (status.reach == Reach::failing) {
        second
            << (target.last_sample
                    ? tr("no answer since %1").arg(format.instant(*target.last_sample, update.now))
                : refusesAsFull(target) ? tr("server full")
                                        : tr("no answer yet"));
        if (status.next_try) {
            const auto wait =
                std::chrono::ceil<std::chrono::seconds>(*status.next_try - update.now);
            retry =
                wait.count() > 0 ? tr("next try in %1 s").arg(wait.count()) : tr("trying again");
        }
    } else if (is_detached(status)) {
        second << tr("detached");
    } else if (status.reach == Reach::stopped) {
        second << Formatter::line(status.sentence, 200);
    } else if (target.facts || target.agent || (process && target.last_sample)) {
        const QString version = process ? processWords(target) : productOf(target);
        const auto found = intervals_.find(target.info.id);
        if (recorded)
            second << version << tr("recorded");
        else if (found != intervals_.end() && !target.agent) // an agent tells by itself
            second << QStringLiteral("%1 · %2").arg(version, Formatter::ageProse(found->second));
        else
            second << version;
    } else {
        second << tr("connecting");
    }
    const QString shown = second.join(QStringLiteral(", "));
    if (!retry.isEmpty())
        second << retry;
    const QString line = second.join(QStringLiteral(", "));
    const bool detached = is_detached(status);
    const bool trouble =
        !detached && (status.reach == Reach::failing || status.reach == Reach::stopped);
    const QString name = Formatter::line(target.info.name, 80);
    item->setText(name);
    item->setData(sidebarIdRole, target.info.id.value);
    item->setData(sidebarIconRole, trouble || detached ? QStringLiteral("server-off")
                                                       : wordsOf(familyOf(target.info)).icon);
    item->setData(sidebarValueRole, value);
    item->setData(sidebarSecondRole, shown);
    item->setData(sidebarTroubleRole, trouble);
    item->setData(sidebarDetachedRole, detached);
    item->setData(sidebarUrlRole, Formatter::line(target.info.url, 2000));
    QStringList tip{name + (value.isEmpty() ? QString() : QStringLiteral("  ") + value), line};
    // Of one that has stopped it is the line above.
    if (!status.sentence.empty() && (status.reach == Reach::failing || up))
        tip << Formatter::line(status.sentence, 600);
    if (!status.next_step.empty())
        tip << Formatter::line(status.next_step, 400);
    item->setToolTip(plainToolTip(tip.join(QLatin1Char('\n'))));
    QStringList spoken{name, value, line};
    if (up && !status.sentence.empty())
        spoken << Formatter::line(status.sentence, 600);
    item->setData(Qt::AccessibleTextRole, spoken.join(QStringLiteral(", ")));
}

QString Sidebar::targetText(TargetId target) const
{
    for (int i = 0; i < targets_->count(); ++i)
        if (targets_->item(i)->data(sidebarIdRole).toUInt() == target.value)
            return targets_->item(i)->data(Qt::AccessibleTextRole).toString();
    return {};
}

void Sidebar::showTargetMenu(const QPoint& at)
{
    const QListWidgetItem* item = targets_->itemAt(at);
    if (!item)
        return;
    const TargetId target{item->data(sidebarIdRole).toUInt()};
    const QString url = item->data(sidebarUrlRole).toString();
    QMenu menu(this);
    QAction* sample = menu.addAction(tr("Sample now"), this, &Sidebar::sampleRequested);
    menu.addAction(themedIcon(QStringLiteral("copy")), tr("Copy URL"), this,
                   [url] { QApplication::clipboard()->setText(url); });
    menu.addSeparator();
    QAction* detach = menu.addAction(themedIcon(QStringLiteral("target-remove")), tr("Detach"),
                                     this, [this, target] { emit detachRequested(target); });
    sample->setEnabled(live_);
    detach->setEnabled(live_ && !item->data(sidebarDetachedRole).toBool());
    menu.exec(targets_->viewport()->mapToGlobal(at));
}

void Sidebar::setNarrow(bool narrow)
{
    narrow_ = narrow;
    rowsOf(pages_)->setNarrow(narrow);
    rowsOf(targets_)->setNarrow(narrow);
    head_->setVisible(!narrow);
    attach_->setToolButtonStyle(narrow ? Qt::ToolButtonIconOnly : Qt::ToolButtonTextBesideIcon);
    fit();
}

void Sidebar::fit()
{
    const Theme& theme = Theme::current();
    attach_->setFixedWidth(narrow_ ? theme.scaled(55) : attach_->sizeHint().width());
    attach_->parentWidget()->layout()->itemAt(3)->layout()->setContentsMargins(
        narrow_ ? 0 : theme.scaled(4), 0, 0, 0);
    pages_->doItemsLayout();
    targets_->doItemsLayout();
    int height = 0;
    for (int i = 0; i < pages_->count(); ++i)
        height += pages_->sizeHintForRow(i);
    pages_->setFixedHeight(height);
    int needed = 0;
    for (int i = 0; i < targets_->count(); ++i)
        needed += targets_->sizeHintForRow(i);
    targets_->setMaximumHeight(needed + 1);
    if (auto* box = qobject_cast<QVBoxLayout*>(layout()); box && box->count() == 4)
        box->addStretch(0);
    if (narrow_)
        layout()->setContentsMargins(0, theme.scaled(8), 1, theme.scaled(4));
    updateGeometry();
    update();
}

} // namespace poolscope
