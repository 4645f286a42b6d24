// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QButtonGroup;
class QToolButton;

namespace poolscope {

/// Buttons side by side of which exactly one is down. Arrow keys move between them. Where there is
/// no room for all, one button says which it is and has the others in a menu.
class SegmentedControl : public QWidget
{
    Q_OBJECT
public:
    explicit SegmentedControl(const QStringList& labels, QWidget* parent = nullptr);

    int current() const;
    /// Does not emit.
    void setCurrent(int index);
    int count() const;
    /// There is no room for all.
    bool isFolded() const { return folded_; }

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

signals:
    /// The user chose another one.
    void chosen(int index);

protected:
    bool event(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    QToolButton* makeSegment(const char* where);
    QSize spread() const;
    void weigh();
    void arrange();
    void wordFold();
    void choose(int index);

    QButtonGroup* group_;
    QToolButton* fold_ = nullptr;
    bool folded_ = false;
};

} // namespace poolscope
