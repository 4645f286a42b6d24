// SPDX-License-Identifier: GPL-3.0-or-later
// The reading half of SessionModel: indexes and cells.
#include "ui/models/sessionmodel_p.h"

#include "ui/models/roles.h"

#include <algorithm>

namespace poolscope {

using namespace sessioncolumns;

namespace {

QVariant ageOrNothing(const std::optional<Duration>& age)
{
    return age ? QVariant::fromValue<qlonglong>(to_us(*age)) : QVariant();
}

} // namespace

const SessionRow* SessionModel::row(const QModelIndex& index) const
{
    if (!index.isValid())
        return nullptr;
    const auto at = static_cast<std::size_t>(index.row());
    const auto* const group = static_cast<const Group*>(index.internalPointer());
    if (!group && grouping_ != SessionGrouping::none)
        return nullptr;
    const std::vector<Slot*>& rows = group ? group->rows : flat_->rows;
    return at < rows.size() ? &rows[at]->row : nullptr;
}

const TargetFrame& SessionModel::frame(TargetId target) const
{
    static const TargetFrame unknown;
    const auto found = targets_.find(target);
    return found == targets_.end() ? unknown : found->second;
}

QModelIndex SessionModel::indexOf(const SessionKey& session, int column) const
{
    const auto found = slots_.find(session);
    if (found == slots_.end() || !found->second->group)
        return {};
    Group* const group = found->second->group;
    return createIndex(found->second->at, column, group == flat_.get() ? nullptr : group);
}

QString SessionModel::groupName(const QModelIndex& index) const
{
    if (!index.isValid() || index.internalPointer() || grouping_ == SessionGrouping::none)
        return {};
    return order_.at(static_cast<std::size_t>(index.row()))->name;
}

QModelIndex SessionModel::headOf(const Group& group) const
{
    return &group == flat_.get() ? QModelIndex() : createIndex(group.at, 0, nullptr);
}

QModelIndex SessionModel::index(int row, int column, const QModelIndex& parent) const
{
    if (!hasIndex(row, column, parent))
        return {};
    return createIndex(row, column,
                       parent.isValid() ? order_.at(static_cast<std::size_t>(parent.row()))
                                        : nullptr);
}

QModelIndex SessionModel::parent(const QModelIndex& child) const
{
    const auto* const group = static_cast<const Group*>(child.internalPointer());
    return child.isValid() && group ? createIndex(group->at, 0, nullptr) : QModelIndex();
}

int SessionModel::rowCount(const QModelIndex& parent) const
{
    if (!parent.isValid())
        return static_cast<int>(grouping_ == SessionGrouping::none ? flat_->rows.size()
                                                                   : order_.size());
    if (parent.internalPointer() || parent.column() != 0 || grouping_ == SessionGrouping::none)
        return 0;
    return static_cast<int>(order_.at(static_cast<std::size_t>(parent.row()))->rows.size());
}

int SessionModel::columnCount(const QModelIndex&) const
{
    return sessionColumnCount;
}

bool SessionModel::hasChildren(const QModelIndex& parent) const
{
    return rowCount(parent) > 0;
}

Qt::ItemFlags SessionModel::flags(const QModelIndex& index) const
{
    if (!index.isValid())
        return {};
    // Heads take the keyboard's current row, but a command never hits a head.
    return row(index) ? Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren
                      : Qt::ItemIsEnabled | Qt::ItemIsSelectable;
}

QVariant SessionModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid())
        return {};
    const SessionRow* const found = row(index);
    if (!found)
        return groupData(*order_.at(static_cast<std::size_t>(index.row())), index.column(), role);
    const auto column = static_cast<SessionColumn>(index.column());
    const TargetFrame& target = frame(found->session.key.target);
    switch (role) {
    case Qt::DisplayRole:
    case Qt::AccessibleTextRole:
        return display(column, *found, target, now_, format_);
    case Qt::ToolTipRole: {
        // Tooltips guess at rich text; escaped, the guess cannot matter.
        const QString words = tip(column, *found, target);
        return words.isEmpty() ? QString()
                               : QStringLiteral("<span style=\"white-space:pre-wrap\">%1</span>")
                                     .arg(words.toHtmlEscaped());
    }
    case Qt::TextAlignmentRole:
        return static_cast<int>(Qt::AlignVCenter |
                                (rightAligned(column) ? Qt::AlignRight : Qt::AlignLeft));
    case SortRole:
        return sortValue(column, *found, target, now_);
    case KeyRole:
        return QVariant::fromValue(found->session.key);
    case StateRole:
        return static_cast<int>(found->session.state);
    case GroupRole:
        return false;
    case CopyRole:
        return copy(column, *found, target, now_);
    case EmphasisRole:
        return static_cast<int>(emphasis(column, *found, target));
    case MonoRole:
        return mono(column);
    case StaleRole:
        return target.staleness.has_value();
    case StaleAgeRole:
        return ageOrNothing(target.staleness);
    default:
        return {};
    }
}

/// A group is as old as its freshest row, and old only where all of it is.
std::optional<Duration> SessionModel::staleness(const Group& group) const
{
    const auto old = [](const auto& entry) {
        return entry.second.staleness.has_value();
    };
    if (std::none_of(targets_.begin(), targets_.end(), old))
        return std::nullopt;
    std::optional<Duration> least;
    for (const Slot* slot : group.rows) {
        const std::optional<Duration>& age = frame(slot->row.session.key.target).staleness;
        if (!age)
            return std::nullopt;
        least = std::min(least.value_or(*age), *age);
    }
    return least;
}

QVariant SessionModel::groupData(const Group& group, int column, int role) const
{
    if (role == GroupRole)
        return true;
    if (role == StaleRole)
        return staleness(group).has_value();
    if (role == StaleAgeRole)
        return ageOrNothing(staleness(group));
    if (role == GroupCountRole)
        return static_cast<int>(group.rows.size());
    if (role == GroupSummaryRole || role == Qt::AccessibleDescriptionRole) {
        QStringList parts;
        for (const SessionState state :
             {SessionState::idle_in_transaction, SessionState::idle_in_transaction_aborted,
              SessionState::waiting, SessionState::active, SessionState::idle}) {
            const std::int32_t n = group.counts.at(static_cast<std::size_t>(state));
            // Quiet ones are worth words only where nothing else is going on.
            if (n > 0 && (parts.size() < 3))
                parts += QStringLiteral("%1 %2").arg(
                    Formatter::count(n),
                    state == SessionState::waiting ? tr("waiting") : Formatter::state(state));
        }
        return parts.join(QStringLiteral(", "));
    }
    if (column != 0 && role != CopyRole)
        return {};
    switch (role) {
    case Qt::DisplayRole:
    case CopyRole:
    case SortRole:
        return column == 0 ? group.name : QString();
    case Qt::AccessibleTextRole:
        return tr("Group %1, %2").arg(group.name, Formatter::sessions(std::ssize(group.rows)));
    default:
        return {};
    }
}

QVariant SessionModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || section < 0 || section >= sessionColumnCount)
        return {};
    const auto column = static_cast<SessionColumn>(section);
    if (role == Qt::DisplayRole)
        return title(column);
    if (role == Qt::ToolTipRole)
        return explanation(column);
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>(Qt::AlignVCenter |
                                (rightAligned(column) ? Qt::AlignRight : Qt::AlignLeft));
    return {};
}

} // namespace poolscope
