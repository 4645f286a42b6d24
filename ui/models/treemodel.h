// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/pool.h"
#include "ui/models/roles.h"

#include <QAbstractItemModel>
#include <QString>
#include <QVariant>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace poolscope {

struct TreeColumn
{
    QString title;
    QString explanation;
    bool right = false;
    bool mono = false;
};

struct TreeCell
{
    QString text;
    QVariant sort; ///< a number or a text; invalid sorts last
    QString copy;  ///< raw; the text where null
    QString tip;   ///< plain text
    Emphasis emphasis = Emphasis::plain;
    bool mono = false; ///< a number in a column of words
};

/// A row. The id names it from one replacement to the next and is unique among its siblings.
struct TreeNode
{
    QString id;
    std::vector<TreeCell> cells;
    /// Makes the cells once they are asked for: of thousands of rows, some dozens are looked at.
    std::function<std::vector<TreeCell>()> late;
    std::optional<SessionKey> session;
    std::optional<CheckoutKey> checkout;
    Lead lead = Lead::none; ///< of the first cell
    bool folded = false;    ///< comes closed
    std::optional<SessionState> state;
    std::optional<int> severity;       ///< of LeakSeverity
    std::optional<Duration> staleness; ///< how old its values are, if they are old
    bool group = false;
    int groupCount = 0;
    QString groupSummary;
    std::vector<std::unique_ptr<TreeNode>> children;

    TreeNode* parent = nullptr; ///< these two are the model's
    int at = 0;
};
using TreeNodes = std::vector<std::unique_ptr<TreeNode>>;

/// A table or tree that is computed whole each time and shown by its differences: rows that stay
/// keep their persistent indexes. Hundreds of rows, or some ten thousand whose cells are made late.
class TreeModel : public QAbstractItemModel
{
    Q_OBJECT
public:
    explicit TreeModel(std::vector<TreeColumn> columns, QObject* parent = nullptr);
    ~TreeModel() override;

    void replace(TreeNodes rows);
    const TreeNode* node(const QModelIndex& index) const;
    QModelIndex indexOf(const SessionKey& session) const;
    QModelIndex indexOf(const CheckoutKey& checkout) const;
    /// The row at the top of that id.
    QModelIndex indexOfTop(const QString& id) const;
    const TreeColumn& column(int at) const { return columns_.at(static_cast<std::size_t>(at)); }

    QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    QModelIndex parent(const QModelIndex& child) const override;
    using QObject::parent;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    /// Column -1: in the order given.
    void sort(int column, Qt::SortOrder order) override;

private:
    void merge(TreeNode& into, TreeNodes incoming);
    void tellChanged(const TreeNode& below);
    void take(TreeNode& old, TreeNode& row);
    void removeUnwanted(TreeNode& from, const std::vector<bool>& stays);
    void reorder(TreeNode& parent, const std::vector<TreeNode*>& order);
    void sortRows(TreeNodes& rows) const;
    void sortBelow(TreeNode& parent);
    QModelIndex indexOf(const TreeNode& node, int column = 0) const;
    template <class Matches>
    const TreeNode* find(const TreeNode& below, Matches matches) const;

    std::vector<TreeColumn> columns_;
    std::unique_ptr<TreeNode> root_;
    int sortColumn_ = -1;
    Qt::SortOrder sortOrder_ = Qt::AscendingOrder;
};

/// Below 0 where a comes first; invalid ones come last in either direction.
int compareValues(const QVariant& a, const QVariant& b, bool descending);

} // namespace poolscope
