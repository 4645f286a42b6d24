// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QCheckBox;
class QLineEdit;

namespace poolscope {

/// Asks for a password or token that is missing or was refused. It is handed on once; to keep it in
/// the desktop's keychain is the user's choice, and off until then.
class PasswordDialog : public QDialog
{
    Q_OBJECT
public:
    /// `sentence` says for whom, where, and why it is asked; `keychain`: there is one to keep it
    /// in.
    enum class Secret {
        password,      ///< of PostgreSQL, or of what speaks its protocol
        mysqlPassword, ///< of MySQL or MariaDB
        token,         ///< of a process's agent
        bearer         ///< of a page of metrics
    };
    PasswordDialog(const QString& target, const QString& sentence, bool keychain = false,
                   QWidget* parent = nullptr, Secret secret = Secret::password);
    ~PasswordDialog() override;

    QString password() const;
    bool keep() const;

private:
    QLineEdit* edit_;
    QCheckBox* keep_ = nullptr;
};

} // namespace poolscope
