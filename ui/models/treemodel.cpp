// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/treemodel.h"

#include <QHash>

#include <algorithm>

namespace poolscope {

namespace {

void link(TreeNode& parent)
{
    for (std::size_t i = 0; i < parent.children.size(); ++i) {
        parent.children[i]->parent = &parent;
        parent.children[i]->at = static_cast<int>(i);
        link(*parent.children[i]);
    }
}

const std::vector<TreeCell>& cellsOf(TreeNode& row)
{
    if (row.late) {
        row.cells = row.late();
        row.late = nullptr;
    }
    return row.cells;
}

} // namespace

int compareValues(const QVariant& a, const QVariant& b, bool descending)
{
    if (!a.isValid() || !b.isValid())
        return static_cast<int>(!a.isValid()) - static_cast<int>(!b.isValid());
    int order = 0;
    if (a.typeId() == QMetaType::QString)
        order = a.toString().compare(b.toString(), Qt::CaseInsensitive);
    else if (a.toDouble() != b.toDouble())
        order = a.toDouble() < b.toDouble() ? -1 : 1;
    return descending ? -order : order;
}

TreeModel::TreeModel(std::vector<TreeColumn> columns, QObject* parent)
    : QAbstractItemModel(parent)
    , columns_(std::move(columns))
    , root_(std::make_unique<TreeNode>())
{}

TreeModel::~TreeModel() = default;

void TreeModel::replace(TreeNodes rows)
{
    merge(*root_, std::move(rows));
}

void TreeModel::merge(TreeNode& into, TreeNodes incoming)
{
    sortRows(incoming);
    // Mostly the same rows in the same order say something else.
    if (std::equal(incoming.begin(), incoming.end(), into.children.begin(), into.children.end(),
                   [](const auto& a, const auto& b) { return a->id == b->id; })) {
        for (std::size_t i = 0; i < incoming.size(); ++i)
            take(*into.children[i], *incoming[i]);
        tellChanged(into);
        return;
    }
    QHash<QStringView, TreeNode*> present; // the names are the rows' own
    present.reserve(std::ssize(into.children));
    for (const auto& child : into.children)
        present.insert(child->id, child.get());
    std::vector<TreeNode*> order;
    order.reserve(incoming.size());
    std::vector<bool> stays(into.children.size());
    for (const std::unique_ptr<TreeNode>& row : incoming) {
        // Taken once: where two rows should be called alike, the second is another.
        TreeNode* const old = present.take(row->id);
        order.push_back(old ? old : row.get());
        if (old)
            stays[static_cast<std::size_t>(old->at)] = true;
    }
    removeUnwanted(into, stays);
    TreeNodes fresh;
    for (std::size_t i = 0; i < incoming.size(); ++i) {
        if (order[i] == incoming[i].get())
            fresh.push_back(std::move(incoming[i]));
        else
            take(*order[i], *incoming[i]);
    }
    if (!fresh.empty()) {
        const int first = static_cast<int>(into.children.size());
        beginInsertRows(indexOf(into), first, first + static_cast<int>(fresh.size()) - 1);
        for (std::unique_ptr<TreeNode>& row : fresh) {
            sortBelow(*row);
            into.children.push_back(std::move(row));
        }
        link(into);
        endInsertRows();
    }
    reorder(into, order);
    tellChanged(into);
}

void TreeModel::tellChanged(const TreeNode& below)
{
    if (!below.children.empty())
        emit dataChanged(indexOf(*below.children.front()),
                         indexOf(*below.children.back(), columnCount() - 1));
}

/// What the new row says, in the old one's place.
void TreeModel::take(TreeNode& old, TreeNode& row)
{
    TreeNodes children = std::move(row.children);
    old.cells = std::move(row.cells);
    old.late = std::move(row.late);
    old.session = row.session;
    old.checkout = std::move(row.checkout);
    old.lead = row.lead;
    old.folded = row.folded;
    old.state = row.state;
    old.severity = row.severity;
    old.staleness = row.staleness;
    old.group = row.group;
    old.groupCount = row.groupCount;
    old.groupSummary = std::move(row.groupSummary);
    if (!old.children.empty() || !children.empty())
        merge(old, std::move(children));
}

/// Neighbours go together: a view is told once of a thousand.
void TreeModel::removeUnwanted(TreeNode& from, const std::vector<bool>& stays)
{
    for (std::size_t end = from.children.size(); end > 0;) {
        if (stays[end - 1]) {
            --end;
            continue;
        }
        std::size_t first = end - 1;
        while (first > 0 && !stays[first - 1])
            --first;
        beginRemoveRows(indexOf(from), static_cast<int>(first), static_cast<int>(end) - 1);
        from.children.erase(from.children.begin() + static_cast<std::ptrdiff_t>(first),
                            from.children.begin() + static_cast<std::ptrdiff_t>(end));
        for (std::size_t k = first; k < from.children.size(); ++k)
            from.children[k]->at = static_cast<int>(k);
        endRemoveRows();
        end = first;
    }
}

void TreeModel::reorder(TreeNode& parent, const std::vector<TreeNode*>& order)
{
    const bool same =
        std::equal(order.begin(), order.end(), parent.children.begin(), parent.children.end(),
                   [](const TreeNode* a, const auto& b) { return a == b.get(); });
    if (same)
        return;
    emit layoutAboutToBeChanged();
    const QModelIndexList from = persistentIndexList();
    TreeNodes ordered;
    ordered.reserve(order.size());
    for (const TreeNode* const row : order)
        ordered.push_back(std::move(parent.children[static_cast<std::size_t>(row->at)]));
    parent.children = std::move(ordered);
    for (std::size_t i = 0; i < parent.children.size(); ++i)
        parent.children[i]->at = static_cast<int>(i);
    QModelIndexList to;
    for (const QModelIndex& index : from)
        to.push_back(
            indexOf(*static_cast<const TreeNode*>(index.internalPointer()), index.column()));
    changePersistentIndexList(from, to);
    emit layoutChanged();
}

void TreeModel::sortRows(TreeNodes& rows) const
{
    if (sortColumn_ < 0)
        return;
    const auto column = static_cast<std::size_t>(sortColumn_);
    std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
        const auto value = [column](TreeNode& row) {
            const std::vector<TreeCell>& cells = cellsOf(row);
            return column < cells.size() ? cells[column].sort : QVariant();
        };
        return compareValues(value(*a), value(*b), sortOrder_ == Qt::DescendingOrder) < 0;
    });
}

