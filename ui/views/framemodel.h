// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/leak/judgement.h"
#include "core/model/pool.h"

#include <QAbstractListModel>
#include <QSet>

#include <vector>

namespace poolscope {

/// Rows of a FrameList: lines of a stack, and folds.
class FrameModel : public QAbstractListModel
{
    Q_OBJECT
public:
    /// What one row shows: a line, or `count` lines of libraries folded into one.
    struct Row
    {
        int first = 0;
        int count = 1;
        bool fold = false; ///< it opens and closes what follows
        bool open = false;
    };
    using QAbstractListModel::QAbstractListModel;

    void setStack(const StackRef& stack, LeakSeverity severity);
    void setOld(bool old);
    const StackRef& stack() const { return stack_; }
    LeakSeverity severity() const { return severity_; }
    bool old() const { return old_; }
    const Row& row(int at) const { return rows_.at(static_cast<std::size_t>(at)); }
    const StackLine& line(const Row& row) const
    {
        return stack_->lines.at(static_cast<std::size_t>(row.first));
    }
    bool acquires(const Row& row) const;
    void toggle(int at);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

private:
    void layOut();

    StackRef stack_;
    LeakSeverity severity_ = LeakSeverity::none;
    bool old_ = false;
    QSet<int> open_; ///< first lines of the folds that are open
    std::vector<Row> rows_;
};

} // namespace poolscope
