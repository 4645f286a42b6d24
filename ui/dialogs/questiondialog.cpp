// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/questiondialog.h"

#include "ui/dialogs/parts.h"
#include "ui/theme/theme.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace poolscope {

QuestionDialog::QuestionDialog(const QString& title, const QString& question, const QString& words,
                               QWidget* parent)
    : QDialog(parent)
    , words_(parts::label(words, this, "secondary"))
    , foot_(new QHBoxLayout)
{
    setWindowTitle(title);
    setMinimumWidth(Theme::current().scaled(480));
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins(Theme::current().scaled(QMargins(20, 16, 20, 12)));
    layout->setSpacing(Theme::current().scaled(10));
    layout->addWidget(parts::title(question, this));
    words_->setObjectName(QStringLiteral("words"));
    layout->addWidget(words_);
    layout->addStretch();
    layout->addWidget(parts::rule(this));
    foot_->setSpacing(Theme::current().scaled(8));
    foot_->addStretch();
    layout->addLayout(foot_);
}

QPushButton* QuestionDialog::addAnswer(const QString& text, const QString& name, Kind kind)
{
    auto* const button = new QPushButton(text, this);
    button->setObjectName(name);
    button->setAutoDefault(kind == Kind::primary);
    connect(button, &QPushButton::clicked, this, &QDialog::accept);
    foot_->addWidget(button);
    if (kind == Kind::primary) {
        button->setProperty("kind", QStringLiteral("primary"));
        button->setDefault(true);
        button->setFocus();
    }
    return button;
}

void QuestionDialog::setWords(const QString& words)
{
    if (words_->text() != words)
        words_->setText(words);
}

} // namespace poolscope
