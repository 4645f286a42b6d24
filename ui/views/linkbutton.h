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

protected:
    void keyPressEvent(QKeyEvent* event) override;

private:
    void restyle();
};

} // namespace poolscope
