// SPDX-License-Identifier: GPL-3.0-or-later
// What sessionmodel.cpp (order) and sessionmodelread.cpp (cells) share; for nobody else.
#pragma once

#include "ui/models/sessionmodel.h"

namespace poolscope {

struct SessionModel::Slot
{
    SessionRow row;
    sessioncolumns::SortKey key;
    Group* group = nullptr;  ///< whose row it is now
    Group* wanted = nullptr; ///< whose row it should be; null where filtered out or gone
    int at = -1;
    bool moved = true;     ///< may stand out of order
    bool unplaced = false; ///< in the model's list of those
};

struct SessionModel::Group
{
    std::string id;
    QString name;
    std::vector<Slot*> rows;
    int at = -1; ///< among the heads; -1 while it is none
    StateCounts counts{};

    void place()
    {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            rows[i]->at = static_cast<int>(i);
            rows[i]->group = this;
        }
    }
    void recount()
    {
        counts = {};
        for (const Slot* slot : rows)
            ++counts.at(static_cast<std::size_t>(slot->row.session.state));
    }
    std::int32_t troubled() const { return counts[0] + counts[1] + counts[2]; }
};

} // namespace poolscope
