// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/held.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/capture/update.h"
#include "core/capture/whatif.h"
#include "core/record/reader.h"
#include "core/source/source.h"

#include <QObject>
#include <QStringList>

#include <atomic>
#include <functional>
#include <memory>

namespace poolscope {

enum class Mode {
    empty,  ///< nothing attached, nothing open
    live,   ///< the cursor follows the live edge
    paused, ///< a capture goes on, the cursor stands or plays behind it
    replay, ///< a recording is open, nothing is attached
};

/// What the toolbar, the strip and the status bar show of time and file. A value.
struct Transport
{
    Mode mode = Mode::empty;
    Timestamp start; ///< of the recording
    Timestamp end;   ///< its end; the live edge of a capture
    Timestamp cursor;
    bool playing = false;
    int speed = 1; ///< 1, 2, 4 … 64
    bool readOnly = false;
    bool attaching = false; ///< a target was asked for, and nothing is known of any yet
    QString file;           ///< of the recording; empty while it is temporary
    bool saved = false;     ///< a copy was saved, or it was opened from a file
    /// Up to where that copy goes, while recording goes on behind it; null: it is all there.
    std::optional<Timestamp> savedUntil;
    bool redacted = false;
    std::uint64_t bytes = 0;
    std::uint64_t gaps = 0;
    std::uint64_t dropped = 0; ///< observations that could not be recorded
    QString recordingTrouble;  ///< "The disk is full…" while recording fails, else empty
    friend bool operator==(const Transport&, const Transport&) = default;
};

/// A recording whose Poolscope ended without closing it.
struct LeftBehind
{
    QString file;
    RecordingInfo info;
    std::optional<Error> trouble; ///< why it cannot be read; then `info` is empty
};

/// Marks of the recording up to what has been read so far.
using Marks = std::shared_ptr<const std::vector<Mark>>;

/// The window's one door to everything below it. Lives on the GUI thread; every call returns at
/// once; sources and the live world work on the capture thread, the player on its own. All signals
/// come on the GUI thread.
class Workspace : public QObject
{
    Q_OBJECT
public:
    struct Options
    {
        QString
            temporaryFolder; ///< where recordings live until saved; empty: the user's cache folder
        bool redact = false;
        bool readOnly = false;
        /// Chosen for all targets, or for pools of a name in all of them. Empty: each pool's own,
        /// else the default.
        std::vector<ThresholdsChanged> thresholds;
        /// A file of alert rules (core/analyze/alertrules.h); empty: those built in.
        std::string alertRules;
        QString alertRulesPath; ///< where others are saved; empty: the user's own file
        WhatIf whatIf;          ///< of recordings that are opened
        QString recordTo;       ///< record to this file from the start instead of a temporary one
        /// How much of a temporary recording is kept.
        Duration keepFor = std::chrono::hours{24};
        std::uint64_t keepBytes = 2000000000;
        /// How long the end of it all waits for a disk, or a source, that does not answer.
        Duration patience = std::chrono::seconds{10};
        /// Told, within that, what is waited for; null: on standard error.
        std::function<void(const std::string& sentence)> tellsWaiting;
        std::shared_ptr<const Clock> clock; ///< null: the machine's
        /// Null: the registry's makeSource.
        std::function<Result<std::unique_ptr<Source>>(TargetId, const AttachRequest&)>
            sourceFactory;
    };
    explicit Workspace(const Options& options, QObject* parent = nullptr);
    ~Workspace() override;
    /// Ends what it captures and deletes itself, which nobody waits for but the application's end;
    /// the destructor alone waits for sources and disk, for `patience` at most, and says for what.
    /// A recording that the disk keeps from being closed then stays where it is, as after a crash.
    /// Nothing is told from here on. For one made with new.
    void letGo();

    /// Of temporary recordings that begin from now on: the last so long, and at most so much.
    void keepTemporary(Duration keepFor, std::uint64_t keepBytes);

    const Transport& transport() const;
    /// Latest update applied, for views made late. Never null; empty before the first.
    UpdatePtr latest() const;
    Marks marks() const;

    /// Temporary recordings that a crash left behind, newest first.
    static QStringList leftBehind(const QString& temporaryFolder = {});
    static void discardLeftBehind(const QString& file);
    /// The same off this thread, with what each holds, or, at the end, why it cannot be read;
    /// those in which nothing was recorded are removed. Open one like any recording.
    using LeftBehindAnswer = std::function<void(const std::vector<LeftBehind>&)>;
    void findLeftBehind(LeftBehindAnswer answer);
    void removeLeftBehind(const QString& file);

