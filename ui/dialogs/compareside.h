// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget> // first: moc 6.4 cannot read <chrono> before it

#include "core/base/result.h"
#include "core/record/reader.h"

#include <QTimer>

#include <functional>
#include <optional>

class QDateTimeEdit;
class QLabel;
class QLineEdit;
class QPushButton;

namespace poolscope {

class SegmentedControl;

/// What the window shows, and so can be compared.
struct CompareScope
{
    bool any = false; ///< there is a recording
    QString name;     ///< of it, for people
    Timestamp start;
    Timestamp end;
    Timestamp visibleFrom; ///< what the charts show
    Timestamp visibleTo;
    bool growing = false; ///< it is being recorded right now
    bool utc = false;     ///< as the window shows times
    Timestamp cut;        ///< where its before ends and its after begins, unless the user says else
    QString cutWords;     ///< why there, a sentence
};

/// One range of one recording.
struct CompareRange
{
    QString file;                  ///< absolute; empty: the recording that the window shows
    QString name;                  ///< for people
    std::optional<Timestamp> from; ///< null: its begin
    std::optional<Timestamp> to;   ///< null: its end
};

/// Reads what a file holds on another thread, and says so on this one, later.
using RecordingAnswer = std::function<void(const Result<RecordingInfo>&)>;
using RecordingLook = std::function<void(const QString& file, RecordingAnswer answer)>;

/// One side of a comparison as it is asked for: a recording, and a range of it.
class CompareSide : public QWidget
{
    Q_OBJECT
public:
    /// `name` begins the names of its parts. `folder` is where a file without a folder is.
    CompareSide(const CompareScope& scope, const QString& name, const QString& folder,
                RecordingLook look, QWidget* parent);

    /// Proposes this range of the recording that the window shows.
    void propose(Timestamp from, Timestamp to);
    /// Proposes all of the recording, whichever it is.
    void proposeAll();
    /// The range is the one that was proposed; the user chose none.
    bool isProposed() const { return proposed_; }
    bool isFile() const;
    CompareRange wish() const;
    /// Why it cannot be compared, and the next step; empty where it can be.
    QString trouble() const;

signals:
    void changed();
    /// The user chose another recording, or this one again.
    void sourceChosen();

private:
    enum Range { all, visible, between };

    void layOut();
    void chooseFile();
    void settle();
    void lookAtFile();
    void setLimits(Timestamp start, Timestamp end);
    QString file() const;
    bool known() const;
    Timestamp begin() const; ///< of the recording
    Timestamp end() const;
    Timestamp from() const; ///< of the range
    Timestamp to() const;
    QString rangeInWords() const;

    CompareScope scope_;
    QString folder_;
    RecordingLook look_;
    SegmentedControl* which_;
    QLineEdit* file_;
    QPushButton* choose_;
    SegmentedControl* range_;
    QDateTimeEdit* from_;
    QDateTimeEdit* to_;
    QLabel* words_;
    QTimer wait_;    ///< until the name is written
    QString looked_; ///< the file that info_ or unreadable_ is of
    std::optional<RecordingInfo> info_;
    QString unreadable_; ///< why
    bool proposed_ = true;
};

} // namespace poolscope
