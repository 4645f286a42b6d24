// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/passwordflow.h"

#include <QTimer>
#include <QWidget>

namespace poolscope {

namespace {
/// Set once something was kept: whoever never uses the keychain is never asked to unlock it.
const QString used = QStringLiteral("keychain/used");
const QString keptFor = QStringLiteral("keychain/kept");
} // namespace

PasswordFlow::PasswordFlow(Workspace& workspace, QSettings& settings, QWidget* window)
    : QObject(window)
    , workspace_(workspace)
    , settings_(settings)
    , window_(window)
{}

void PasswordFlow::setKeychain(std::shared_ptr<Keychain> keychain)
{
    keychain_ = std::move(keychain);
}

void PasswordFlow::attached(TargetId target, const QString& withoutSecrets, const QString& sshHost)
{
    keys_[target] =
        sshHost.isEmpty() ? withoutSecrets : withoutSecrets + QStringLiteral(" via ") + sshHost;
    families_[target] = familyOf(withoutSecrets);
}

PasswordDialog::Secret PasswordFlow::secretOf(TargetId target) const
{
    using Secret = PasswordDialog::Secret;
    const auto found = families_.find(target);
    switch (found == families_.end() ? TargetFamily::postgresql : found->second) {
    case TargetFamily::process:
    case TargetFamily::demo:
        return Secret::token;
    case TargetFamily::metrics:
        return Secret::bearer;
    case TargetFamily::mysql:
        return Secret::mysqlPassword;
    case TargetFamily::postgresql:
    case TargetFamily::bouncer:
        break;
    }
    return Secret::password;
}

bool PasswordFlow::wantsToken(TargetId target) const
{
    const auto secret = secretOf(target);
    return secret == PasswordDialog::Secret::token || secret == PasswordDialog::Secret::bearer;
}

void PasswordFlow::ask(TargetId target, const QString& sentence)
{
    toKeep_.erase(target); // it was refused
    const auto key = keys_.find(target);
    const bool wasKept = fromKeychain_.erase(target) > 0;
    if (!keychain_ || key == keys_.end() || !settings_.value(used, false).toBool()) {
        emit dialogWanted(target, sentence);
        return;
    }
    if (wasKept) {
        forget(QString(key->second));
        emit dialogWanted(target, sentence);
        return;
    }
    if (!reading_.insert(target).second)
        return;
    const QPointer<PasswordFlow> self(this);
    keychain_->read(key->second, [self, target, sentence](const QString& secret) {
        if (self)
            self->answered(target, secret, sentence);
    });
    QTimer::singleShot(patience_, this,
                       [this, target, sentence] { answered(target, QString(), sentence); });
}

void PasswordFlow::answered(TargetId target, const QString& secret, const QString& sentence)
{
    if (reading_.erase(target) == 0)
        return; // too late, or the patience of an answer that came
    if (secret.isEmpty()) {
        emit dialogWanted(target, sentence);
        return;
    }
    fromKeychain_.insert(target);
    workspace_.provideSecret(target, secret);
}

void PasswordFlow::showDialog(TargetId target, const QString& name, const QString& sentence)
{
    for (const Question& waiting : questions_)
        if (waiting.target == target)
            return;
    questions_.push_back({target, name, sentence});
    if (!dialog_)
        showNext();
}

void PasswordFlow::showNext()
{
    if (questions_.empty())
        return;
    const Question question = questions_.front();
    auto* const dialog =
        new PasswordDialog(question.name, question.sentence, keychain_ && keychain_->available(),
                           window_, secretOf(question.target));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::finished, this, [this, dialog, target = question.target](int result) {
        const QString password = result == QDialog::Accepted ? dialog->password() : QString();
        if (dialog->keep() && !password.isEmpty())
            toKeep_[target] = password;
        workspace_.provideSecret(target, password);
        dialog_.clear();
        questions_.pop_front();
        showNext();
    });
    dialog_ = dialog;
    dialog->open();
}

QStringList PasswordFlow::kept() const
{
    return keychain_ ? settings_.value(keptFor).toStringList() : QStringList();
}

void PasswordFlow::forget(const QString& kept)
{
    for (const auto& [target, key] : keys_) {
        if (key == kept) {
            toKeep_.erase(target);
            fromKeychain_.erase(target);
        }
    }
    if (keychain_)
        keychain_->forget(kept);
    remember(kept, false);
}

void PasswordFlow::remember(const QString& key, bool kept)
{
    QStringList keys = settings_.value(keptFor).toStringList();
    keys.removeAll(key);
    if (kept)
        keys << key;
    settings_.setValue(keptFor, keys);
}

void PasswordFlow::apply(const Update& update)
{
    if (toKeep_.empty() || !keychain_)
        return;
    for (const TargetSummary& target : update.targets) {
        const auto found = toKeep_.find(target.info.id);
        const auto key = keys_.find(target.info.id);
        if (found == toKeep_.end() || key == keys_.end() || target.status.reach != Reach::up)
            continue;
        settings_.setValue(used, true);
        const QPointer<PasswordFlow> self(this);
        keychain_->keep(key->second, found->second,
                        [self, kept = key->second](const QString& trouble) {
                            if (!self)
                                return;
                            if (trouble.isEmpty())
                                self->remember(kept, true);
                            else
                                emit self->notKept(trouble);
                        });
        toKeep_.erase(found);
    }
}

PasswordDialog* PasswordFlow::dialog() const
{
    return dialog_;
}

} // namespace poolscope
