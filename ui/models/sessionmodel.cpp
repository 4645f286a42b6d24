// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/sessionmodel.h"
#include "ui/models/sessionmodel_p.h"

#include <algorithm>

namespace poolscope {

using namespace sessioncolumns;

SessionModel::SessionModel(QObject* parent)
    : QAbstractItemModel(parent)
    , flat_(std::make_unique<Group>())
{}

SessionModel::~SessionModel() = default;

void SessionModel::apply(const Update& update)
{
    now_ = update.now;
    if (update.reset) {
        beginResetModel();
        slots_.clear();
        dead_.clear();
        takeTargets(update);
        for (const SessionRow& row : update.changed)
            take(row);
        fillAfterReset();
        endResetModel();
        emit countsChanged();
        return;
    }
    const bool resort = takeTargets(update) && sortColumn_ == SessionColumn::xminAge;
    for (const SessionKey& key : update.gone)
        leave(key);
    for (const SessionRow& row : update.changed)
        take(row);
    if (filter_.dependsOnTime())
        judgeAll();
    settle(resort);
    emit countsChanged();
}

bool SessionModel::takeTargets(const Update& update)
{
    bool aged = false;
    std::unordered_map<TargetId, TargetFrame> targets;
    for (const TargetSummary& target : update.targets) {
        TargetFrame frame{Formatter::line(target.info.name, 200), target.clock_offset,
                          target.next_xid};
        const auto old = targets_.find(target.info.id);
        aged = aged || old == targets_.end() || old->second.nextXid != frame.nextXid;
        targets.emplace(target.info.id, std::move(frame));
    }
    targets_ = std::move(targets);
    return aged;
}

void SessionModel::take(const SessionRow& row)
{
    std::unique_ptr<Slot>& slot = slots_[row.session.key];
    if (!slot)
        slot = std::make_unique<Slot>();
    slot->row = row;
    SortKey key = sortKey(sortColumn_, row, frame(row.session.key.target));
    if (compare(key, slot->key, false) != 0)
        slot->moved = true;
    slot->key = std::move(key);
    judge(*slot);
}

void SessionModel::leave(const SessionKey& session)
{
    const auto found = slots_.find(session);
    if (found == slots_.end())
        return;
    found->second->wanted = nullptr;
    if (found->second->group)
        dead_.push_back(std::move(found->second));
    slots_.erase(found);
}

void SessionModel::judge(Slot& slot)
{
    const TargetFrame& target = frame(slot.row.session.key.target);
    slot.wanted =
        filter_.matches(slot.row, now_ + target.clockOffset) ? groupFor(slot.row) : nullptr;
}

void SessionModel::judgeAll()
{
    for (const auto& [key, slot] : slots_)
        judge(*slot);
}

SessionModel::Group* SessionModel::groupFor(const SessionRow& row)
{
    const Session& s = row.session;
    const auto named = [this](const Text& text) {
        // Not reported and empty differ; neither can be mistaken for a name.
        const std::string id = text.is_null() ? std::string("\1") : text.str();
        std::unique_ptr<Group>& group = groups_[id];
        if (!group) {
            group = std::make_unique<Group>();
            group->id = id;
            group->name = text.is_null() ? Formatter::notReported()
                          : text.empty() ? tr("no name")
                                         : Formatter::line(text.str());
        }
        return group.get();
    };
    switch (grouping_) {
    case SessionGrouping::none:
        return flat_.get();
    case SessionGrouping::application:
        return named(s.application);
    case SessionGrouping::user:
        return named(s.user);
    case SessionGrouping::database:
        return named(s.database);
    case SessionGrouping::client: {
        // The port differs with every connection.
        const std::size_t colon = s.client.str().rfind(':');
        return s.client.is_null() || colon == std::string::npos
                   ? named(s.client)
                   : named(Text(s.client.str().substr(0, colon)));
    }
    case SessionGrouping::state:
        return named(Text(Formatter::state(s.state).toStdString()));
    }
    return flat_.get();
}

void SessionModel::fillAfterReset()
{
    groups_.clear();
    order_.clear();
    flat_->rows.clear();
    shown_ = 0;
    for (const auto& [key, slot] : slots_) {
        slot->group = nullptr;
        slot->key = sortKey(sortColumn_, slot->row, frame(key.target));
        judge(*slot);
        if (slot->wanted) {
            slot->wanted->rows.push_back(slot.get());
            ++shown_;
        }
    }
    const auto inOrder = [this](const Slot* a, const Slot* b) {
        return before(a, b);
    };
    const auto finish = [&](Group& group) {
        std::sort(group.rows.begin(), group.rows.end(), inOrder);
        for (Slot* slot : group.rows)
            slot->moved = false;
        group.place();
        group.recount();
    };
    finish(*flat_);
    std::erase_if(groups_, [](const auto& entry) { return entry.second->rows.empty(); });
    for (const auto& [id, group] : groups_) {
        finish(*group);
        order_.push_back(group.get());
    }
    order_ = sortedHeads();
    for (std::size_t i = 0; i < order_.size(); ++i)
        order_[i]->at = static_cast<int>(i);
}

void SessionModel::settle(bool resort)
{
    removeLeavers();
    addNewcomers();
    for (Group* group : all())
        group->recount();
    reorder(resort);
    removeEmptyGroups();
    touchAll();
}

void SessionModel::removeLeavers()
{
    constexpr int manyRanges = 16;
    const auto leaves = [](const Slot* slot) {
        return !slot->wanted;
    };
    std::vector<std::pair<Group*, std::vector<Slot*>>> compacted;
    for (Group* group : all()) {
        int ranges = 0;
        for (std::size_t i = 0; i < group->rows.size(); ++i)
            ranges += leaves(group->rows[i]) && (i == 0 || !leaves(group->rows[i - 1]));
        if (ranges <= manyRanges)
            continue;
        // Cheaper than a signal for each hole: all that leave move to the end first.
        std::vector<Slot*> rows = group->rows;
        std::stable_partition(rows.begin(), rows.end(), [&](const Slot* s) { return !leaves(s); });
        compacted.emplace_back(group, std::move(rows));
    }
    if (!compacted.empty())
        rearrange(std::move(compacted), order_);
    for (Group* group : all()) {
        std::vector<Slot*>& rows = group->rows;
        for (std::size_t end = rows.size(); end > 0;) {
            if (!leaves(rows[end - 1])) {
                --end;
                continue;
            }
            std::size_t begin = end - 1;
            while (begin > 0 && leaves(rows[begin - 1]))
                --begin;
            beginRemoveRows(headOf(*group), static_cast<int>(begin), static_cast<int>(end) - 1);
            for (std::size_t i = begin; i < end; ++i) {
                rows[i]->group = nullptr;
                rows[i]->at = -1;
                rows[i]->moved = true;
            }
            rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                       rows.begin() + static_cast<std::ptrdiff_t>(end));
            shown_ -= static_cast<int>(end - begin);
            group->place();
            endRemoveRows();
            end = begin;
        }
    }
    dead_.clear();
}

