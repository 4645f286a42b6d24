// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QHBoxLayout;
class QLabel;
class QPushButton;

namespace poolscope {

/// One question with its answers, which close it each. Esc, and closing it, answer nothing.
class QuestionDialog : public QDialog
{
    Q_OBJECT
public:
    enum class Kind {
        plain,
        primary, ///< what Return answers
    };

    /// `words` say what an answer means; shown as they are, so that they may hold foreign names.
    QuestionDialog(const QString& title, const QString& question, const QString& words,
                   QWidget* parent);
    /// From left to right. `name` is the button's object name.
    QPushButton* addAnswer(const QString& text, const QString& name, Kind kind);
    void setWords(const QString& words);

private:
    QLabel* words_;
    QHBoxLayout* foot_;
};

} // namespace poolscope
