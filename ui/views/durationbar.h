// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QHBoxLayout;
class QLineEdit;
class QPushButton;

namespace poolscope {

class ElidedLabel;

/// A line of fields for durations, a button that takes them, and words about them.
class DurationBar : public QWidget
{
    Q_OBJECT
protected:
    explicit DurationBar(QWidget* parent);

    /// At the end so far. Enter in it applies.
    QLineEdit* addField(const QString& name, const QString& accessibleName, const char* object);
    void addWidget(QWidget* widget);
    /// The button, and words that take what is left of the line; for the names of both.
    void addButton(const char* applyName, const char* wordsName);

    QPushButton* button() const { return button_; }
    ElidedLabel* caption() const { return caption_; }

    virtual void apply() = 0;

private:
    QHBoxLayout* line_;
    QPushButton* button_ = nullptr;
    ElidedLabel* caption_ = nullptr;
};

} // namespace poolscope
