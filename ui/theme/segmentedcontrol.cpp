// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/segmentedcontrol.h"

#include <QAbstractButton>
#include <QApplication>
#include <QButtonGroup>
#include <QEvent>
#include <QKeyEvent>
#include <QLayout>
#include <QMenu>
#include <QToolButton>

#include <algorithm>

namespace poolscope {

namespace {

/// The layout that has the widget itself.
const QLayout* lineOf(const QLayout* layout, const QWidget* widget)
{
    for (int i = 0; layout && i < layout->count(); ++i) {
        QLayoutItem* const item = layout->itemAt(i);
        if (item->widget() == widget)
            return layout;
        if (const QLayout* const found = lineOf(item->layout(), widget))
            return found;
    }
    return nullptr;
}

} // namespace

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
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    connect(group_, &QButtonGroup::idClicked, this, [this](int index) {
        wordFold();
        emit chosen(index);
    });
    wordFold();
    if (parent)
        parent->installEventFilter(this);
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

QSize SegmentedControl::spread() const
{
    QSize size(0, 0);
    for (const QAbstractButton* button : group_->buttons()) {
        const QSize hint = button->sizeHint();
        size = {size.width() + hint.width(), std::max(size.height(), hint.height())};
    }
    return size;
}

QSize SegmentedControl::sizeHint() const
{
    return folded_ ? fold_->sizeHint() : spread();
}

QSize SegmentedControl::minimumSizeHint() const
{
    return sizeHint();
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

/// Only where all else in its line has given way already.
void SegmentedControl::weigh()
{
    const QWidget* const parent = parentWidget();
    const QLayout* const line = parent ? lineOf(parent->layout(), this) : nullptr;
    if (!line || !line->geometry().isValid())
        return;
    const int needed = line->minimumSize().width() - sizeHint().width() + spread().width();
    const bool fold =
        needed > line->geometry().width() && fold_->sizeHint().width() < spread().width();
    if (fold == folded_)
        return;
    const bool focused = isAncestorOf(QApplication::focusWidget());
    folded_ = fold;
    for (QAbstractButton* button : group_->buttons())
        button->setVisible(!fold);
    fold_->setVisible(fold);
    if (focused)
        (fold ? fold_ : group_->checkedButton())->setFocus();
    updateGeometry();
    arrange();
}

void SegmentedControl::arrange()
{
    fold_->setAccessibleName(accessibleName() + QStringLiteral(": ") + fold_->text());
    int x = 0;
    for (QAbstractButton* button : group_->buttons()) {
        const int wide = button->sizeHint().width();
        button->setGeometry(x, 0, wide, height());
        x += wide;
    }
    fold_->setGeometry(0, 0, fold_->sizeHint().width(), height());
}

bool SegmentedControl::event(QEvent* event)
{
    const bool handled = QWidget::event(event);
    switch (event->type()) {
    case QEvent::ParentAboutToChange:
        if (parentWidget())
            parentWidget()->removeEventFilter(this);
        break;
    case QEvent::ParentChange:
        if (parentWidget())
            parentWidget()->installEventFilter(this);
        break;
    case QEvent::Show:
    case QEvent::LayoutRequest: // a button's hint is another one
        updateGeometry();
        arrange();
        break;
    case QEvent::Resize:
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

bool SegmentedControl::eventFilter(QObject* watched, QEvent* event)
{
    // The parent's layout has given its lines their widths by now.
    if (watched == parentWidget() &&
        (event->type() == QEvent::Resize || event->type() == QEvent::LayoutRequest))
        weigh();
    // A button alone takes arrow keys to move the focus.
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