void SessionModel::addNewcomers()
{
    std::unordered_map<Group*, std::vector<Slot*>> arrivals;
    std::vector<Group*> heads;
    for (const auto& [key, slot] : slots_) {
        if (!slot->wanted || slot->wanted == slot->group)
            continue;
        if (slot->wanted != flat_.get() && slot->wanted->at < 0 &&
            std::find(heads.begin(), heads.end(), slot->wanted) == heads.end())
            heads.push_back(slot->wanted);
        if (!slot->group)
            arrivals[slot->wanted].push_back(slot.get());
    }
    if (!heads.empty()) {
        const int first = static_cast<int>(order_.size());
        beginInsertRows({}, first, first + static_cast<int>(heads.size()) - 1);
        for (Group* group : heads) {
            group->at = static_cast<int>(order_.size());
            order_.push_back(group);
        }
        endInsertRows();
    }
    for (auto& [group, added] : arrivals) {
        std::sort(added.begin(), added.end(),
                  [this](const Slot* a, const Slot* b) { return before(a, b); });
        const int first = static_cast<int>(group->rows.size());
        beginInsertRows(headOf(*group), first, first + static_cast<int>(added.size()) - 1);
        group->rows.insert(group->rows.end(), added.begin(), added.end());
        shown_ += static_cast<int>(added.size());
        group->place();
        endInsertRows();
    }
}

