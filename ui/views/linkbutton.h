// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPushButton>

namespace poolscope {

/// Words that lead somewhere: underlined, in the accent colour, by click, Space and Return.
class LinkButton : public QPushButton
{
    Q_OBJECT
public:
    explicit LinkButton(QWidget* parent = nullptr);
    /// Plain text; an ampersand is one.
    void setWords(const QString& words);
    /// Where there is less room than for its words they go on in the next of `lines`, are cut in
    /// the last, and the tooltip has them; without it they ask for all of their width.
    void setElide(Qt::TextElideMode mode, int lines = 1);
    const QString& words() const { return words_; }

protected:
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    void restyle();
    void fit();
    QString inLines(int width) const;

    QString words_;
    Qt::TextElideMode elide_ = Qt::ElideNone;
    int lines_ = 1;
};

} // namespace poolscope
