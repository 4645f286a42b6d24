// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/capture.h"
#include "core/capture/errands.h"
#include "core/capture/player.h"
#include "core/capture/workspace.h"
#include "core/source/sourcethread.h"

#include <QThread>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace poolscope {

/// Of all marks the latest are kept.
inline constexpr std::size_t most_marks = 10000;
/// Closer to the live edge than this, playing has caught up.
inline constexpr Duration live_edge = std::chrono::milliseconds{1500};

/// What the window shows while nothing is attached or open.
UpdatePtr emptyUpdate();

/// A recording that was lent. Of the GUI thread.
struct Loan
{
    bool takenBack = false;
    std::shared_ptr<Errand> errand; ///< null until it begins
};

/// What the workspace keeps, and how it talks to the capture and the player on their threads. Lives
/// on the GUI thread. Of the room alone: no other room includes it.
class Workspace::Private : public QObject
{
public:
    Private(Workspace& owner, const Options& chosen);
    ~Private() override;

    void startCapture();
    void startRecording();
    /// True, having said so, where a copy that was saved lacks some of what was seen.
    bool tellsShort(const RecordingInfo& saved, Timestamp seen);
    /// Returns at once. `then` comes on the player's thread, when the recording is closed.
    void endCapture(std::function<void()> then);
    /// Tells everything to end, and returns at once. The first time alone; from then on nothing is
    /// begun.
    void end();
    /// Waits for that; false where the disk, or a source, keeps it for longer. Says after a second
    /// what is waited for.
    bool endsWithin(Duration patience);
    std::string waitsFor() const;
    static void endLetGone();
    /// Left alone at its work: it deletes itself where that ends while the application lives.
    void leave();
    bool event(QEvent* event) override;
    void applied(const UpdatePtr& update, quint64 epoch);
    void edgeMoved(const std::vector<TargetSeries>& points, const std::vector<PoolSeries>& pools);
    void open(const QString& file);
    void opened(const RecordingInfo& info, const QString& file);
    void cursorMoved(Timestamp cursor, bool playing, quint64 epoch);
    void showCursor(Timestamp cursor);
    void indexMarks(const QString& file);
    void stopIndexing();
    void stopAsking();
    void askNext();
    void copyTo(const QString& file, const QString& from, quint64 run);
    void notAttaching();
    void dropMarksBefore(Timestamp start);
    void setMarks(std::vector<Mark> all);
    void change(const Transport& to);
    /// Says why not.
    bool mayCommand();
    void fail(const std::string& sentence, const std::string& next = {});
    bool captures() const { return transport.mode == Mode::live || transport.mode == Mode::paused; }

    template <class Work>
    void onCapture(Work work)
    {
        QMetaObject::invokeMethod(capture.get(), std::move(work));
    }
    template <class Work>
    void onPlayer(Work work)
    {
        QMetaObject::invokeMethod(player.get(), std::move(work));
    }
    template <class Work>
    void onWindow(Work work)
    {
        QMetaObject::invokeMethod(this, std::move(work), Qt::QueuedConnection);
    }
    /// Asks the player about what is recorded so far; the answer comes on the window's thread.
    template <class Question, class Answer>
    void askPlayer(Question question, Answer answer)
    {
        const bool known = std::exchange(playerHasFile, !recordingFile.isEmpty());
        onPlayer([this, p = player.get(), known, path = recordingFile.toStdString(),
                  question = std::move(question), answer = std::move(answer)] {
            if (!known && !path.empty())
                p->open(path);
            onWindow([answer, found = question(*p)] { answer(found); });
        });
    }

    Workspace& q;
    Options options;
    Transport transport;
    UpdatePtr latest = emptyUpdate();
    Marks marks = std::make_shared<const std::vector<Mark>>();
    std::uint32_t lastTarget = 0;
    quint64 epoch = 0;
    std::map<TargetId, bool> attached;

    QString recordingFile; ///< what the player reads
    bool playerHasFile = false;
    quint64 openAsked = 0;  ///< the latest of the recordings asked for counts
    bool opening = false;   ///< a recording was asked for, and the player has not answered
    quint64 openTicket = 0; ///< of that one
    std::unique_ptr<Capture> capture;
    quint64 captureRun = 0;                  ///< tells what an earlier capture still says
    std::shared_future<Result<Done>> closed; ///< of the capture that ended last: of its recording
    QString closing;                         ///< the file of that one
    std::unique_ptr<Player> player;
    SourceThread captureThread;
    QThread playerThread;

    /// Only the latest of the seeks asked for is worth its work: dragging asks for many.
    std::atomic<quint64> latestSeek{0};

    std::shared_ptr<Errand> indexer;
    std::shared_ptr<Errand> asker;      ///< reads a long range for one question
    std::function<void()> nextQuestion; ///< waits for the one before, which reads the same file
    std::shared_ptr<Errand> saver;
    bool saveStopped = false;   ///< before it began
    std::shared_ptr<Loan> loan; ///< the latest

    bool letGone = false;
    bool left = false;
    std::shared_future<void> ended; ///< valid once it was told to end
    /// Last, so that it goes first: what it begins speaks to the rest.
    Errands errands;
};

} // namespace poolscope
