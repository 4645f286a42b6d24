// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/check.h"

#include <QWidget>

class QLabel;
class QLineEdit;
class QPushButton;

namespace poolscope {

/// What nothing that is attached can tell, and the configuration check goes by: how long callers
/// wait, and how long an idle connection is remembered on the way. Kept in the settings.
class TimeoutBar : public QWidget
{
    Q_OBJECT
public:
    explicit TimeoutBar(QWidget* parent = nullptr);

    const CheckOptions& options() const { return options_; }

signals:
    void changed();

private:
    QLineEdit* addField(const QString& name, const char* object);
    void read();
    void apply();
    void explain();

    CheckOptions options_;
    QLineEdit* caller_;
    QLineEdit* firewall_;
    QPushButton* apply_;
    QLabel* words_;
};

} // namespace poolscope
