// SPDX-License-Identifier: GPL-3.0-or-later
// The ordering half of SessionModel: rows come, go, change group and place.
#include "ui/models/sessionmodel_p.h"

#include <algorithm>

namespace poolscope {

using namespace sessioncolumns;

void SessionModel::settle(bool resort)
{
    // Where it is now is where it stays, whatever comes and goes above it.
    pinnedAt_ = -1;
    const auto pinned = pinned_ ? slots_.find(*pinned_) : slots_.end();
    if (pinned != slots_.end() && pinned->second->wanted == pinned->second->group) {
        pinnedAt_ = pinned->second->at;
        pinned->second->moved = true;
    }
    if (leavers_)
        removeLeavers();
    if (!unplaced_.empty()) {
        addNewcomers();
        moveBetweenGroups();
    }
    for (Group* group : order_)
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
    leavers_ = false;
}

void SessionModel::addNewcomers()
{
    std::unordered_map<Group*, std::vector<Slot*>> arrivals;
    std::vector<Group*> heads;
    for (Slot* const slot : std::exchange(unplaced_, {})) {
        slot->unplaced = false;
        if (!slot->wanted || slot->wanted == slot->group)
            continue;
        if (slot->wanted != flat_.get() && slot->wanted->at < 0 &&
            std::find(heads.begin(), heads.end(), slot->wanted) == heads.end())
            heads.push_back(slot->wanted);
        if (!slot->group)
            arrivals[slot->wanted].push_back(slot);
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
        append(*group, added);
        shown_ += static_cast<int>(added.size());
    }
}

/// Rows take their new group at its end; the reordering comes after. QItemSelectionModel takes a
/// layout change for a permutation wherever all of a large parent is selected: it would lose who
/// leaves and select who comes. One row more that nobody selected keeps it exact.
void SessionModel::moveBetweenGroups()
{
    constexpr std::size_t large = 1000 / sessionColumnCount;
    std::unordered_map<Group*, std::vector<Slot*>> movers;
    for (Group* const group : order_) {
        for (Slot* const slot : group->rows) {
            if (slot->wanted == group)
                continue;
            slot->moved = true;
            movers[slot->wanted].push_back(slot);
            movers[group]; // it changes too
        }
    }
    if (movers.empty())
        return;
    std::vector<std::unique_ptr<Slot>> guards;
    std::vector<std::pair<Group*, std::vector<Slot*>>> rows;
    for (Group* const group : order_) {
        const auto found = movers.find(group);
        if (found == movers.end())
            continue;
        std::vector<Slot*> wanted;
        std::copy_if(group->rows.begin(), group->rows.end(), std::back_inserter(wanted),
                     [group](const Slot* slot) { return slot->wanted == group; });
        wanted.insert(wanted.end(), found->second.begin(), found->second.end());
        if (group->rows.size() >= large) {
            guards.push_back(std::make_unique<Slot>());
            guards.back()->wanted = group;
            append(*group, {guards.back().get()});
            wanted.push_back(guards.back().get());
        }
        rows.emplace_back(group, std::move(wanted));
    }
    rearrange(std::move(rows), order_);
    for (const std::unique_ptr<Slot>& guard : guards) {
        Group* const group = guard->group;
        beginRemoveRows(headOf(*group), guard->at, guard->at);
        group->rows.pop_back();
        endRemoveRows();
    }
}

void SessionModel::append(Group& group, const std::vector<Slot*>& rows)
{
    const int first = static_cast<int>(group.rows.size());
    beginInsertRows(headOf(group), first, first + static_cast<int>(rows.size()) - 1);
    group.rows.insert(group.rows.end(), rows.begin(), rows.end());
    group.place();
    endInsertRows();
}

bool SessionModel::before(const Slot* a, const Slot* b) const
{
    const int order = compare(a->key, b->key, descending_);
    return order != 0 ? order < 0 : a->row.session.key < b->row.session.key;
}

std::vector<SessionModel::Slot*> SessionModel::arranged(const Group& group, bool resort) const
{
    const auto inOrder = [this](const Slot* a, const Slot* b) {
        return before(a, b);
    };
    std::vector<Slot*> settled, loose;
    settled.reserve(group.rows.size());
    int pinnedAt = -1;
    for (Slot* slot : group.rows) {
        const bool pinned = pinned_ && slot->row.session.key == *pinned_;
        if (pinned)
            pinnedAt = pinnedAt_;
        (resort || slot->moved || pinned ? loose : settled).push_back(slot);
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
    std::vector<std::pair<Group*, std::vector<Slot*>>> rows;
    for (Group* group : all()) {
        const auto moved = [](const Slot* slot) {
            return slot->moved;
        };
        if (!resort && std::none_of(group->rows.begin(), group->rows.end(), moved))
            continue;
        std::vector<Slot*> target = arranged(*group, resort);
        if (target != group->rows)
            rows.emplace_back(group, std::move(target));
    }
    std::vector<Group*> heads = pinned_ ? order_ : sortedHeads();
    if (!rows.empty() || heads != order_)
        rearrange(std::move(rows), std::move(heads));
}

void SessionModel::rearrange(std::vector<std::pair<Group*, std::vector<Slot*>>>&& rows,
                             std::vector<Group*> heads)
{
    // Whole rows change places: selections follow that by the row.
    emit layoutAboutToBeChanged({}, VerticalSortHint);
    const QModelIndexList from = persistentIndexList();
    struct Spot
    {
        Group* head = nullptr;
        Slot* slot = nullptr;
    };
    std::vector<Spot> places;
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
        const Spot& place = places[static_cast<std::size_t>(i)];
        const int column = from[i].column();
        if (place.head)
            to.push_back(createIndex(place.head->at, column, nullptr));
        else
            to.push_back(
                createIndex(place.slot->at, column,
                            place.slot->group == flat_.get() ? nullptr : place.slot->group));
    }
    changePersistentIndexList(from, to);
    emit layoutChanged({}, VerticalSortHint);
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
        if (a->rows.size() != b->rows.size())
            return a->rows.size() > b->rows.size();
        return a->id < b->id;
    });
    return heads;
}

} // namespace poolscope
