// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog> // first: moc 6.4 cannot read <chrono> before it

#include "core/base/result.h"
#include "ui/models/glance.h"

#include <optional>

class QLabel;
class QLineEdit;
class QDoubleSpinBox;
class QPushButton;
class QSettings;
class QSpinBox;
class QVBoxLayout;

namespace poolscope {

/// What is set once and kept: which editor opens a line of code, where the sources are, what an
/// alert runs, and how much is kept of a recording that nobody saves. Writes "editor", "sources",
/// "alerts/command" and RingLimits on Save; see SourceOpener and AlertCommand for what they mean.
class SettingsDialog : public QDialog
{
    Q_OBJECT
public:
    explicit SettingsDialog(QSettings& settings, QWidget* parent = nullptr);

    void accept() override;

private:
    void explain();
    void explainAlerts();
    void addRingLimits(QVBoxLayout* layout, int names);
    void chooseFolder();

    QSettings& settings_;
    QLineEdit* editor_;
    QLineEdit* sources_;
    QLabel* example_;
    QLabel* trouble_;
    QLineEdit* alerts_;
    QLabel* alertsExplained_;
    QSpinBox* hours_;
    QDoubleSpinBox* gigabytes_;
    QPushButton* save_;
    Glance<bool> program_;
    Glance<bool> folder_;
    Glance<std::optional<Error>> command_;
};

} // namespace poolscope
