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
    /// Instead of an answer. A sentence to read, or words in text3 while something is awaited.
    void setWaiting(const QString& words, bool sentence);
    QString sentence() const { return sentence_; }
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    int severity_ = 0;
    bool quiet_ = true;
    bool faint_ = false;
    QString sentence_;
    QString rest_;
};

} // namespace poolscope
