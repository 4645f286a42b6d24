// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/sessionmodel.h"
#include "ui/models/sessionmodel_p.h"
#include "ui/models/sessionstore.h"
#include "ui/models/targetkinds.h"

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
                          target.next_xid, poolscope::staleness(target, update.now),
                          poolscope::tellsXmin(target)};
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
    if (found->second->group) {
        dead_.push_back(std::move(found->second));
        leavers_ = true;
    }
    slots_.erase(found);
}

void SessionModel::judge(Slot& slot)
{
    const TargetFrame& target = frame(slot.row.session.key.target);
    slot.wanted =
        filter_.matches(slot.row, now_ + target.clockOffset) ? groupFor(slot.row) : nullptr;
    leavers_ = leavers_ || (!slot.wanted && slot.group);
    if (slot.wanted && slot.wanted != slot.group && !slot.unplaced) {
        slot.unplaced = true;
        unplaced_.push_back(&slot);
    }
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
    leavers_ = false;
    shown_ = 0;
    for (const auto& [key, slot] : slots_) {
        slot->group = nullptr;
        slot->key = sortKey(sortColumn_, slot->row, frame(key.target));
        judge(*slot);
        slot->unplaced = false;
        if (slot->wanted) {
            slot->wanted->rows.push_back(slot.get());
            ++shown_;
        }
    }
    const auto inOrder = [this](const Slot* a, const Slot* b) {
        return before(a, b);
    };
    unplaced_.clear();
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
