// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QLabel;
class QLineEdit;
class QPushButton;
class QSettings;

namespace poolscope {

/// What is set once and kept: which editor opens a line of code, where the sources are, and what an
/// alert runs. Writes "editor", "sources" and "alerts/command" on Save; see SourceOpener and
/// AlertCommand for what they mean.
class SettingsDialog : public QDialog
{
    Q_OBJECT
public:
    explicit SettingsDialog(QSettings& settings, QWidget* parent = nullptr);

    void accept() override;

private:
    void explain();
    void explainAlerts();
    void chooseFolder();

    QSettings& settings_;
    QLineEdit* editor_;
    QLineEdit* sources_;
    QLabel* example_;
    QLabel* trouble_;
    QLineEdit* alerts_;
    QLabel* alertsExplained_;
    QPushButton* save_;
};

} // namespace poolscope
