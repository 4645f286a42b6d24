// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QButtonGroup;

namespace poolscope {

/// Buttons side by side of which exactly one is down. Arrow keys move between them.
class SegmentedControl : public QWidget
{
    Q_OBJECT
public:
    explicit SegmentedControl(const QStringList& labels, QWidget* parent = nullptr);

    int current() const;
    /// Does not emit.
    void setCurrent(int index);
    int count() const;

signals:
    /// The user chose another one.
    void chosen(int index);

protected:
    void keyPressEvent(QKeyEvent* event) override;

private:
    QButtonGroup* group_;
};

} // namespace poolscope
