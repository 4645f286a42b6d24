// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

namespace poolscope {

/// Plain text on one line, or a few, that is cut with "…" where it does not fit; the whole text is
/// then its tooltip, as plain text.
class ElidedLabel : public QWidget
{
    Q_OBJECT
public:
    /// Which token it is written in.
    enum class Ink { text, secondary, caption, warn, crit, info };

    explicit ElidedLabel(QWidget* parent = nullptr);

    void setText(const QString& text);
    const QString& text() const { return text_; }
    void setInk(Ink ink);
    /// Right for prose, left for paths.
    void setElide(Qt::TextElideMode mode);
    void setAlignment(Qt::Alignment alignment);
    /// More than one: it wraps, and what is left at the end of the last line is cut at its right.
    void setMostLines(int lines);
    /// How many of them the text takes at a width in pixels.
    int linesAt(int width) const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    /// The lines at a width, the last one cut; whether that was so.
    QStringList wrapped(int width, bool* cut = nullptr) const;

    QString text_;
    Ink ink_ = Ink::text;
    Qt::TextElideMode elide_ = Qt::ElideRight;
    Qt::Alignment alignment_ = Qt::AlignLeft | Qt::AlignVCenter;
    int mostLines_ = 1;
};

} // namespace poolscope
