// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/findings.h"

#include <QWidget>

namespace poolscope {

/// A page's first line: its answer as a sentence. Plain text.
class PageTitle : public QWidget
{
    Q_OBJECT
public:
    explicit PageTitle(QWidget* parent = nullptr);
    void setAnswer(int severity, const QString& sentence, const QString& rest, bool quiet);
    QString sentence() const { return sentence_; }
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    int severity_ = 0;
    bool quiet_ = true;
    QString sentence_;
    QString rest_;
};

} // namespace poolscope
