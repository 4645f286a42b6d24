// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/attachlist.h"

#include "core/source/agentaddress.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/theme/tooltip.h"

#include <QContextMenuEvent>
#include <QFileInfo>
#include <QHeaderView>
#include <QMenu>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QUrl>

#include <algorithm>

namespace poolscope {

namespace {

enum Role { targetRole = Qt::UserRole, sshRole, recentRole, sectionRole, formRole };

/// Rows of the theme's height parted by hairlines; nothing is ever rich text.
class RowDelegate : public QStyledItemDelegate
{
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override
    {
        return {QStyledItemDelegate::sizeHint(option, index).width(), Theme::current().rowHeight()};
    }
    void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override
    {
        QStyledItemDelegate::initStyleOption(option, index);
        if (index.column() == 1) // of an address begin and end tell it apart
            option->textElideMode = Qt::ElideMiddle;
    }
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override
    {
        const Theme& theme = Theme::current();
        const Tokens& tokens = theme.tokens();
        const bool section = index.siblingAtColumn(0).data(sectionRole).toBool();
        if (section)
            painter->fillRect(option.rect, tokens.alt);
        QStyledItemDelegate::paint(painter, option, index);
        if (section) { // what is to say of it goes on behind its name, across the columns
            const QFont font = index.data(Qt::FontRole).value<QFont>();
            const int name = QFontMetrics(font).horizontalAdvance(index.data().toString());
            const QRect rest =
                option.rect.adjusted(name + theme.scaled(24), 0, -theme.scaled(5), 0);
            painter->setFont(option.font);
            painter->setPen(tokens.text2);
            painter->drawText(
                rest, Qt::AlignVCenter | Qt::AlignLeft,
                painter->fontMetrics().elidedText(index.siblingAtColumn(1).data().toString(),
                                                  Qt::ElideRight, rest.width()));
        }
        painter->fillRect(QRect(option.rect.left(), option.rect.bottom(), option.rect.width(), 1),
                          tokens.line);
    }
};

QString shortName(const QString& target)
{
    const auto kind = classifyKnown(target);
    if (kind && kind.value() == TargetKind::recording)
        return QFileInfo(target).fileName();
    if (const auto address = parseAgentUrl(target);
        kind && kind.value() == TargetKind::pool && address)
        return address.value().name();
    if (target.contains(QStringLiteral("://"))) {
        const QString host = QUrl(target).host();
        return host.isEmpty() ? target.section(QLatin1Char('/'), 2, 2) : host;
    }
    for (const QString& key : {QStringLiteral("service"), QStringLiteral("host")})
        for (const QString& part : target.split(QLatin1Char(' '), Qt::SkipEmptyParts))
            if (part.startsWith(key + QLatin1Char('=')))
                return part.mid(key.size() + 1);
    return target;
}

QString ago(const QDateTime& then, const QDateTime& now)
{
    if (!then.isValid())
        return {};
    const qint64 days = then.date().daysTo(now.date());
    if (days <= 0)
        return AttachList::tr("today %1").arg(then.time().toString(QStringLiteral("HH:mm")));
    if (days == 1)
        return AttachList::tr("yesterday");
    return AttachList::tr("%1 days ago").arg(days);
}

} // namespace

AttachList::AttachList(const std::vector<RecentTarget>& recent, const QDateTime& now,
                       QWidget* parent)
    : QTreeWidget(parent)
{
    const Theme& theme = Theme::current();
    setAccessibleName(tr("Pools of this machine, services and recent targets"));
    setHeaderLabels({tr("Name"), tr("Target"), tr("What it is"), tr("Last")});
    setRootIsDecorated(false);
    setIndentation(0);
    setItemDelegate(new RowDelegate(this));
    setSelectionMode(ExtendedSelection);
    setUniformRowHeights(true);
    setStyleSheet(QStringLiteral("QTreeWidget::item { padding: 0 %1px; border: none; }")
                      .arg(theme.scaled(5)));
    setAllColumnsShowFocus(true);
    setTextElideMode(Qt::ElideRight);
    header()->setStretchLastSection(false);
    header()->setSectionResizeMode(1, QHeaderView::Stretch);
    header()->resizeSection(0, theme.scaled(176));
    header()->resizeSection(2, theme.scaled(330));
    header()->resizeSection(3, theme.scaled(104));
    headerItem()->setTextAlignment(3, Qt::AlignRight | Qt::AlignVCenter);
    setIconSize(QSize(theme.scaled(metrics::icon), theme.scaled(metrics::icon)));

    pools_ = addSection(tr("Pools here"), tr("looking…"));
    addEntry({QStringLiteral("demo:"), QString(), false}, QStringLiteral("process"), tr("demo"),
             tr("an application that leaks"), QString());
    services_ = addSection(tr("Services"), tr("reading pg_service.conf…"));
    recent_ =
        addSection(tr("Recent"), recent.empty() ? tr("none yet") : QString::number(recent.size()));
    for (const RecentTarget& entry : recent) {
        const auto kind = classifyKnown(entry.target);
        const bool recording = kind && kind.value() == TargetKind::recording;
        QString what = recording ? tr("recording") : entry.what;
        if (!entry.sshHost.isEmpty())
            what = what.isEmpty() ? tr("through %1").arg(entry.sshHost)
                                  : tr("%1, through %2").arg(what, entry.sshHost);
        addEntry({entry.target, entry.sshHost, true},
                 recording ? QStringLiteral("open") : wordsOf(familyOf(entry.target)).icon,
                 shortName(entry.target).left(80), what, ago(entry.used, now));
    }
    addKinds();
    setColumnHidden(3, recent.empty());
    fitNames();
    connect(this, &QTreeWidget::itemSelectionChanged, this, &AttachList::pickedChanged);
    connect(this, &QTreeWidget::itemActivated, this, [this](QTreeWidgetItem* item) {
        if (!item->data(0, formRole).toString().isEmpty())
            emit formChosen();
        else if (!item->data(0, sectionRole).toBool())
            emit chosen();
    });
    connect(this, &QTreeWidget::itemClicked, this, [this](QTreeWidgetItem* item) {
        if (!item->data(0, formRole).toString().isEmpty() && !form().isEmpty())
            emit formChosen();
    });
}

/// Those that this build can attach to.
void AttachList::addKinds()
{
    addSection(tr("Others"), tr("by their address: pick a kind, and put its host in"));
    for (const TargetWords& words : targetWords()) {
        if (!classifyKnown(words.form))
            continue;
        addEntry({words.form, QString(), false}, words.icon, words.name, words.needs, QString());
        QTreeWidgetItem* const item = topLevelItem(topLevelItemCount() - 1);
        item->setData(0, formRole, words.form);
        item->setToolTip(0, plainToolTip(words.name));
        item->setToolTip(2, plainToolTip(words.needs));
    }
}

/// Names of kinds are read whole; one from outside does not take all.
void AttachList::fitNames()
{
    const Theme& theme = Theme::current();
    header()->resizeSection(0, std::clamp(sizeHintForColumn(0) + theme.scaled(12),
                                          theme.scaled(176), theme.scaled(290)));
}

QString AttachList::form() const
{
    const QList<QTreeWidgetItem*> items = selectedItems();
    return items.size() == 1 ? items.front()->data(0, formRole).toString() : QString();
}

void AttachList::setLocalPools(const std::vector<LocalPool>& pools)
{
    pools_->setText(1, pools.empty() ? tr("no process with Poolscope's agent runs here")
                                     : tr("%1 with Poolscope's agent").arg(pools.size()));
    for (const LocalPool& pool : pools)
        addEntry({pool.url, QString(), false}, QStringLiteral("process"), pool.name.left(80),
                 tr("pid %1").arg(pool.pid), QString(), services_);
    fitNames();
}

void AttachList::setServices(const std::vector<ServiceEntry>& services)
{
    services_->setText(1, services.empty() ? tr("none: ~/.pg_service.conf names them")
                                           : tr("%1, from pg_service.conf").arg(services.size()));
    for (const ServiceEntry& service : services)
        addEntry({QStringLiteral("service=%1").arg(service.name), QString(), false},
                 QStringLiteral("database"), service.name.left(80), service.host.left(120),
                 QString(), recent_);
}

QTreeWidgetItem* AttachList::addSection(const QString& title, const QString& rest)
{
    auto* item = new QTreeWidgetItem(this, {title, rest});
    item->setData(0, sectionRole, true);
    item->setFlags(Qt::ItemIsEnabled);
    item->setFont(0, Theme::current().ui(13, QFont::DemiBold));
    item->setFirstColumnSpanned(true);
    return item;
}

void AttachList::addEntry(const Entry& entry, const QString& icon, const QString& name,
                          const QString& what, const QString& last, QTreeWidgetItem* before)
{
    const Theme& theme = Theme::current();
    auto* item = new QTreeWidgetItem(QStringList{name, entry.target.left(400), what, last});
    insertTopLevelItem(before ? indexOfTopLevelItem(before) : topLevelItemCount(), item);
    item->setData(0, targetRole, entry.target);
    item->setData(0, sshRole, entry.sshHost);
    item->setData(0, recentRole, entry.recent);
    item->setIcon(0, themedIcon(icon));
    item->setFont(1, theme.mono(12));
    item->setFont(3, theme.mono(12));
    item->setForeground(1, theme.tokens().text2);
    item->setForeground(2, theme.tokens().text2);
    item->setTextAlignment(3, Qt::AlignRight | Qt::AlignVCenter);
    item->setToolTip(1, plainToolTip(entry.target));
}

std::vector<AttachList::Entry> AttachList::picked() const
{
    std::vector<Entry> entries;
    for (int i = 0; i < topLevelItemCount(); ++i)
        if (const QTreeWidgetItem* item = topLevelItem(i);
            item->isSelected() && item->data(0, formRole).toString().isEmpty())
            entries.push_back({item->data(0, targetRole).toString(),
                               item->data(0, sshRole).toString(),
                               item->data(0, recentRole).toBool()});
    return entries;
}

void AttachList::removeCurrent()
{
    QTreeWidgetItem* item = currentItem();
    if (!item || !item->data(0, recentRole).toBool())
        return;
    const QString target = item->data(0, targetRole).toString();
    const QString ssh = item->data(0, sshRole).toString();
    delete item;
    emit removeRequested(target, ssh);
}

void AttachList::contextMenuEvent(QContextMenuEvent* event)
{
    const QTreeWidgetItem* item = itemAt(viewport()->mapFromGlobal(event->globalPos()));
    if (!item || !item->data(0, recentRole).toBool())
        return;
    QMenu menu(this);
    menu.addAction(themedIcon(QStringLiteral("target-remove")), tr("Remove from this list"), this,
                   &AttachList::removeCurrent);
    menu.exec(event->globalPos());
}

void AttachList::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Delete)
        removeCurrent();
    else
        QTreeWidget::keyPressEvent(event);
}

} // namespace poolscope