bool SessionModel::before(const Slot* a, const Slot* b) const
{
    const int order = compare(a->key, b->key, descending_);
    return order != 0 ? order < 0 : a->row.session.key < b->row.session.key;
}

std::vector<SessionModel::Slot*>
SessionModel::arranged(const Group& group, const std::vector<Slot*>& arrivals, bool resort) const
{
    const auto inOrder = [this](const Slot* a, const Slot* b) {
        return before(a, b);
    };
    std::vector<Slot*> settled, loose = arrivals;
    settled.reserve(group.rows.size());
    int pinnedAt = -1;
    for (Slot* slot : group.rows) {
        if (slot->wanted != &group)
            continue;
        if (pinned_ && slot->row.session.key == *pinned_)
            pinnedAt = slot->at;
        (resort || slot->moved || slot->at == pinnedAt ? loose : settled).push_back(slot);
    }
    std::sort(loose.begin(), loose.end(), inOrder);
    std::vector<Slot*> rows(settled.size() + loose.size());
    std::merge(settled.begin(), settled.end(), loose.begin(), loose.end(), rows.begin(), inOrder);
    for (Slot* slot : loose)
        slot->moved = false;
    if (pinnedAt >= 0) {
        const auto found = std::find_if(rows.begin(), rows.end(), [this](const Slot* slot) {
            return slot->row.session.key == *pinned_;
        });
        Slot* const pinned = *found;
        rows.erase(found);
        const std::size_t at = std::min(static_cast<std::size_t>(pinnedAt), rows.size());
        rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(at), pinned);
        pinned->moved = true;
    }
    return rows;
}

void SessionModel::reorder(bool resort)
{
    if (resort) {
        for (const auto& [key, slot] : slots_)
            slot->key = sortKey(sortColumn_, slot->row, frame(key.target));
    }
    std::unordered_map<Group*, std::vector<Slot*>> movers;
    std::unordered_map<const Group*, bool> touched;
    for (Group* group : all()) {
        for (Slot* slot : group->rows) {
            if (slot->wanted != group) {
                movers[slot->wanted].push_back(slot);
                touched[group] = touched[slot->wanted] = true;
            } else if (slot->moved || resort) {
                touched[group] = true;
            }
        }
    }
    std::vector<std::pair<Group*, std::vector<Slot*>>> rows;
    for (Group* group : all()) {
        if (!touched.contains(group))
            continue;
        std::vector<Slot*> target = arranged(*group, movers[group], resort);
        if (target != group->rows)
            rows.emplace_back(group, std::move(target));
    }
    if (!movers.empty()) {
        for (auto& [group, target] : rows) {
            group->counts = {};
            for (const Slot* slot : target)
                ++group->counts.at(static_cast<std::size_t>(slot->row.session.state));
        }
    }
    std::vector<Group*> heads = pinned_ ? order_ : sortedHeads();
    if (!rows.empty() || heads != order_)
        rearrange(std::move(rows), std::move(heads));
}

