// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QLineEdit;

namespace poolscope {

/// Asks for the text of a note.
class NoteDialog : public QDialog
{
    Q_OBJECT
public:
    /// `at` says where on the timeline the note will stand: "at 14:28:40".
    explicit NoteDialog(const QString& at, QWidget* parent = nullptr);
    /// One line, trimmed.
    QString text() const;

private:
    QLineEdit* edit_;
};

} // namespace poolscope
