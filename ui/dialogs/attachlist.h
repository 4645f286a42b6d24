// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/localpools.h"
#include "core/source/registry.h"
#include "ui/dialogs/recenttargets.h"

#include <QTreeWidget>

namespace poolscope {

/// What can be attached by picking: processes of this machine that hold pools, services of
/// pg_service.conf, and what was used before; and below these the kinds of target, each with the
/// form of its address. What has to be looked for comes later.
class AttachList : public QTreeWidget
{
    Q_OBJECT
public:
    struct Entry
    {
        QString target;
        QString sshHost;
        bool recent = false;
    };
    AttachList(const std::vector<RecentTarget>& recent, const QDateTime& now,
               QWidget* parent = nullptr);

    void setLocalPools(const std::vector<LocalPool>& pools);
    void setServices(const std::vector<ServiceEntry>& services);
    /// Those selected, in the order shown; kinds are none of them.
    std::vector<Entry> picked() const;
    /// The form of the kind that is selected, and nothing else is; empty otherwise.
    QString form() const;

signals:
    void pickedChanged();
    void chosen(); ///< by double click or Enter
    /// A kind was clicked, or chosen by Enter: its form is to be filled in.
    void formChosen();
    void removeRequested(const QString& target, const QString& sshHost);

protected:
    void contextMenuEvent(QContextMenuEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    QTreeWidgetItem* addSection(const QString& title, const QString& rest);
    /// Before that section's head; null: at the end.
    void addEntry(const Entry& entry, const QString& icon, const QString& name, const QString& what,
                  const QString& last, QTreeWidgetItem* before = nullptr);
    void addKinds();
    void fitNames();
    void removeCurrent();

    QTreeWidgetItem* pools_;
    QTreeWidgetItem* services_;
    QTreeWidgetItem* recent_;
};

} // namespace poolscope
