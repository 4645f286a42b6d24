// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/notedialog.h"

#include "ui/dialogs/parts.h"
#include "ui/theme/theme.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

namespace poolscope {

NoteDialog::NoteDialog(const QString& at, QWidget* parent)
    : QDialog(parent)
    , edit_(new QLineEdit(this))
{
    setWindowTitle(tr("Note"));
    setMinimumWidth(Theme::current().scaled(480));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(Theme::current().scaled(QMargins(20, 16, 20, 16)));
    layout->setSpacing(Theme::current().scaled(8));
    layout->addWidget(parts::title(tr("Note %1").arg(at), this));
    layout->addWidget(parts::label(tr("It is recorded, and stands as a flag on the timeline."),
                                   this, "secondary"));
    edit_->setMaxLength(500);
    edit_->setPlaceholderText(tr("deployed 4.2, failover to db2, …"));
    edit_->setAccessibleName(tr("Text of the note"));
    layout->addWidget(edit_);
    auto* foot = new QHBoxLayout;
    foot->addStretch();
    auto* decline = new QPushButton(tr("Cancel"), this);
    auto* add = new QPushButton(tr("Add note"), this);
    add->setProperty("kind", QStringLiteral("primary"));
    add->setDefault(true);
    add->setEnabled(false);
    connect(edit_, &QLineEdit::textChanged, add,
            [add](const QString& text) { add->setEnabled(!text.trimmed().isEmpty()); });
    connect(decline, &QPushButton::clicked, this, &QDialog::reject);
    connect(add, &QPushButton::clicked, this, &QDialog::accept);
    foot->addWidget(decline);
    foot->addWidget(add);
    layout->addSpacing(Theme::current().scaled(4));
    layout->addLayout(foot);
    edit_->setFocus();
}

QString NoteDialog::text() const
{
    return edit_->text().simplified();
}

} // namespace poolscope
