// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/segmentedcontrol.h"

#include <QAbstractButton>
#include <QButtonGroup>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QToolButton>

#include <algorithm>

namespace poolscope {

SegmentedControl::SegmentedControl(const QStringList& labels, QWidget* parent)
    : QWidget(parent)
    , group_(new QButtonGroup(this))
{
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    for (qsizetype i = 0; i < labels.size(); ++i) {
        auto* button = new QToolButton(this);
        button->setText(labels[i]);
        button->setCheckable(true);
        button->setFocusPolicy(Qt::StrongFocus);
        const bool first = i == 0, last = i + 1 == labels.size();
        button->setProperty("segment", first && last ? QStringLiteral("only")
                                       : first       ? QStringLiteral("first")
                                       : last        ? QStringLiteral("last")
                                                     : QStringLiteral("middle"));
        group_->addButton(button, int(i));
        row->addWidget(button);
    }
    if (!labels.isEmpty())
        group_->button(0)->setChecked(true);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    connect(group_, &QButtonGroup::idClicked, this, &SegmentedControl::chosen);
}

int SegmentedControl::current() const
{
    return group_->checkedId();
}

void SegmentedControl::setCurrent(int index)
{
    if (QAbstractButton* button = group_->button(index))
        button->setChecked(true);
}

int SegmentedControl::count() const
{
    return int(group_->buttons().size());
}

void SegmentedControl::keyPressEvent(QKeyEvent* event)
{
    const int step = event->key() == Qt::Key_Right ? 1 : (event->key() == Qt::Key_Left ? -1 : 0);
    if (step == 0) {
        QWidget::keyPressEvent(event);
        return;
    }
    const int next = std::clamp(current() + step, 0, count() - 1);
    if (next == current())
        return;
    setCurrent(next);
    group_->button(next)->setFocus(Qt::TabFocusReason);
    emit chosen(next);
}

} // namespace poolscope
