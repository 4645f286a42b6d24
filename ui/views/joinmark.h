// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/links.h"

#include <QWidget>

namespace poolscope {

/// How a checkout and a session were joined: a line in its style, and the words. Server pid solid,
/// address and port dashed, PgBouncer's link dotted, ambiguous dash-dot with the number of
/// candidates.
class JoinMark : public QWidget
{
    Q_OBJECT
public:
    explicit JoinMark(QWidget* parent = nullptr);

    void setJoin(JoinedBy by);
    void setAmbiguous(JoinedBy by, std::size_t candidates);
    /// Nothing is joined: words alone.
    void setNone(const QString& words);
    QString words() const { return words_; }
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    void set(Qt::PenStyle style, const QString& words);

    Qt::PenStyle style_ = Qt::NoPen;
    QString words_;
};

} // namespace poolscope
