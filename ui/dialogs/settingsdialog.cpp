// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/settingsdialog.h"

#include "core/capture/alertcommand.h"
#include "ui/dialogs/parts.h"
#include "ui/models/formatter.h"
#include "ui/models/ringlimits.h"
#include "ui/theme/theme.h"

#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QProcess>
#include <QPushButton>
#include <QSettings>
#include <QSpinBox>
#include <QStandardPaths>
#include <QVBoxLayout>

namespace poolscope {

namespace {

constexpr int longestCommand = 1000;

const QString editorKey = QStringLiteral("editor");
const QString sourcesKey = QStringLiteral("sources");
const QString alertsKey = QStringLiteral("alerts/command");

} // namespace

SettingsDialog::SettingsDialog(QSettings& settings, QWidget* parent)
    : QDialog(parent)
    , settings_(settings)
    , editor_(new QLineEdit(settings.value(editorKey).toString().left(longestCommand), this))
    , sources_(new QLineEdit(settings.value(sourcesKey).toString(), this))
    , example_(parts::label(QString(), this, "caption"))
    , trouble_(parts::label(QString(), this, "caption"))
    , alerts_(new QLineEdit(settings.value(alertsKey).toString().left(longestCommand), this))
    , alertsExplained_(parts::label(QString(), this, "caption"))
    , hours_(new QSpinBox(this))
    , gigabytes_(new QDoubleSpinBox(this))
    , save_(new QPushButton(tr("&Save"), this))
    , program_(this, [this] { explain(); })
    , folder_(this, [this] { explain(); })
    , command_(this, [this] { explainAlerts(); })
{
    setWindowTitle(tr("Settings"));
    const Theme& theme = Theme::current();
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins(theme.scaled(QMargins(20, 16, 20, 12)));
    layout->setSpacing(theme.scaled(10));
    layout->addWidget(parts::title(tr("Opening a line of code"), this));
    auto* const grid = new QGridLayout;
    grid->setHorizontalSpacing(theme.scaled(8));
    grid->setVerticalSpacing(theme.scaled(4));
    int names = 0; // as wide as the widest: the fields of both parts begin at one line
    const auto field = [&](QGridLayout* in, int row, const QString& caption, QLineEdit* edit,
                           const char* name) {
        QLabel* const label = parts::label(caption, this);
        label->setWordWrap(false);
        label->setBuddy(edit);
        in->addWidget(label, row, 0);
        edit->setFont(theme.mono());
        edit->setMaxLength(4096);
        edit->setObjectName(QLatin1String(name));
        edit->setAccessibleName(QString(caption).remove(QLatin1Char('&')));
        in->addWidget(edit, row, 1);
        names = std::max(names, label->sizeHint().width());
    };
    field(grid, 0, tr("&Editor command"), editor_, "editorCommand");
    editor_->setMaxLength(longestCommand);
    editor_->setPlaceholderText(tr("code -g {file}:{line}"));
    example_->setObjectName(QStringLiteral("editorExample"));
    grid->addWidget(example_, 1, 1, 1, 2);
    grid->setRowMinimumHeight(2, theme.scaled(8));
    field(grid, 3, tr("&Folder of sources"), sources_, "sourcesFolder");
    sources_->setPlaceholderText(tr("for processes that were built elsewhere"));
    auto* const choose = new QPushButton(tr("&Choose…"), this);
    choose->setAutoDefault(false);
    connect(choose, &QPushButton::clicked, this, &SettingsDialog::chooseFolder);
    grid->addWidget(choose, 3, 2);
    trouble_->setObjectName(QStringLiteral("settingsTrouble"));
    grid->addWidget(trouble_, 4, 1, 1, 2);
    layout->addLayout(grid);
    layout->addSpacing(theme.scaled(8));
    layout->addWidget(parts::title(tr("When alerts begin or are over"), this));
    auto* const below = new QGridLayout;
    below->setHorizontalSpacing(theme.scaled(8));
    below->setVerticalSpacing(theme.scaled(4));
    field(below, 0, tr("&Alert command"), alerts_, "alertCommand");
    alerts_->setMaxLength(longestCommand);
    alerts_->setPlaceholderText(tr("~/bin/notify.sh --team shop"));
    alertsExplained_->setObjectName(QStringLiteral("alertCommandExplained"));
    below->addWidget(alertsExplained_, 1, 1);
    below->setColumnStretch(1, 1);
    for (QGridLayout* const each : {grid, below})
        each->setColumnMinimumWidth(0, names);
    layout->addLayout(below);
    addRingLimits(layout, names);
    layout->addStretch(1);
    save_->setObjectName(QStringLiteral("saveSettings"));
    connect(save_, &QPushButton::clicked, this, &SettingsDialog::accept);
    parts::addFoot(layout, this, save_);
    connect(editor_, &QLineEdit::textChanged, this, &SettingsDialog::explain);
    connect(sources_, &QLineEdit::textChanged, this, &SettingsDialog::explain);
    connect(alerts_, &QLineEdit::textChanged, this, &SettingsDialog::explainAlerts);
    explain();
    explainAlerts();
    const int width = theme.scaled(620);
    resize(width, std::max(layout->totalHeightForWidth(width), sizeHint().height()));
}

void SettingsDialog::addRingLimits(QVBoxLayout* layout, int names)
{
    const Theme& theme = Theme::current();
    const RingLimits limits = RingLimits::read(settings_);
    layout->addSpacing(theme.scaled(8));
    layout->addWidget(parts::title(tr("A recording that is not saved"), this));
    auto* const grid = new QGridLayout;
    grid->setHorizontalSpacing(theme.scaled(8));
    grid->setVerticalSpacing(theme.scaled(4));
    grid->setColumnMinimumWidth(0, names);
    grid->setColumnStretch(2, 1);
    hours_->setObjectName(QStringLiteral("keepHours"));
    hours_->setRange(1, RingLimits::mostHours);
    hours_->setValue(limits.hours);
    hours_->setSuffix(tr(" h"));
    gigabytes_->setObjectName(QStringLiteral("keepGigabytes"));
    gigabytes_->setRange(RingLimits::leastGigabytes, RingLimits::mostGigabytes);
    gigabytes_->setDecimals(1);
    gigabytes_->setSingleStep(0.5);
    gigabytes_->setValue(limits.gigabytes);
    gigabytes_->setSuffix(tr(" GB"));
    const auto field = [&](int row, const QString& caption, QAbstractSpinBox* box) {
        QLabel* const label = parts::label(caption, this);
        label->setWordWrap(false);
        label->setBuddy(box);
        box->setFont(theme.mono());
        box->setFixedWidth(theme.scaled(120));
        box->setAccessibleName(QString(caption).remove(QLatin1Char('&')));
        grid->addWidget(label, row, 0);
        grid->addWidget(box, row, 1);
    };
    field(0, tr("&Keeps the last"), hours_);
    field(1, tr("and at &most"), gigabytes_);
    grid->addWidget(parts::label(tr("What is older goes. This holds for recordings that begin from "
                                    "now on; a saved file keeps all that it has."),
                                 this, "caption"),
                    2, 1, 1, 2);
    layout->addLayout(grid);
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
        const bool found = program_
                               .at(words.front(),
                                   [program = words.front()] {
                                       return !QStandardPaths::findExecutable(program).isEmpty();
                                   })
                               .value_or(true);
        example_->setText(
            found ? tr("Runs: %1").arg(line)
                  : tr("Runs: %1. Now no program %2 is found.").arg(line, words.front().left(100)));
    }
    const QString folder = sources_->text().trimmed();
    const bool fine =
        folder.isEmpty() ||
        folder_.at(folder, [folder] { return QFileInfo(folder).isDir(); }).value_or(true);
    trouble_->setText(fine ? tr("A file that is not where its process says is looked for below it.")
                           : tr("There is no such folder."));
    save_->setEnabled(fine);
}

/// A command that is not there may come yet: it is said, and kept all the same.
void SettingsDialog::explainAlerts()
{
    const QString command = alerts_->text().trimmed();
    const auto trouble = command_.at(command, [command] { return AlertCommand::trouble(command); })
                             .value_or(std::nullopt);
    alertsExplained_->setText(
        trouble ? Formatter::line(trouble->sentence + ' ' + trouble->next_step, 400)
        : command.isEmpty()
            ? tr("Without one alerts are shown here and on the desktop alone.")
            : tr("Runs with what the alerts say as JSON on its input, without a shell, of live "
                 "targets alone. One runs at a time, for at most 30 s."));
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
    settings_.setValue(alertsKey, alerts_->text().trimmed());
    RingLimits limits;
    limits.hours = hours_->value();
    limits.gigabytes = gigabytes_->value();
    limits.write(settings_);
    QDialog::accept();
}

} // namespace poolscope
