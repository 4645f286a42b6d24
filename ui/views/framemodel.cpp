// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/framemodel.h"

#include "ui/models/formatter.h"
#include "ui/models/placewords.h"
#include "ui/theme/tooltip.h"

namespace poolscope {

void FrameModel::setStack(const StackRef& stack, LeakSeverity severity)
{
    if (severity_ != severity) {
        severity_ = severity;
        if (!rows_.empty())
            emit dataChanged(index(0), index(rowCount() - 1));
    }
    if (same_stack(stack_, stack))
        return;
    beginResetModel();
    stack_ = stack;
    open_.clear();
    layOut();
    endResetModel();
}

void FrameModel::setOld(bool old)
{
    if (old_ == old)
        return;
    old_ = old;
    if (!rows_.empty())
        emit dataChanged(index(0), index(rowCount() - 1));
}

bool FrameModel::acquires(const Row& row) const
{
    return !row.fold && &line(row) == acquiring_line(stack_.get());
}

void FrameModel::layOut()
{
    rows_.clear();
    if (!stack_)
        return;
    const auto& lines = stack_->lines;
    const StackLine* const acquiring = acquiring_line(stack_.get());
    const auto folds = [&](std::size_t i) {
        return !lines[i].own && &lines[i] != acquiring;
    };
    for (std::size_t i = 0; i < lines.size();) {
        std::size_t end = i;
        while (end < lines.size() && folds(end))
            ++end;
        const int count = static_cast<int>(end - i);
        const int first = static_cast<int>(i);
        if (count >= 2) {
            const bool open = open_.contains(first);
            rows_.push_back({first, count, true, open});
            for (int k = 0; open && k < count; ++k)
                rows_.push_back({first + k, 1, false, false});
            i = end;
        } else {
            rows_.push_back({first, 1, false, false});
            ++i;
        }
    }
}

void FrameModel::toggle(int at)
{
    if (at < 0 || at >= rowCount() || !row(at).fold)
        return;
    const Row fold = row(at);
    if (fold.open) {
        beginRemoveRows({}, at + 1, at + fold.count);
        open_.remove(fold.first);
        layOut();
        endRemoveRows();
    } else {
        beginInsertRows({}, at + 1, at + fold.count);
        open_.insert(fold.first);
        layOut();
        endInsertRows();
    }
    emit dataChanged(index(at), index(at));
}

int FrameModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

QVariant FrameModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid())
        return {};
    const Row& at = row(index.row());
    if (role == Qt::DisplayRole || role == Qt::AccessibleTextRole) {
        if (at.fold)
            return tr("%1 lines of libraries").arg(at.count);
        const StackLine& line = this->line(at);
        QString text = line.function.empty() ? Formatter::notReported()
                                             : Formatter::line(line.function.str(), 512);
        if (const QString where = wholeLine(line); !where.isEmpty())
            text += QStringLiteral(", ") + where;
        return acquires(at) ? tr("%1, acquired here").arg(text) : text;
    }
    if (role == Qt::ToolTipRole && !at.fold) {
        const StackLine& line = this->line(at);
        return plainToolTip(Formatter::line(line.function.str(), 512) + QLatin1Char('\n') +
                            wholeLine(line));
    }
    return {};
}

} // namespace poolscope
