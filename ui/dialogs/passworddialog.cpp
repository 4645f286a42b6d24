// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/passworddialog.h"

#include "ui/dialogs/parts.h"
#include "ui/theme/theme.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

namespace poolscope {

PasswordDialog::PasswordDialog(const QString& target, const QString& sentence, bool keychain,
                               QWidget* parent, Secret secret)
    : QDialog(parent)
    , edit_(new QLineEdit(this))
{
    const bool token = secret == Secret::token || secret == Secret::bearer;
    setWindowTitle(token ? tr("Token") : tr("Password"));
    setMinimumWidth(Theme::current().scaled(440));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(Theme::current().scaled(QMargins(20, 16, 20, 16)));
    layout->setSpacing(Theme::current().scaled(8));
    layout->addWidget(parts::title(
        (token ? tr("Token for %1") : tr("Password for %1")).arg(target.left(120)), this));
    layout->addWidget(parts::label(sentence.left(600), this, "secondary"));

    edit_->setEchoMode(QLineEdit::Password);
    edit_->setAccessibleName(windowTitle());
    edit_->setInputMethodHints(Qt::ImhHiddenText | Qt::ImhNoPredictiveText |
                               Qt::ImhNoAutoUppercase);
    layout->addSpacing(Theme::current().scaled(4));
    layout->addWidget(edit_);
    auto* show = new QCheckBox(tr("&Show it"), this);
    connect(show, &QCheckBox::toggled, edit_,
            [this](bool on) { edit_->setEchoMode(on ? QLineEdit::Normal : QLineEdit::Password); });
    layout->addWidget(show);
    if (keychain) {
        keep_ = new QCheckBox(tr("&Keep it in the desktop's keychain"), this);
        keep_->setObjectName(QStringLiteral("keep"));
        layout->addWidget(keep_);
    }
    const QString stored = keychain ? tr("Stored nowhere else, and only once it was accepted.")
                                    : tr("Used for this connection and stored nowhere.");
    const QString saves =
        secret == Secret::token
            ? tr(" POOLSCOPE_TOKEN in Poolscope's environment saves the question.")
        : secret == Secret::bearer
            ? tr(" POOLSCOPE_METRICS_TOKEN in Poolscope's environment saves the question.")
        : secret == Secret::mysqlPassword ? tr(" ~/.my.cnf saves the question.")
                                          : tr(" A line in ~/.pgpass saves the question.");
    layout->addWidget(parts::label(stored + saves, this, "caption"));

    auto* foot = new QHBoxLayout;
    foot->addStretch();
    auto* decline = new QPushButton(tr("Cancel"), this);
    auto* accepted = new QPushButton(tr("C&onnect"), this);
    accepted->setProperty("kind", QStringLiteral("primary"));
    accepted->setDefault(true);
    accepted->setEnabled(false);
    connect(edit_, &QLineEdit::textChanged, accepted,
            [accepted](const QString& text) { accepted->setEnabled(!text.isEmpty()); });
    connect(decline, &QPushButton::clicked, this, &QDialog::reject);
    connect(accepted, &QPushButton::clicked, this, &QDialog::accept);
    foot->addWidget(decline);
    foot->addWidget(accepted);
    layout->addSpacing(Theme::current().scaled(4));
    layout->addLayout(foot);
    edit_->setFocus();
}

PasswordDialog::~PasswordDialog()
{
    edit_->clear();
}

bool PasswordDialog::keep() const
{
    return keep_ && keep_->isChecked();
}

QString PasswordDialog::password() const
{
    return edit_->text();
}

} // namespace poolscope