/// Only for rows that no view knows yet.
void TreeModel::sortBelow(TreeNode& parent)
{
    sortRows(parent.children);
    for (const auto& child : parent.children)
        sortBelow(*child);
}

void TreeModel::sort(int column, Qt::SortOrder order)
{
    sortColumn_ = column < columnCount() ? column : -1;
    sortOrder_ = order;
    if (sortColumn_ < 0)
        return;
    std::vector<TreeNode*> pending{root_.get()};
    while (!pending.empty()) {
        TreeNode* const parent = pending.back();
        pending.pop_back();
        std::vector<TreeNode*> wanted;
        for (const auto& child : parent->children)
            wanted.push_back(child.get());
        const auto at = static_cast<std::size_t>(sortColumn_);
        std::stable_sort(wanted.begin(), wanted.end(), [&](TreeNode* a, TreeNode* b) {
            return compareValues(cellsOf(*a).at(at).sort, cellsOf(*b).at(at).sort,
                                 order == Qt::DescendingOrder) < 0;
        });
        reorder(*parent, wanted);
        pending.insert(pending.end(), wanted.begin(), wanted.end());
    }
}

const TreeNode* TreeModel::node(const QModelIndex& index) const
{
    return static_cast<const TreeNode*>(index.internalPointer());
}

QModelIndex TreeModel::indexOf(const TreeNode& node, int column) const
{
    if (&node == root_.get())
        return {};
    return createIndex(node.at, column, &node);
}

template <class Matches>
const TreeNode* TreeModel::find(const TreeNode& below, Matches matches) const
{
    for (const auto& child : below.children) {
        if (matches(*child))
            return child.get();
        if (const TreeNode* const found = find(*child, matches))
            return found;
    }
    return nullptr;
}

