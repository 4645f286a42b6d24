// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/theme/glyphs.h"

#include <QFrame>

class QLabel;
class QPushButton;
class QToolButton;

namespace poolscope {

class ElidedLabel;

/// One line of 28 px across a page: what is so, in bold, and what it means. Plain text only; what
/// is too long for one line takes two.
class Banner : public QFrame
{
    Q_OBJECT
public:
    explicit Banner(QWidget* parent = nullptr);

    /// `lead` is bold; `icon` names a themed icon to stand in for the severity's glyph.
    void setMessage(Severity severity, const QString& lead, const QString& text,
                    const QString& icon = QString());
    /// Something to paste elsewhere, such as a GRANT, with a button that copies it; empty hides it.
    void setCode(const QString& code);
    /// A link at the right; empty hides it.
    void setLink(const QString& text);
    /// A cross at the very end.
    void setClosable(bool closable);

    QSize sizeHint() const override;

signals:
    void linkActivated();
    void closed();

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    void restyle();
    void fit();

    Severity severity_ = Severity::info;
    QString icon_;
    QString code_;
    QLabel* lead_;
    ElidedLabel* text_;
    QLabel* codeLabel_;
    QToolButton* copy_;
    QToolButton* link_;
    QToolButton* close_;
};

} // namespace poolscope
