// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "ui/models/sessioncolumns.h"
#include "ui/models/sessionfilter.h"

#include <QAbstractItemModel>

#include <memory>
#include <unordered_map>
#include <vector>

namespace poolscope {

enum class SessionGrouping { none, application, user, database, client, state };

/// Every session a row, or two levels with a head for each group. Sorts, filters and groups by
/// itself, because a proxy pays for every changed row: an update costs at most two reorders, one
/// range of insertions and removals a group, and one spanning dataChanged. Persistent indexes, and
/// with them selection and current row, follow their session through all of it.
class SessionModel : public QAbstractItemModel
{
    Q_OBJECT
public:
    explicit SessionModel(QObject* parent = nullptr);
    ~SessionModel() override;

    void apply(const Update& update);
    /// Keeps selection; groups appear and vanish as needed.
    void setFilter(const SessionFilter& filter);
    /// Resets.
    void setGrouping(SessionGrouping grouping);
    SessionGrouping grouping() const { return grouping_; }
    void setFormatter(const Formatter& formatter);
    /// This row keeps its place while it exists: it is under the mouse. Groups keep theirs too.
    void setPinned(const std::optional<SessionKey>& session);

    int shown() const { return shown_; }
    int total() const { return static_cast<int>(slots_.size()); }
    int targetCount() const { return static_cast<int>(targets_.size()); }
    Timestamp now() const { return now_; }
    /// Null on group heads.
    const SessionRow* row(const QModelIndex& index) const;
    const TargetFrame& frame(TargetId target) const;
    QModelIndex indexOf(const SessionKey& session, int column = 0) const;
    /// Of a group head, what it stands for; empty for others.
    QString groupName(const QModelIndex& index) const;

    QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    QModelIndex parent(const QModelIndex& child) const override;
    using QObject::parent;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    bool hasChildren(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    void sort(int column, Qt::SortOrder order) override;

signals:
    void countsChanged();

private:
    struct Slot;
    struct Group;

    bool takeTargets(const Update& update);
    void take(const SessionRow& row);
    void leave(const SessionKey& session);
    void judgeAll();
    void judge(Slot& slot);
    void settle(bool resort);
    void fillAfterReset();
    void removeLeavers();
    void addNewcomers();
    void moveBetweenGroups();
    void append(Group& group, const std::vector<Slot*>& rows);
    std::vector<Slot*> arranged(const Group& group, bool resort) const;
    void reorder(bool resort);
    void rearrange(std::vector<std::pair<Group*, std::vector<Slot*>>>&& rows,
                   std::vector<Group*> heads);
    void removeEmptyGroups();
    void touchAll();
    bool before(const Slot* a, const Slot* b) const;
    std::vector<Group*> all() const;
    std::vector<Group*> sortedHeads() const;
    Group* groupFor(const SessionRow& row);
    QModelIndex headOf(const Group& group) const;
    std::optional<Duration> staleness(const Group& group) const;
    QVariant groupData(const Group& group, int column, int role) const;

    std::unordered_map<SessionKey, std::unique_ptr<Slot>> slots_;
    std::vector<std::unique_ptr<Slot>> dead_; ///< left, but still rows
    std::vector<Slot*> unplaced_;             ///< not in the group that they belong to
    bool leavers_ = false;                    ///< some rows are to go
    std::unordered_map<std::string, std::unique_ptr<Group>> groups_;
    std::unique_ptr<Group> flat_;
    std::vector<Group*> order_; ///< heads, top down; empty where not grouped
    std::unordered_map<TargetId, TargetFrame> targets_;
    SessionFilter filter_;
    SessionGrouping grouping_ = SessionGrouping::none;
    SessionColumn sortColumn_ = SessionColumn::age;
    bool descending_ = true;
    Formatter format_;
    Timestamp now_;
    int shown_ = 0;
    std::optional<SessionKey> pinned_;
    int pinnedAt_ = -1; ///< its row when an update came
};

} // namespace poolscope
