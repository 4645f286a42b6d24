// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/check.h"

#include "ui/views/durationbar.h"

namespace poolscope {

/// What nothing that is attached can tell, and the configuration check goes by: how long callers
/// wait, and how long an idle connection is remembered on the way. Kept in the settings.
class TimeoutBar : public DurationBar
{
    Q_OBJECT
public:
    explicit TimeoutBar(QWidget* parent = nullptr);

    const CheckOptions& options() const { return options_; }

signals:
    void changed();

private:
    void read();
    void apply() override;
    void explain();

    CheckOptions options_;
    QLineEdit* caller_;
    QLineEdit* firewall_;
};

} // namespace poolscope
