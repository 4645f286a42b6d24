// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QLabel;
class QPushButton;

namespace poolscope {

/// A comparison, in a window beside the main one: what is shown is given, and so is what a copy and
/// a file hold. It does not write the file itself.
class ComparisonDialog : public QDialog
{
    Q_OBJECT
public:
    enum class Form { text, json };

    /// `folder` is where a file is proposed.
    ComparisonDialog(QWidget* view, const QString& text, const QString& folder,
                     QWidget* parent = nullptr);
    /// What became of the file that was to be written.
    void setSaved(const QString& words);

signals:
    void saveWanted(const QString& file, poolscope::ComparisonDialog::Form form);

private:
    void chooseFile();

    QString folder_;
    QLabel* saved_;
    QPushButton* save_;
};

} // namespace poolscope
