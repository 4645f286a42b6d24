// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/clock.h"
#include "core/capture/recorder.h"
#include "core/capture/temporaryrecording.h"
#include "core/capture/updatebuilder.h"
#include "core/source/source.h"

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace poolscope {

/// Makes a source; the registry's, or a test's own.
using SourceFactory =
    std::function<Result<std::unique_ptr<Source>>(TargetId, const AttachRequest&)>;

/// How the capture itself does, for the strip and the status bar.
struct CaptureProgress
{
    Timestamp start;
    Timestamp end;
    std::uint64_t bytes = 0;
    std::uint64_t gaps = 0;
    std::uint64_t dropped = 0;
    std::string trouble;
    friend bool operator==(const CaptureProgress&, const CaptureProgress&) = default;
};

/// Owns the sources and the live world; stamps and numbers every observation; lives on the capture
/// thread, the only one that writes this world. Speaks by signals.
class Capture : public QObject
{
    Q_OBJECT
public:
    Capture(std::shared_ptr<const Clock> clock, SourceFactory factory,
            std::vector<ThresholdsChanged> thresholds, std::string alertRules = {});
    ~Capture() override;

    /// Where to record from now on; called before the first attach. Without one nothing is kept.
    void recordWith(std::unique_ptr<RecordingWriter> writer);
    /// To a file in that folder that goes with the capture; emits recordingBegan() or failed().
    /// Where it cannot begin it is tried again every few seconds, with what was seen until then:
    /// the last picture of each target, and all that pictures do not tell.
    void recordTemporarily(const QString& folder, const WriterOptions& how);
    /// Ticks begin with the first target.
    void attach(TargetId target, const AttachRequest& request);
    void detach(TargetId target);
    void provideSecret(TargetId target, const QString& password);
    void sampleNow();
    void lookAt(std::vector<SessionKey> sessions);
    void setThresholds(TargetId target, const ThresholdsChanged& choice);
    void setAlertRules(const std::string& rules);
    /// `until` is set here: by what the clock says then.
    void answerAlert(TargetId target, AlertAnswered answer, Duration lasts);
    /// `about`: the instant that it is about; not set: now.
    void addNote(const QString& text, std::optional<poolscope::Timestamp> about);
    void execute(ActionVerb verb, const std::vector<SessionRow>& sessions);
    void reclaim(const std::vector<CheckoutKey>& checkouts);
    /// Whether the window shows the live edge. The epoch comes back with each update, so that one
    /// from before a switch can be told.
    void show(bool shown, quint64 epoch);
    /// Calls `then`, on some thread, once all seen so far can be read from the recording.
    void flush(std::function<void()> then);
    /// Stops all sources and closes the recording, and says how that went.
    Result<Done> shutDown();

signals:
    void updated(const poolscope::UpdatePtr& update, quint64 epoch);
    /// The live edge, whatever the window shows.
    void observedNow(const poolscope::UpdatePtr& update);
    /// New points at the live edge while the window shows another moment.
    void edgeMoved(const std::vector<poolscope::TargetSeries>& points,
                   const std::vector<poolscope::PoolSeries>& pools);
    void marked(const std::vector<poolscope::Mark>& marks);
    void progressed(const poolscope::CaptureProgress& progress);
    void secretRequired(poolscope::TargetId target, const QString& sentence);
    void recordingBegan(const QString& file);
    void failed(const poolscope::Error& error);
    /// That target does not come to be, for the reason that failed() gave.
    void refused(poolscope::TargetId target);

private:
    /// Whether a fact from a source says what the world does not hold already.
    bool isNews(TargetId target, const Fact& fact) const;
    void observe(TargetId target, const Fact& fact);
    void apply(const Observation& observation);
    void record(const Observation& observation);
    std::optional<Error> beginRecording();
    void recover();
    void recorded(const Recorder::Status& status);
    void recordAnew(const TargetState& state);
    void giveUpOn(TargetId target);
    void tellChoices();
    void watch(TargetId target);
    void send();
    void order(const Command& command, const std::string& subject);
    void addPoints(TargetId target, const PoolSample& sample);
    std::string subjectOf(const SessionRow& row) const;
    std::string subjectOf(const CheckoutKey& key) const;

    std::shared_ptr<const Clock> clock_;
    SourceFactory factory_;
    std::vector<ThresholdsChanged> thresholds_;
    std::string alertRules_;
    bool told_ = false; ///< the two above
    Analysis analysis_;
    UpdateBuilder builder_;
    std::map<TargetId, std::unique_ptr<Source>> sources_;
    std::map<TargetId, std::vector<SessionKey>> watched_;
    std::vector<SessionKey> lookedAt_;
    std::map<TargetId, bool> gap_; ///< a gap before the next sample
    /// Where to, while it could not begin.
    std::optional<std::pair<QString, WriterOptions>> unbegun_;
    QElapsedTimer sinceTried_;
    std::unique_ptr<TemporaryRecording> temporary_; // outlives who writes to it
    std::unique_ptr<Recorder> recorder_;
    std::uint64_t sequence_ = 0;
    std::uint64_t lastAction_ = 0;
    bool recordingHole_ = false;
    std::vector<Observation> held_; ///< of a hole: what a picture afterwards does not tell
    std::uint64_t refused_ = 0;     ///< as the recorder told last
    CaptureProgress progress_;
    CaptureProgress sent_;
    bool shown_ = false;
    quint64 epoch_ = 0;
    QTimer tick_;
    QTimer frame_;
};

} // namespace poolscope
