// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

namespace poolscope {

/// One line of plain text that is cut with "…" where it does not fit; the whole text is then its
/// tooltip, as plain text.
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

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    QString text_;
    Ink ink_ = Ink::text;
    Qt::TextElideMode elide_ = Qt::ElideRight;
    Qt::Alignment alignment_ = Qt::AlignLeft | Qt::AlignVCenter;
};

} // namespace poolscope