    // Targets
    TargetId attach(const AttachRequest& request);
    void detach(TargetId target);
    void provideSecret(TargetId target, const QString& password);
    void sampleNow();
    /// What these sessions hold is read too, with the next poll and then now and then, as for
    /// blockers and suspects: somebody looks at them. Instead of those before; the first
    /// most_looked_at of them, as each costs the server a little.
    void lookAt(const std::vector<SessionKey>& sessions);
    static constexpr std::size_t most_looked_at = 50;
    void setThresholds(TargetId target, const LeakThresholds& thresholds);
    /// The same of one pool, where one is named; or takes such a choice back.
    void chooseThresholds(TargetId target, const ThresholdsChanged& choice);
    /// Other alert rules: a file's text, empty for those built in. In replay a what-if, and empty
    /// for what the recording says.
    void setAlertRules(const std::string& rules);
    /// Those that count now, as they were given: of what is captured, or in a replay those
    /// supposed, else the recording's. Empty: those built in.
    using AlertRulesAnswer = std::function<void(const std::string&)>;
    void findAlertRules(AlertRulesAnswer answer);
    const QString& alertRulesPath() const;
    /// Says of an alert that somebody is at it, or to be silent, for that long from now; `until`
    /// is not read. Not in replay.
    void answerAlert(TargetId target, const AlertAnswered& answer, Duration lasts);

    // Recordings
    /// Ends a capture. A recording that is open stays so where the other one cannot be read.
    void open(const QString& file);
    /// Copies what is recorded so far; recording goes on. Ends with saved(); where it cannot, or
    /// only up to where the disk refused, saveFailed() comes first.
    void save(const QString& file);
    /// Stops it, if it is still at work: nothing is left behind. Ends with saveFailed().
    void stopSaving();
    /// Lends the recording to work that takes long, also the one under way, which goes on: once all
    /// that was captured so far is in the file, a thread of its own calls `work` with it. While
    /// `stop` is set, the work touches the file no more and ends soon; it is set by takeBack(), by
    /// the next loan, and where the recording is closed, which waits for the work, but not on this
    /// thread. The work is called in any case, with `stop` set where it came to nothing meanwhile;
    /// false where there is nothing to lend.
    using Borrower = std::function<void(const std::string& file, const std::atomic<bool>& stop)>;
    bool lend(Borrower work);
    void takeBack();
    /// Ends the capture and waits until its recording is closed: how that went. For who has no
    /// window: it waits for sources and disk.
    Result<Done> endRecording();
    /// `about`: the instant that it is about; not set: now.
    void addNote(const QString& text, std::optional<poolscope::Timestamp> about = {});

    // Time
    void pause();
    void goLive();
    void seek(Timestamp cursor);
    void play(bool on);
    void setSpeed(int speed);
    void step(bool forward);
    void jumpToMark(bool forward);

    // Commands; refused with a sentence when not live or read-only
    void setReadOnly(bool on);
    /// For captures that begin later; the one under way keeps how it began.
    void setRedact(bool on);
    void execute(ActionVerb verb, const std::vector<SessionRow>& sessions);
    /// Takes connections back from their holders, where their process allows it.
    void reclaim(const std::vector<CheckoutKey>& checkouts);

    // Questions whose answers come later, on the GUI thread; an answer to a question asked before
    // the latest of its kind may be dropped
    using SeriesAnswer = std::function<void(const std::vector<TargetSeries>&)>;
    void series(Timestamp from, Timestamp to, std::size_t points, SeriesAnswer answer);
    /// Pools over a range; see RecordingReader::pool_series.
    using PoolSeriesAnswer = std::function<void(const std::vector<PoolSeries>&)>;
    void poolSeries(Timestamp from, Timestamp to, std::size_t points, PoolSeriesAnswer answer);
    /// Connection time held by each line of code over a range, the most first.
    using HeldAnswer = std::function<void(const std::vector<HeldPlace>&)>;
    void held(Timestamp from, Timestamp to, HeldAnswer answer);
    using PastAnswer = std::function<void(const std::vector<RecordingReader::PastState>&)>;
    void past(const SessionKey& session, Timestamp from, Timestamp to, PastAnswer answer);

signals:
    void updated(const poolscope::UpdatePtr& update);
    /// What a capture observes now, whatever the cursor shows; of a recording never. For who acts
    /// on what happens, and shows nothing.
    void observedNow(const poolscope::UpdatePtr& update);
    void transportChanged(const poolscope::Transport& transport);
    void marksChanged(const poolscope::Marks& marks);
    void secretRequired(poolscope::TargetId target, const QString& sentence);
    void saveProgress(double fraction);
    void saved(const QString& file);
    /// The copy is none, or not of all; failed() says why right after.
    void saveFailed();
    /// Something asked for did not happen.
    void failed(const poolscope::Error& error);

private:
    class Private;
    std::unique_ptr<Private> d_;
};

} // namespace poolscope
