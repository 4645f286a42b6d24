// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/durationbar.h"

#include "ui/theme/elidedlabel.h"
#include "ui/theme/theme.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>

namespace poolscope {

DurationBar::DurationBar(QWidget* parent)
    : QWidget(parent)
    , line_(new QHBoxLayout(this))
{
    line_->setContentsMargins(0, 0, 0, 0);
    line_->setSpacing(Theme::current().scaled(8));
}

QLineEdit* DurationBar::addField(const QString& name, const QString& accessibleName,
                                 const char* object)
{
    auto* const label = new QLabel(name, this);
    label->setProperty("role", QStringLiteral("secondary"));
    auto* const field = new QLineEdit(this);
    field->setObjectName(QLatin1String(object));
    field->setFont(Theme::current().mono(12));
    field->setFixedWidth(Theme::current().scaled(72));
    field->setAccessibleName(accessibleName);
    label->setBuddy(field);
    line_->addWidget(label);
    line_->addWidget(field);
    connect(field, &QLineEdit::returnPressed, this, [this] { apply(); });
    return field;
}

void DurationBar::addWidget(QWidget* widget)
{
    line_->addWidget(widget);
}

void DurationBar::addButton(const char* applyName, const char* wordsName)
{
    button_ = new QPushButton(tr("Apply"), this);
    button_->setObjectName(QLatin1String(applyName));
    line_->addWidget(button_);
    caption_ = new ElidedLabel(this);
    caption_->setInk(ElidedLabel::Ink::caption);
    caption_->setFont(Theme::current().ui(11));
    caption_->setObjectName(QLatin1String(wordsName));
    caption_->setMinimumWidth(0);
    caption_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    line_->addWidget(caption_, 1);
    connect(button_, &QPushButton::clicked, this, [this] { apply(); });
}

} // namespace poolscope
