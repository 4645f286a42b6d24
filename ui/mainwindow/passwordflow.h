// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "ui/dialogs/passworddialog.h"
#include "ui/mainwindow/keychain.h"
#include "ui/models/targetkinds.h"

#include <QObject>
#include <QPointer>
#include <QSettings>
#include <QStringList>

#include <deque>
#include <map>
#include <memory>
#include <set>

class QWidget;

namespace poolscope {

/// From a password that is missing or refused, by way of the desktop's keychain or a question, back
/// to the workspace. A password is written to the keychain alone, when the user said so and the
/// server took it; one that was kept and is refused is deleted.
class PasswordFlow : public QObject
{
    Q_OBJECT
public:
    PasswordFlow(Workspace& workspace, QSettings& settings, QWidget* window);

    /// Null: there is none, and keeping is not offered.
    void setKeychain(std::shared_ptr<Keychain> keychain);
    /// How long the keychain may take before the user is asked.
    void setPatience(std::chrono::milliseconds patience) { patience_ = patience; }
    /// What stands for this target in the keychain: how it was attached, without secrets.
    void attached(TargetId target, const QString& withoutSecrets, const QString& sshHost);
    /// The source asks. Looks into the keychain first; then dialogWanted().
    void ask(TargetId target, const QString& sentence);
    /// Opens the question; one after the other where several targets ask.
    void showDialog(TargetId target, const QString& name, const QString& sentence);
    /// It is a token that is asked for, not a password.
    bool wantsToken(TargetId target) const;
    /// For what a password or token is kept: targets as they were attached, without secrets. What
    /// is kept is the keychain's to know; this is what was handed to it from here.
    QStringList kept() const;
    /// Deletes it from the keychain; one in use stays in use.
    void forget(const QString& kept);
    void apply(const Update& update);
    PasswordDialog* dialog() const;

signals:
    /// The keychain does not help: the user has to be asked.
    void dialogWanted(poolscope::TargetId target, const QString& sentence);
    /// The password could not be kept.
    void notKept(const QString& trouble);

private:
    struct Question
    {
        TargetId target;
        QString name;
        QString sentence;
    };
    PasswordDialog::Secret secretOf(TargetId target) const;
    void answered(TargetId target, const QString& secret, const QString& sentence);
    void showNext();
    void remember(const QString& key, bool kept);

    Workspace& workspace_;
    QSettings& settings_;
    QWidget* window_;
    std::shared_ptr<Keychain> keychain_;
    std::chrono::milliseconds patience_{std::chrono::seconds{10}};
    std::map<TargetId, QString> keys_;
    std::map<TargetId, TargetFamily> families_; ///< decides what a secret is called
    std::map<TargetId, QString> toKeep_;        ///< until the server took it
    std::set<TargetId> reading_;
    std::set<TargetId> fromKeychain_; ///< what was given last came from there
    std::deque<Question> questions_;
    QPointer<PasswordDialog> dialog_;
};

} // namespace poolscope
