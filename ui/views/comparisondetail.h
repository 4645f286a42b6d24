// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/comparerows.h"
#include "ui/views/detailpanel.h"

namespace poolscope {

class FrameList;

/// One figure of a comparison: its sentence, both sides, what they rest on, and the stack where it
/// is of a line of code.
class ComparisonDetail : public DetailPanel
{
    Q_OBJECT
public:
    explicit ComparisonDetail(QWidget* parent);

    void setChange(const compare::Change& change);
    /// Instead of a figure.
    void setWords(const QString& words);

private:
    QLabel* sentence_;
    QLabel* where_;
    QLabel* before_;
    QLabel* beforeBasis_;
    QLabel* after_;
    QLabel* afterBasis_;
    QLabel* change_;
    SectionHead* stackHead_;
    FrameList* stack_;
};

} // namespace poolscope
