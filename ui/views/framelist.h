// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/leak/judgement.h"
#include "core/model/pool.h"

#include <QListView>

namespace poolscope {

class FrameModel;

/// An acquire stack, innermost line first: the application's own lines stand out, lines of
/// libraries that follow each other are folded into one, the acquiring line is marked. Keys: Return
/// unfolds, or opens a line. As tall as its rows.
class FrameList : public QListView
{
    Q_OBJECT
public:
    explicit FrameList(QWidget* parent = nullptr);

    /// Nothing happens where it is the same stack: what was unfolded stays so.
    void setStack(const StackRef& stack, LeakSeverity severity);
    const StackRef& stack() const;
    /// The line that the user picked, else the one that acquired; null where there is none.
    const StackLine* picked() const;
    /// Values are old: written in text3.
    void setOld(bool old);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {80, sizeHint().height()}; }

signals:
    void openWanted();
    void copyWanted();

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void toggle(const QModelIndex& index);

    FrameModel* frames_;
};

} // namespace poolscope
