// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QMargins>

namespace poolscope {

/// A surface with a hairline around it: no radius, no shadow.
class Panel : public QFrame
{
    Q_OBJECT
public:
    explicit Panel(QWidget* parent = nullptr);

protected:
    void paintEvent(QPaintEvent* event) override;
};

/// The head of a section in a detail panel, 28 px: title in semibold, a caption at the right.
/// Plain text, elided.
class SectionHead : public QWidget
{
    Q_OBJECT
public:
    explicit SectionHead(const QString& title, QWidget* parent = nullptr);
    void setTitle(const QString& title);
    void setCaption(const QString& caption);
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString title_;
    QString caption_;
};

/// Contents margins that last: a frame (a label is one) forgets those which leave nothing of its
/// size when its style changes, and before it is laid out that is 100 x 30 px.
void setPadding(QFrame& frame, const QMargins& padding);

/// The answer of a page or a panel's title line: a glyph, bold words, then lighter ones. Plain
/// text.
void paintTitle(QPainter& painter, const QRectF& line, const QString& bold, const QString& rest);

} // namespace poolscope
