// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog> // first: moc 6.4 cannot read <chrono> before it

#include "core/base/time.h"
#include "ui/models/glance.h"

#include <optional>

class QCheckBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSpinBox;

namespace poolscope {

class SegmentedControl;

/// What a report can be of.
struct ReportScope
{
    Timestamp start; ///< of the recording
    Timestamp end;
    Timestamp visibleFrom; ///< what the charts show
    Timestamp visibleTo;
    bool growing = false; ///< it is being recorded right now
    bool utc = false;     ///< as the window shows times
};

/// What report is wanted.
struct ReportWish
{
    enum class Range { all, visible, last };
    Range range = Range::all;
    int minutes = 15; ///< of the last
    bool redact = true;
    bool pdf = false;
    QString file; ///< absolute, with its suffix
};

/// Asks for an incident report: of what, how written, and where to.
class ReportDialog : public QDialog
{
    Q_OBJECT
public:
    /// `folder` is where a file without a folder goes.
    ReportDialog(const ReportScope& scope, const QString& folder, QWidget* parent = nullptr);

    ReportWish wish() const;
    void accept() override;

private:
    void layOut();
    void explain();
    void changeFormat();
    void chooseFile();
    QString suffix() const;
    /// Absolute and with its suffix; empty where nothing is named.
    QString file() const;
    /// The first name of that kind.
    QString stem() const;
    /// A name that is free instead, once the disk has told one.
    void propose();
    QString trouble();
    /// Of the disk: nothing where a file can be written there.
    static QString troubleWith(const QString& file);
    QString rangeInWords() const;

    ReportScope scope_;
    QString folder_;
    SegmentedControl* range_;
    QSpinBox* minutes_;
    QLabel* rangeWords_;
    SegmentedControl* format_;
    QLabel* formatWords_;
    QLineEdit* file_;
    QLabel* trouble_;
    QCheckBox* redact_;
    QPushButton* create_;
    bool acceptsLater_ = false;
    Glance<QString> free_;
    Glance<QString> place_;
};

} // namespace poolscope
