// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/held.h"
#include "core/capture/updatebuilder.h"
#include "core/capture/whatif.h"
#include "core/record/reader.h"

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>

namespace poolscope {

/// Owns the world at the cursor: reads a recording, also one being written, and moves through it.
/// Lives on the player thread, so that a seek never stalls the capture. Speaks by signals.
class Player : public QObject
{
    Q_OBJECT
public:
    Player();

    /// Shows nothing yet. Emits opened() or failed().
    /// `ticket` comes back with opened().
    void open(const std::filesystem::path& file, quint64 ticket = 0, const WhatIf& whatIf = {});
    void close();
    /// Emits a reset update of the world at that instant, and of the cursor. Where the recording is
    /// damaged before that: failed(), and those of the last instant that could be read.
    void seek(Timestamp cursor, quint64 epoch);
    void play(bool on, int speed);
    void step(bool forward);
    /// A what-if: from now on, whatever the recording says. Taken back is what counts for that
    /// target now: a what-if, which gives way to what the recording says, else a choice that was
    /// recorded, which is a what-if itself; where there is none for the target, one for all.
    void setThresholds(TargetId target, const ThresholdsChanged& choice);
    /// A what-if likewise: these alert rules; empty: what the recording says.
    void supposeAlertRules(const std::string& rules);
    /// Those that count at the cursor, as a text.
    std::string alertRules() const;
    std::vector<TargetSeries> series(Timestamp from, Timestamp to, std::size_t points);
    std::vector<PoolSeries> poolSeries(Timestamp from, Timestamp to, std::size_t points);
    std::vector<RecordingReader::PastState> past(const SessionKey& session, Timestamp from,
                                                 Timestamp to);

signals:
    void opened(const poolscope::RecordingInfo& info, quint64 ticket);
    void updated(const poolscope::UpdatePtr& update, quint64 epoch);
    void cursorMoved(poolscope::Timestamp cursor, bool playing, quint64 epoch);
    /// Played, or stepped, past the last observation.
    void reachedEnd(quint64 epoch);
    void failed(const poolscope::Error& error);

private:
    bool advance(Timestamp to);
    bool restore(Timestamp at);
    bool isBehind() const;
    void suppose(const std::string& rules);
    void applyOverrides(WorldDelta& delta);
    void tellOverrides();
    void takeBack(TargetId target, const ThresholdsChanged& choice);
    void frame();

    std::unique_ptr<RecordingReader> reader_;
    Analysis analysis_;
    UpdateBuilder builder_;
    std::vector<ThresholdsChanged> supposedThresholds_;                ///< none: as recorded
    std::map<std::pair<TargetId, Text>, ThresholdsChanged> overrides_; ///< count before those
    std::string supposedRules_; ///< empty: what the recording says
    Timestamp cursor_;
    bool restored_ = false;
    bool atEnd_ = false;
    quint64 epoch_ = 0;
    int speed_ = 1;
    QTimer timer_;
    QElapsedTimer sinceFrame_;
};

/// Reads a range of a recording, in the background, for the connection time held in it.
std::vector<HeldPlace> heldIn(const std::filesystem::path& file, Timestamp from, Timestamp to,
                              const std::atomic<bool>& stop);

/// Folds a whole recording, in the background, only for its marks.
std::vector<Mark> marksOf(const std::filesystem::path& file, const std::atomic<bool>& stop,
                          const std::function<void(const std::vector<Mark>&)>& progress);

} // namespace poolscope
