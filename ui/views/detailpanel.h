// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/theme/panel.h"

#include <QLabel>
#include <QMargins>

#include <map>
#include <utility>
#include <vector>

class QGridLayout;
class QLayout;
class QPlainTextEdit;
class QPushButton;
class QScrollArea;
class QVBoxLayout;

namespace poolscope {

class DetailHead;

/// What all details beside a table share: a head, sections that scroll, and a foot with commands
/// and why they cannot be given. While nothing is chosen it says what to choose. Nothing is rebuilt
/// while its text is the same, so what is selected in it stays.
class DetailPanel : public Panel
{
    Q_OBJECT
public:
    QSize sizeHint() const override;

protected:
    /// `name` is what assistive tools call it; `empty` is the object name of the sentence that
    /// stands alone while nothing is shown.
    DetailPanel(const QString& name, const QString& empty, QWidget* parent);

    // The sections, from the top down.
    SectionHead* addHead(const QString& title);
    QGridLayout* addForm();
    /// Its caption and its value.
    std::pair<QLabel*, QLabel*> addField(QGridLayout* form, const QString& caption, bool mono);
    static void addRow(QGridLayout* form, QWidget* caption, QWidget* value);
    /// Shows or hides a row of a form.
    static void showField(QWidget* caption, QWidget* value, bool on);
    void addPadded(QWidget* content);
    /// Left aligned, below what came before it.
    void addButton(QPushButton* button);
    /// SQL, selectable by mouse and keys.
    QPlainTextEdit* addStatement();
    QVBoxLayout* sections() const { return sections_; }
    /// Once, at the end: the commands, and the label that says why not.
    void addFoot(const std::vector<QPushButton*>& commands, const QString& reasonName);

    DetailHead& head() const { return *head_; }
    /// Shows the sections, or `words` alone.
    void showSections();
    void showNothing(const QString& words);
    void setReason(const QString& words);
    /// What became of the command that was given last; empty where none was.
    void setResult(const QString& words);
    /// What a source said last, and has not said again since, is written as old.
    void setOld(bool old);
    /// Without text: not reported.
    static void setStatement(QPlainTextEdit* edit, const QString& text);
    /// Nothing happens while the text is the same.
    static void setTextOnce(QLabel* label, const QString& text);
    QLabel* prose();

    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void closeGaps();

    std::map<QLayout*, QMargins> margins_; ///< of the parts, where anything of them is shown
    std::vector<QWidget*> aging_;          ///< written as old
    DetailHead* head_;
    QLabel* empty_;
    QScrollArea* scroll_;
    QVBoxLayout* sections_;
    QWidget* foot_ = nullptr;
    QFrame* footLine_ = nullptr;
    QLabel* reason_ = nullptr;
    QLabel* result_ = nullptr;
};

} // namespace poolscope
