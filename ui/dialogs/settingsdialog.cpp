// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/settingsdialog.h"

#include "ui/dialogs/parts.h"
#include "ui/theme/theme.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QProcess>
#include <QPushButton>
#include <QSettings>
#include <QStandardPaths>
#include <QVBoxLayout>

namespace poolscope {

namespace {

constexpr int longestCommand = 1000;

const QString editorKey = QStringLiteral("editor");
const QString sourcesKey = QStringLiteral("sources");

} // namespace

SettingsDialog::SettingsDialog(QSettings& settings, QWidget* parent)
    : QDialog(parent)
    , settings_(settings)
    , editor_(new QLineEdit(settings.value(editorKey).toString().left(longestCommand), this))
    , sources_(new QLineEdit(settings.value(sourcesKey).toString(), this))
    , example_(parts::label(QString(), this, "caption"))
    , trouble_(parts::label(QString(), this, "caption"))
    , save_(new QPushButton(tr("&Save"), this))
{
    setWindowTitle(tr("Settings"));
    const Theme& theme = Theme::current();
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins(20, 16, 20, 12);
    layout->setSpacing(10);
    layout->addWidget(parts::title(tr("Opening a line of code"), this));
    auto* const grid = new QGridLayout;
    grid->setHorizontalSpacing(8);
    grid->setVerticalSpacing(4);
    const auto field = [&](int row, const QString& caption, QLineEdit* edit, const char* name) {
        QLabel* const label = parts::label(caption, this);
        label->setWordWrap(false);
        label->setBuddy(edit);
        grid->addWidget(label, row, 0);
        edit->setFont(theme.mono());
        edit->setMaxLength(4096);
        edit->setObjectName(QLatin1String(name));
        edit->setAccessibleName(QString(caption).remove(QLatin1Char('&')));
        grid->addWidget(edit, row, 1);
    };
    field(0, tr("&Editor command"), editor_, "editorCommand");
    editor_->setMaxLength(longestCommand);
    editor_->setPlaceholderText(tr("code -g {file}:{line}"));
    example_->setObjectName(QStringLiteral("editorExample"));
    grid->addWidget(example_, 1, 1, 1, 2);
    grid->setRowMinimumHeight(2, theme.scaled(8));
    field(3, tr("&Folder of sources"), sources_, "sourcesFolder");
    sources_->setPlaceholderText(tr("for processes that were built elsewhere"));
    auto* const choose = new QPushButton(tr("&Choose…"), this);
    choose->setAutoDefault(false);
    connect(choose, &QPushButton::clicked, this, &SettingsDialog::chooseFolder);
    grid->addWidget(choose, 3, 2);
    trouble_->setObjectName(QStringLiteral("settingsTrouble"));
    grid->addWidget(trouble_, 4, 1, 1, 2);
    layout->addLayout(grid);
    layout->addStretch(1);
    layout->addWidget(parts::rule(this));
    auto* const foot = new QHBoxLayout;
    foot->setSpacing(8);
    foot->addStretch(1);
    auto* const cancel = new QPushButton(tr("Cancel"), this);
    cancel->setAutoDefault(false);
    connect(cancel, &QPushButton::clicked, this, &QDialog::reject);
    foot->addWidget(cancel);
    save_->setProperty("kind", QStringLiteral("primary"));
    save_->setObjectName(QStringLiteral("saveSettings"));
    save_->setDefault(true);
    connect(save_, &QPushButton::clicked, this, &SettingsDialog::accept);
    foot->addWidget(save_);
    layout->addLayout(foot);
    connect(editor_, &QLineEdit::textChanged, this, &SettingsDialog::explain);
    connect(sources_, &QLineEdit::textChanged, this, &SettingsDialog::explain);
    explain();
    const int width = theme.scaled(620);
    resize(width, std::max(layout->totalHeightForWidth(width), sizeHint().height()));
}

/// What will be run, and what stands against it.
void SettingsDialog::explain()
{
    const QStringList words = QProcess::splitCommand(editor_->text());
    if (words.isEmpty()) {
        example_->setText(tr("Without one the desktop's editor opens the file, not at its line."));
    } else {
        QString line = editor_->text().trimmed();
        if (!line.contains(QStringLiteral("{file}")))
            line += QStringLiteral(" {file}");
        line.replace(QStringLiteral("{file}"), QStringLiteral("/src/checkout.cpp"));
        line.replace(QStringLiteral("{line}"), QStringLiteral("88"));
        const bool found = !QStandardPaths::findExecutable(words.front()).isEmpty();
        example_->setText(
            found ? tr("Runs: %1").arg(line)
                  : tr("Runs: %1. Now no program %2 is found.").arg(line, words.front().left(100)));
    }
    const QString folder = sources_->text().trimmed();
    const bool fine = folder.isEmpty() || QFileInfo(folder).isDir();
    trouble_->setText(fine ? tr("A file that is not where its process says is looked for below it.")
                           : tr("There is no such folder."));
    save_->setEnabled(fine);
}

void SettingsDialog::chooseFolder()
{
    const QString folder = QFileDialog::getExistingDirectory(
        this, tr("Folder that holds the sources"), sources_->text());
    if (!folder.isEmpty())
        sources_->setText(folder);
}

void SettingsDialog::accept()
{
    if (!save_->isEnabled())
        return;
    settings_.setValue(editorKey, editor_->text().trimmed());
    settings_.setValue(sourcesKey, sources_->text().trimmed());
    QDialog::accept();
}

} // namespace poolscope
