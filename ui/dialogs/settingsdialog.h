// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QLabel;
class QLineEdit;
class QPushButton;
class QSettings;

namespace poolscope {

/// What is set once and kept: which editor opens a line of code, and where the sources are.
/// Writes "editor" and "sources" on Save; see SourceOpener for what they mean.
class SettingsDialog : public QDialog
{
    Q_OBJECT
public:
    explicit SettingsDialog(QSettings& settings, QWidget* parent = nullptr);

    void accept() override;

private:
    void explain();
    void chooseFolder();

    QSettings& settings_;
    QLineEdit* editor_;
    QLineEdit* sources_;
    QLabel* example_;
    QLabel* trouble_;
    QPushButton* save_;
};

} // namespace poolscope
