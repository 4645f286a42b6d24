// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/parts.h"

#include "ui/theme/theme.h"

#include <QApplication>
#include <QBoxLayout>
#include <QClipboard>
#include <QDialog>
#include <QFrame>
#include <QLabel>
#include <QMimeData>
#include <QPushButton>
#include <QTimer>
#include <QVariant>

namespace poolscope::parts {

QLabel* label(const QString& text, QWidget* parent, const char* role)
{
    auto* made = new QLabel(parent);
    made->setTextFormat(Qt::PlainText);
    made->setText(text);
    made->setWordWrap(true);
    if (role)
        made->setProperty("role", QString::fromLatin1(role));
    return made;
}

QLabel* title(const QString& text, QWidget* parent)
{
    QLabel* made = label(text, parent);
    made->setFont(Theme::current().ui(15, QFont::DemiBold));
    return made;
}

QLabel* mono(const QString& text, QWidget* parent)
{
    QLabel* made = label(text, parent);
    made->setWordWrap(false);
    made->setFont(Theme::current().mono());
    return made;
}

QWidget* rule(QWidget* parent)
{
    auto* line = new QFrame(parent);
    line->setFrameShape(QFrame::NoFrame);
    line->setFixedHeight(1);
    line->setAutoFillBackground(true);
    line->setBackgroundRole(QPalette::Mid);
    return line;
}

void addFoot(QBoxLayout* layout, QDialog* dialog, QPushButton* primary)
{
    layout->addWidget(rule(dialog));
    auto* const foot = new QHBoxLayout;
    foot->setSpacing(Theme::current().scaled(8));
    foot->addStretch(1);
    auto* const cancel = new QPushButton(QApplication::translate("parts", "Cancel"), dialog);
    cancel->setAutoDefault(false);
    QObject::connect(cancel, &QPushButton::clicked, dialog, &QDialog::reject);
    foot->addWidget(cancel);
    primary->setProperty("kind", QStringLiteral("primary"));
    primary->setDefault(true);
    foot->addWidget(primary);
    layout->addLayout(foot);
}

QMimeData* copied(const QString& text, bool secret)
{
    auto* const data = new QMimeData;
    data->setText(text);
    if (secret)
        data->setData(QStringLiteral("x-kde-passwordManagerHint"), QByteArrayLiteral("secret"));
    return data;
}

void copies(QPushButton* button, std::function<QString()> text, bool secret)
{
    const QString words = button->text();
    QObject::connect(
        button, &QPushButton::clicked, button, [button, words, secret, text = std::move(text)] {
            QApplication::clipboard()->setMimeData(copied(text(), secret));
            button->setMinimumWidth(button->width());
            button->setText(QApplication::translate("parts", "Copied"));
            QTimer::singleShot(1500, button, [button, words] { button->setText(words); });
        });
}

} // namespace poolscope::parts
