// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "ui/models/sessionstore.h"

#include <QDialog>
#include <QStringList>

#include <map>
#include <set>
#include <utility>
#include <vector>

class QHBoxLayout;
class QLabel;
class QPushButton;
class QTableWidget;
class QTableWidgetItem;
class QVBoxLayout;

namespace poolscope {

/// What all confirmations of a command share: a question, what it destroys, a row for each that is
/// hit, facts, and a safe button that has the focus and alone answers Return and Esc. Whoever
/// leaves before the command is given is struck and left out; how the others stand is kept up to
/// date. With several it stays open and fills in each one's result.
class ConfirmDialog : public QDialog
{
    Q_OBJECT
public:
    /// Marks who left, and fills in results once the command was given. The store is up to date.
    void apply(const Update& update, const SessionStore& store);

protected:
    struct Column
    {
        QString head;
        int width = 0; ///< px at 96 dpi; of the last one whatever is left
        bool right = false;
        bool mono = false;
    };
    /// What one kind of command says.
    struct Words
    {
        QString left;    ///< as the result of one that left: "left by itself"
        QString oneLeft; ///< where it was the only one, as a sentence
        QString allLeft;
        QString sent; ///< while several results are awaited
    };

    ConfirmDialog(Words words, QWidget* parent);

    // The dialog from the top down, each at most once; then finish().
    void addQuestion(const QString& question, const QString& destroys);
    void addTable(const QString& name, const std::vector<Column>& columns, int rows);
    QTableWidgetItem* setCell(int row, int column, const QString& text);
    using NamedFact = std::pair<QString, QString>;
    /// `first` stands above the others; where its value is empty it is left out.
    void addFacts(const QString& unblocks, const QString& frees, const QString& identity,
                  const std::vector<NamedFact>& first = {});
    /// Another value for one of those that `first` had.
    void setFact(const QString& name, const QString& value);
    void addLeftOut(const QStringList& leftOut);
    /// `keep`: of the safe button. The red one comes where something is hit.
    void addFoot(const QString& keep);
    /// A milder command, between the two.
    QPushButton* addGentle(const QString& words);
    void finish();

    QTableWidget* table() const { return table_; }
    QVBoxLayout* body() const { return layout_; }
    bool bulk() const { return rows_ > 1; }
    bool hasLeft(int row) const { return left_.contains(row); }
    void setWords(int row, int column, const QString& words);
    void note(const QString& words);

    /// Of the red button, for so many.
    virtual QString actWords(int remain) const = 0;
    virtual bool isThere(int row, const SessionStore& store) const = 0;
    /// How those stand now that are still there and not yet hit. Who is listed stays the same.
    virtual void refresh(const SessionStore& store) = 0;
    /// The row that shows what it was tried on, if it is this command; negative: none. Asked of
    /// every action at every update.
    virtual int rowOf(const ActionRecord& action) const = 0;
    /// Gives the command for all that have not left.
    virtual void send() = 0;

    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void confirm();
    void strike(int row);
    void fillResults(const Update& update);

    Words words_;
    int rows_ = 0;
    int resultColumn_ = 0;
    std::vector<bool> mono_, right_; ///< by column
    std::set<int> left_;
    std::map<QString, QLabel*> facts_; ///< their values
    std::uint64_t lastAction_ = 0;     ///< of those made before this dialog's command
    bool sent_ = false;
    QVBoxLayout* layout_;
    QHBoxLayout* foot_ = nullptr;
    QTableWidget* table_ = nullptr;
    QLabel* note_ = nullptr;
    QPushButton* safe_ = nullptr;
    QPushButton* gentle_ = nullptr;
    QPushButton* act_ = nullptr;
};

} // namespace poolscope
