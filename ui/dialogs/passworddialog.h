// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QLineEdit;

namespace poolscope {

/// Asks for a password that is missing or was refused. It is handed on once and kept nowhere.
class PasswordDialog : public QDialog
{
    Q_OBJECT
public:
    /// `sentence` says for whom, where, and why it is asked.
    PasswordDialog(const QString& target, const QString& sentence, QWidget* parent = nullptr);
    ~PasswordDialog() override;

    QString password() const;

private:
    QLineEdit* edit_;
};

} // namespace poolscope
