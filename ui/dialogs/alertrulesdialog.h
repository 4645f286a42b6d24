// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QPointer>
#include <QTimer>

#include <optional>

class QLabel;
class QListWidget;
class QPlainTextEdit;
class QPushButton;

namespace poolscope {

/// The alert rules as text, and what is wrong with them while they are written. A rule with an
/// error is left out, the others count: as in the file.
class AlertRulesDialog : public QDialog
{
    Q_OBJECT
public:
    /// `rules`: those in use, empty for those built in. They are saved to `file`, where it is not
    /// `replay`: there they are a what-if.
    AlertRulesDialog(const QString& rules, const QString& file, bool replay,
                     QWidget* parent = nullptr);
    /// What was decided on; empty: those built in, or in replay those of the recording.
    const QString& rules() const { return rules_; }

public slots:
    /// Asks first where something was written that would be lost, or is still being saved.
    void reject() override;

private:
    void check();
    bool saving() const;
    void goTo(int row);
    void use();
    /// `trouble`: why not.
    void saved(const std::optional<QString>& trouble);
    void supposeNothing();

    QString file_;
    bool replay_;
    QString rules_;
    QPlainTextEdit* edit_;
    QLabel* verdict_;
    QListWidget* problems_;
    QPushButton* use_;
    QTimer soon_;
    QPointer<QDialog> asking_;
};

} // namespace poolscope