void SessionModel::rearrange(std::vector<std::pair<Group*, std::vector<Slot*>>>&& rows,
                             std::vector<Group*> heads)
{
    emit layoutAboutToBeChanged();
    const QModelIndexList from = persistentIndexList();
    struct Place
    {
        Group* head = nullptr;
        Slot* slot = nullptr;
    };
    std::vector<Place> places;
    places.reserve(static_cast<std::size_t>(from.size()));
    for (const QModelIndex& index : from) {
        const auto at = static_cast<std::size_t>(index.row());
        if (index.internalPointer())
            places.push_back({nullptr, static_cast<Group*>(index.internalPointer())->rows.at(at)});
        else if (grouping_ == SessionGrouping::none)
            places.push_back({nullptr, flat_->rows.at(at)});
        else
            places.push_back({order_.at(at), nullptr});
    }
    for (auto& [group, list] : rows)
        group->rows = std::move(list);
    for (auto& [group, list] : rows)
        group->place();
    order_ = std::move(heads);
    for (std::size_t i = 0; i < order_.size(); ++i)
        order_[i]->at = static_cast<int>(i);
    QModelIndexList to;
    to.reserve(from.size());
    for (qsizetype i = 0; i < from.size(); ++i) {
        const Place& place = places[static_cast<std::size_t>(i)];
        const int column = from[i].column();
        if (place.head)
            to.push_back(createIndex(place.head->at, column, nullptr));
        else
            to.push_back(
                createIndex(place.slot->at, column,
                            place.slot->group == flat_.get() ? nullptr : place.slot->group));
    }
    changePersistentIndexList(from, to);
    emit layoutChanged();
}

void SessionModel::removeEmptyGroups()
{
    for (std::size_t i = order_.size(); i-- > 0;) {
        if (!order_[i]->rows.empty())
            continue;
        beginRemoveRows({}, static_cast<int>(i), static_cast<int>(i));
        order_[i]->at = -1;
        order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(i));
        for (std::size_t k = i; k < order_.size(); ++k)
            order_[k]->at = static_cast<int>(k);
        endRemoveRows();
    }
    // Nothing points at a group without rows: whoever is filtered out wants none.
    std::erase_if(groups_, [](const auto& entry) {
        return entry.second->rows.empty() && entry.second->at < 0;
    });
}

void SessionModel::touchAll()
{
    const auto span = [this](const QModelIndex& parent, int rows) {
        if (rows > 0)
            emit dataChanged(index(0, 0, parent), index(rows - 1, sessionColumnCount - 1, parent));
    };
    span({}, rowCount());
    for (Group* group : order_)
        span(headOf(*group), static_cast<int>(group->rows.size()));
}

std::vector<SessionModel::Group*> SessionModel::all() const
{
    return grouping_ == SessionGrouping::none ? std::vector<Group*>{flat_.get()} : order_;
}

std::vector<SessionModel::Group*> SessionModel::sortedHeads() const
{
    std::vector<Group*> heads = order_;
    std::sort(heads.begin(), heads.end(), [](const Group* a, const Group* b) {
        if (a->troubled() != b->troubled())
            return a->troubled() > b->troubled();
        // Not rows.size(): while rows move between groups, counts are ahead of them.
        if (a->size() != b->size())
            return a->size() > b->size();
        return a->id < b->id;
    });
    return heads;
}

void SessionModel::setFilter(const SessionFilter& filter)
{
    filter_ = filter;
    judgeAll();
    settle(false);
    emit countsChanged();
}

void SessionModel::setGrouping(SessionGrouping grouping)
{
    if (grouping == grouping_)
        return;
    beginResetModel();
    grouping_ = grouping;
    fillAfterReset();
    endResetModel();
}

void SessionModel::setFormatter(const Formatter& formatter)
{
    format_ = formatter;
    touchAll();
}

void SessionModel::setPinned(const std::optional<SessionKey>& session)
{
    pinned_ = session;
}

void SessionModel::sort(int column, Qt::SortOrder order)
{
    if (column < 0 || column >= sessionColumnCount)
        return;
    sortColumn_ = static_cast<SessionColumn>(column);
    descending_ = order == Qt::DescendingOrder;
    const auto pinned = std::exchange(pinned_, std::nullopt);
    reorder(true);
    pinned_ = pinned;
}

} // namespace poolscope