QModelIndex TreeModel::indexOf(const SessionKey& session) const
{
    const TreeNode* const found =
        find(*root_, [&](const TreeNode& node) { return node.session == session; });
    return found ? indexOf(*found) : QModelIndex();
}

QModelIndex TreeModel::indexOf(const CheckoutKey& checkout) const
{
    const TreeNode* const found =
        find(*root_, [&](const TreeNode& node) { return node.checkout == checkout; });
    return found ? indexOf(*found) : QModelIndex();
}

QModelIndex TreeModel::indexOfTop(const QString& id) const
{
    for (const auto& row : root_->children) {
        if (row->id == id)
            return indexOf(*row);
    }
    return {};
}

QModelIndex TreeModel::index(int row, int column, const QModelIndex& parent) const
{
    if (!hasIndex(row, column, parent))
        return {};
    const TreeNode& above = parent.isValid() ? *node(parent) : *root_;
    return createIndex(row, column, above.children.at(static_cast<std::size_t>(row)).get());
}

QModelIndex TreeModel::parent(const QModelIndex& child) const
{
    return child.isValid() ? indexOf(*node(child)->parent) : QModelIndex();
}

int TreeModel::rowCount(const QModelIndex& parent) const
{
    if (parent.isValid() && parent.column() != 0)
        return 0;
    return static_cast<int>((parent.isValid() ? *node(parent) : *root_).children.size());
}

int TreeModel::columnCount(const QModelIndex&) const
{
    return static_cast<int>(columns_.size());
}

QVariant TreeModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid())
        return {};
    TreeNode& row = *static_cast<TreeNode*>(index.internalPointer());
    static const TreeCell blank;
    const auto at = static_cast<std::size_t>(index.column());
    const std::vector<TreeCell>& cells = cellsOf(row);
    const TreeCell& cell = at < cells.size() ? cells[at] : blank;
    switch (role) {
    case Qt::DisplayRole:
    case Qt::AccessibleTextRole:
        return cell.text;
    case Qt::ToolTipRole:
        // Tooltips guess at rich text; escaped, the guess cannot matter.
        return cell.tip.isEmpty() ? QString()
                                  : QStringLiteral("<span style=\"white-space:pre-wrap\">%1</span>")
                                        .arg(cell.tip.toHtmlEscaped());
    case Qt::TextAlignmentRole:
        return static_cast<int>(Qt::AlignVCenter |
                                (columns_[at].right ? Qt::AlignRight : Qt::AlignLeft));
    case SortRole:
        return cell.sort;
    case KeyRole:
        return row.session ? QVariant::fromValue(*row.session) : QVariant();
    case StateRole:
        return row.state ? QVariant(static_cast<int>(*row.state)) : QVariant();
    case SeverityRole:
        return row.severity ? QVariant(*row.severity) : QVariant();
    case GroupRole:
        return row.group;
    case GroupCountRole:
        return row.groupCount;
    case GroupSummaryRole:
        return row.groupSummary;
    case CopyRole:
        return cell.copy.isNull() ? cell.text : cell.copy;
    case EmphasisRole:
        return static_cast<int>(cell.emphasis);
    case MonoRole:
        return columns_[at].mono || cell.mono;
    case LeadRole:
        return static_cast<int>(at == 0 ? row.lead : Lead::none);
    case FoldedRole:
        return row.folded;
    case StaleRole:
        return row.staleness.has_value();
    case StaleAgeRole:
        return row.staleness ? QVariant::fromValue<qlonglong>(to_us(*row.staleness)) : QVariant();
    default:
        return {};
    }
}

QVariant TreeModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount())
        return {};
    const TreeColumn& column = columns_[static_cast<std::size_t>(section)];
    if (role == Qt::DisplayRole)
        return column.title;
    if (role == Qt::ToolTipRole)
        return column.explanation.isEmpty() ? column.title : column.explanation;
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>(Qt::AlignVCenter | (column.right ? Qt::AlignRight : Qt::AlignLeft));
    return {};
}

} // namespace poolscope
