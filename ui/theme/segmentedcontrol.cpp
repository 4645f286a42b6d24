// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/segmentedcontrol.h"

#include <QAbstractButton>
#include <QApplication>
#include <QButtonGroup>
#include <QEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QToolButton>

#include <algorithm>

namespace poolscope {

SegmentedControl::SegmentedControl(const QStringList& labels, QWidget* parent)
    : QWidget(parent)
    , group_(new QButtonGroup(this))
{
    const qsizetype last = labels.size() - 1;
    for (qsizetype i = 0; i <= last; ++i) {
        QToolButton* const button = makeSegment(i == 0 && i == last ? "only"
                                                : i == 0            ? "first"
                                                : i == last         ? "last"
                                                                    : "middle");
        button->setText(labels[i]);
        button->setCheckable(true);
        group_->addButton(button, int(i));
    }
    if (!labels.isEmpty())
        group_->button(0)->setChecked(true);
    fold_ = makeSegment("only");
    fold_->setObjectName(QStringLiteral("fold"));
    fold_->installEventFilter(this);
    fold_->setPopupMode(QToolButton::InstantPopup);
    auto* const menu = new QMenu(fold_);
    fold_->setMenu(menu);
    connect(menu, &QMenu::aboutToShow, this, [this, menu] {
        menu->clear();
        for (QAbstractButton* const button : group_->buttons()) {
            QAction* const action = menu->addAction(button->text());
            action->setCheckable(true);
            action->setChecked(button->isChecked());
            const int index = group_->id(button);
            connect(action, &QAction::triggered, this, [this, index] { choose(index); });
        }
    });
    fold_->hide();
    setSizePolicy(QSizePolicy::Maximum, QSizePolicy::Fixed);
    connect(group_, &QButtonGroup::idClicked, this, [this](int index) {
        wordFold();
        emit chosen(index);
    });
    wordFold();
}

QToolButton* SegmentedControl::makeSegment(const char* where)
{
    auto* const button = new QToolButton(this);
    button->setFocusPolicy(Qt::StrongFocus);
    button->setProperty("segment", QLatin1String(where));
    return button;
}

int SegmentedControl::current() const
{
    return group_->checkedId();
}

void SegmentedControl::setCurrent(int index)
{
    if (QAbstractButton* button = group_->button(index))
        button->setChecked(true);
    wordFold();
}

int SegmentedControl::count() const
{
    return int(group_->buttons().size());
}

QSize SegmentedControl::sizeHint() const
{
    QSize size;
    for (const QAbstractButton* button : group_->buttons()) {
        const QSize hint = button->sizeHint();
        size = {size.width() + hint.width(), std::max(size.height(), hint.height())};
    }
    return size;
}

QSize SegmentedControl::minimumSizeHint() const
{
    return {std::min(fold_->sizeHint().width(), sizeHint().width()), sizeHint().height()};
}

/// The chosen one's word, and that there are others.
void SegmentedControl::wordFold()
{
    const QAbstractButton* const button = group_->checkedButton();
    const QString word = button ? button->text() : QString();
    fold_->setText(word + QStringLiteral(" \u25be"));
    updateGeometry();
    arrange();
}

void SegmentedControl::arrange()
{
    const bool folded = width() < sizeHint().width();
    if (folded != folded_) {
        const bool focused = isAncestorOf(QApplication::focusWidget());
        folded_ = folded;
        for (QAbstractButton* button : group_->buttons())
            button->setVisible(!folded);
        fold_->setVisible(folded);
        if (focused)
            (folded ? fold_ : group_->checkedButton())->setFocus();
    }
    fold_->setAccessibleName(accessibleName() + QStringLiteral(": ") + fold_->text());
    int x = 0;
    for (QAbstractButton* button : group_->buttons()) {
        const int wide = button->sizeHint().width();
        button->setGeometry(x, 0, wide, height());
        x += wide;
    }
    fold_->setGeometry(0, 0, std::min(width(), fold_->sizeHint().width()), height());
}

bool SegmentedControl::event(QEvent* event)
{
    const bool handled = QWidget::event(event);
    switch (event->type()) {
    case QEvent::Show:
    case QEvent::Resize:
    case QEvent::LayoutRequest:
        arrange();
        break;
    case QEvent::StyleChange:
    case QEvent::FontChange:
        wordFold();
        break;
    default:
        break;
    }
    return handled;
}

/// A button alone takes arrow keys to move the focus.
bool SegmentedControl::eventFilter(QObject* watched, QEvent* event)
{
    if (watched != fold_ || event->type() != QEvent::KeyPress)
        return QWidget::eventFilter(watched, event);
    auto* const key = static_cast<QKeyEvent*>(event);
    if (key->key() != Qt::Key_Left && key->key() != Qt::Key_Right)
        return false;
    keyPressEvent(key);
    return true;
}

void SegmentedControl::choose(int index)
{
    if (index == current())
        return;
    setCurrent(index);
    emit chosen(index);
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
    (folded_ ? fold_ : group_->button(next))->setFocus(Qt::TabFocusReason);
    choose(next);
}

} // namespace poolscope
