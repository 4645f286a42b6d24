// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog> // first: moc 6.4 cannot read <chrono> before it

#include "ui/dialogs/compareside.h"

class QCheckBox;

namespace poolscope {

/// What is to be compared.
struct CompareWish
{
    CompareRange before;
    CompareRange after;
    bool utc = false; ///< as times are shown
    /// Hosts, users, files and folders named after people are called otherwise. Who looks for
    /// himself wants to know whose it is, so that it is to be asked for, unlike a report's.
    bool redact = false;
};

/// Asks which two recordings, or ranges of one, are compared.
class CompareDialog : public QDialog
{
    Q_OBJECT
public:
    /// `folder` is where files without a folder are.
    CompareDialog(const CompareScope& scope, const QString& folder, const RecordingLook& look,
                  QWidget* parent = nullptr);

    CompareWish wish() const;
    void accept() override;

private:
    void layOut();
    void propose();
    void settle();

    CompareScope scope_;
    CompareSide* before_;
    CompareSide* after_;
    QLabel* cut_;
    QCheckBox* redact_;
    QPushButton* compare_;
};

} // namespace poolscope
