// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/workspace.h"

#include "core/capture/capture.h"
#include "core/capture/player.h"
#include "core/capture/temporaryrecording.h"
#include "core/record/reader.h"
#include "core/source/registry.h"

#include <QThread>

#include <algorithm>
#include <atomic>
#include <thread>

namespace poolscope {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_marks = 10000;
/// Closer to the live edge than this, playing has caught up.
constexpr Duration live_edge = 1500ms;

UpdatePtr emptyUpdate()
{
    auto update = std::make_shared<Update>();
    update->reset = true;
    update->actions = std::make_shared<const std::vector<ActionRecord>>();
    update->notes = std::make_shared<const std::vector<NoteRecord>>();
    return update;
}

Result<std::unique_ptr<Source>> fromRegistry(TargetId id, const AttachRequest& request)
{
    return makeSource(id, request);
}

} // namespace

class Workspace::Private : public QObject
{
public:
    Private(Workspace& owner, const Options& chosen);
    ~Private() override;

    void startCapture();
    void stopCapture();
    void startRecording();
    void applied(const UpdatePtr& update, quint64 epoch);
    void edgeMoved(const std::vector<TargetSeries>& points);
    void opened(const RecordingInfo& info, const QString& file);
    void cursorMoved(Timestamp cursor, bool playing, quint64 epoch);
    void showCursor(Timestamp cursor);
    void indexMarks(const QString& file);
    void stopIndexing();
    void setMarks(std::vector<Mark> all);
    void change(const Transport& to);
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

    Workspace& q;
    Options options;
    Transport transport;
    UpdatePtr latest = emptyUpdate();
    Marks marks = std::make_shared<const std::vector<Mark>>();
    std::uint32_t lastTarget = 0;
    quint64 epoch = 0;
    std::map<TargetId, bool> attached;

    std::unique_ptr<TemporaryRecording> temporary;
    QString recordingFile; ///< what the player reads
    bool playerHasFile = false;
    std::unique_ptr<Capture> capture;
    std::unique_ptr<Player> player;
    QThread captureThread;
    QThread playerThread;

    std::thread indexer;
    std::atomic<bool> stopIndexer{false};
    std::thread saver;
    std::atomic<bool> stopSaver{false};
};

Workspace::Private::Private(Workspace& owner, const Options& chosen)
    : q(owner)
    , options(chosen)
    , player(std::make_unique<Player>())
{
    transport.readOnly = options.readOnly;
    transport.redacted = options.redact;
    captureThread.setObjectName(QStringLiteral("capture"));
    playerThread.setObjectName(QStringLiteral("player"));
    player->moveToThread(&playerThread);
    connect(player.get(), &Player::updated, this, &Private::applied);
    connect(player.get(), &Player::cursorMoved, this, &Private::cursorMoved);
    connect(player.get(), &Player::failed, this, [this](const Error& e) { emit q.failed(e); });
    connect(player.get(), &Player::opened, this, [this](const RecordingInfo& info) {
        if (transport.mode == Mode::replay || transport.mode == Mode::empty)
            opened(info, recordingFile);
        playerHasFile = true;
    });
    connect(player.get(), &Player::reachedEnd, this, [this](quint64 of) {
        if (of == epoch && transport.mode == Mode::paused &&
            transport.end - transport.cursor < live_edge * 2)
            q.goLive();
    });
    captureThread.start();
    playerThread.start();
}

Workspace::Private::~Private()
{
    stopIndexing();
    stopSaver = true;
    if (saver.joinable())
        saver.join();
    stopCapture();
    captureThread.quit();
    captureThread.wait();
    onPlayer([p = player.get()] { p->close(); });
    playerThread.quit();
    playerThread.wait();
}

void Workspace::Private::startCapture()
{
    if (capture)
        return;
    if (transport.mode == Mode::replay) {
        stopIndexing();
        onPlayer([p = player.get()] { p->close(); });
        transport = Transport{};
        transport.readOnly = options.readOnly;
        setMarks({});
    }
    playerHasFile = false;
    std::shared_ptr<const Clock> clock = options.clock;
    if (!clock)
        clock = std::make_shared<const SystemClock>();
    capture = std::make_unique<Capture>(
        clock, options.sourceFactory ? options.sourceFactory : SourceFactory{fromRegistry},
        options.thresholds);
    startRecording();
    Capture* const c = capture.get();
    c->moveToThread(&captureThread);
    connect(c, &Capture::updated, this, &Private::applied);
    connect(c, &Capture::edgeMoved, this, &Private::edgeMoved);
    connect(c, &Capture::failed, this, [this](const Error& e) { emit q.failed(e); });
    connect(c, &Capture::secretRequired, &q, &Workspace::secretRequired);
    connect(c, &Capture::marked, this, [this](const std::vector<Mark>& more) {
        std::vector<Mark> all = *marks;
        all.insert(all.end(), more.begin(), more.end());
        setMarks(std::move(all));
    });
    connect(c, &Capture::progressed, this, [this](const CaptureProgress& p) {
        Transport t = transport;
        t.start = p.start;
        t.end = p.end;
        if (t.mode == Mode::live)
            t.cursor = p.end;
        t.bytes = p.bytes;
        t.gaps = p.gaps;
        t.dropped = p.dropped;
        if (!p.trouble.empty() || playerHasFile || !recordingFile.isEmpty())
            t.recordingTrouble = QString::fromStdString(p.trouble);
        change(t);
    });
    Transport t = transport;
    t.mode = Mode::live;
    t.file = options.recordTo;
    t.saved = !options.recordTo.isEmpty();
    t.redacted = options.redact;
    change(t);
    onCapture([c, shown = ++epoch] { c->show(true, shown); });
}

void Workspace::Private::startRecording()
{
    WriterOptions how;
    how.redact = options.redact;
    recordingFile = options.recordTo;
    if (recordingFile.isEmpty()) {
        how.keep_for = options.keepFor;
        how.keep_bytes = options.keepBytes;
        auto reserved = TemporaryRecording::reserve(options.temporaryFolder);
        if (!reserved) {
            transport.recordingTrouble = QString::fromStdString(reserved.error().sentence);
            emit q.failed(reserved.error());
            return;
        }
        temporary = std::move(reserved).value();
        recordingFile = temporary->file();
    }
    auto writer = RecordingWriter::create(recordingFile.toStdString(), how);
    if (!writer) {
        temporary.reset();
        recordingFile.clear();
        transport.recordingTrouble = QString::fromStdString(writer.error().sentence);
        emit q.failed(writer.error());
        return;
    }
    capture->recordWith(std::move(writer).value());
}

void Workspace::Private::stopCapture()
{
    if (!capture)
        return;
    // The recording can only become one file once nobody reads it any more.
    QMetaObject::invokeMethod(
        player.get(), [p = player.get()] { p->close(); }, Qt::BlockingQueuedConnection);
    Capture* const c = capture.release();
    c->disconnect(this);
    QMetaObject::invokeMethod(
        c,
        [c] {
            c->shutDown();
            delete c;
        },
        Qt::BlockingQueuedConnection);
    attached.clear();
    temporary.reset();
    recordingFile.clear();
}

void Workspace::Private::applied(const UpdatePtr& update, quint64 of)
{
    if (of != epoch)
        return;
    latest = update;
    if (transport.mode == Mode::live && update->now > transport.cursor) {
        Transport t = transport;
        t.cursor = update->now;
        t.end = std::max(t.end, update->now);
        if (to_us(t.start) == 0)
            t.start = update->now;
        change(t);
    }
    emit q.updated(update);
}

void Workspace::Private::edgeMoved(const std::vector<TargetSeries>& points)
{
    if (transport.mode != Mode::paused)
        return;
    auto update = std::make_shared<Update>();
    update->now = latest->now;
    update->targets = latest->targets;
    update->actions = latest->actions;
    update->notes = latest->notes;
    update->live_points = points;
    emit q.updated(update);
}

void Workspace::Private::opened(const RecordingInfo& info, const QString& file)
{
    Transport t;
    t.mode = Mode::replay;
    t.readOnly = options.readOnly;
    t.start = info.started;
    t.end = info.ended;
    t.cursor = info.ended;
    t.file = file;
    t.saved = true;
    t.redacted = info.redacted;
    t.gaps = info.gaps;
    t.bytes = info.bytes;
    change(t);
    setMarks({});
    indexMarks(file);
    showCursor(info.ended);
}

void Workspace::Private::cursorMoved(Timestamp cursor, bool playing, quint64 of)
{
    if (of != epoch || transport.mode == Mode::live)
        return;
    Transport t = transport;
    t.cursor = cursor;
    t.playing = playing;
    change(t);
}

void Workspace::Private::showCursor(Timestamp cursor)
{
    Transport t = transport;
    t.cursor = std::clamp(cursor, t.start, std::max(t.start, t.end));
    change(t);
    onPlayer([p = player.get(), at = t.cursor, of = epoch] { p->seek(at, of); });
}

void Workspace::Private::indexMarks(const QString& file)
{
    stopIndexing();
    stopIndexer = false;
    indexer = std::thread([this, path = file.toStdString(), of = epoch] {
        const auto publish = [&](const std::vector<Mark>& found) {
            onWindow([this, found, of] {
                if (of == epoch)
                    setMarks(found);
            });
        };
        const std::vector<Mark> all = marksOf(path, stopIndexer, publish);
        if (!stopIndexer)
            publish(all);
    });
}

void Workspace::Private::stopIndexing()
{
    stopIndexer = true;
    if (indexer.joinable())
        indexer.join();
}

void Workspace::Private::setMarks(std::vector<Mark> all)
{
    if (all.size() > most_marks)
        all.erase(all.begin(), all.end() - most_marks);
    marks = std::make_shared<const std::vector<Mark>>(std::move(all));
    emit q.marksChanged(marks);
}

void Workspace::Private::change(const Transport& to)
{
    if (to == transport)
        return;
    transport = to;
    emit q.transportChanged(transport);
}

void Workspace::Private::fail(const std::string& sentence, const std::string& next)
{
    emit q.failed(Error{sentence, next});
}

Workspace::Workspace(const Options& options, QObject* parent)
    : QObject(parent)
    , d_(std::make_unique<Private>(*this, options))
{}

Workspace::~Workspace() = default;

const Transport& Workspace::transport() const
{
    return d_->transport;
}

UpdatePtr Workspace::latest() const
{
    return d_->latest;
}

Marks Workspace::marks() const
{
    return d_->marks;
}

QStringList Workspace::leftBehind(const QString& temporaryFolder)
{
    return TemporaryRecording::leftBehind(temporaryFolder);
}

void Workspace::discardLeftBehind(const QString& file)
{
    TemporaryRecording::remove(file);
}

TargetId Workspace::attach(const AttachRequest& request)
{
    d_->startCapture();
    const TargetId id{++d_->lastTarget};
    d_->attached[id] = true;
    d_->onCapture([c = d_->capture.get(), id, request] { c->attach(id, request); });
    return id;
}

void Workspace::detach(TargetId target)
{
    if (!d_->capture || d_->attached.erase(target) == 0)
        return;
    d_->onCapture([c = d_->capture.get(), target] { c->detach(target); });
}

void Workspace::provideSecret(TargetId target, const QString& password)
{
    if (d_->capture)
        d_->onCapture(
            [c = d_->capture.get(), target, password] { c->provideSecret(target, password); });
}

void Workspace::sampleNow()
{
    if (d_->capture)
        d_->onCapture([c = d_->capture.get()] { c->sampleNow(); });
}

void Workspace::setThresholds(TargetId target, const LeakThresholds& thresholds)
{
    if (d_->transport.mode == Mode::replay)
        d_->onPlayer(
            [p = d_->player.get(), target, thresholds] { p->setThresholds(target, thresholds); });
    else if (d_->capture)
        d_->onCapture(
            [c = d_->capture.get(), target, thresholds] { c->setThresholds(target, thresholds); });
}

void Workspace::open(const QString& file)
{
    d_->stopCapture();
    d_->stopIndexing();
    ++d_->epoch;
    d_->latest = emptyUpdate();
    d_->recordingFile = file;
    Transport t;
    t.readOnly = d_->options.readOnly;
    d_->change(t);
    d_->setMarks({});
    emit updated(d_->latest);
    d_->onPlayer([p = d_->player.get(), path = file.toStdString()] { p->open(path); });
}

void Workspace::save(const QString& file)
{
    if (d_->recordingFile.isEmpty()) {
        d_->fail("There is no recording to save.", "Attach to a target or open a recording first.");
        return;
    }
    if (d_->saver.joinable()) {
        d_->stopSaver = true;
        d_->saver.join();
    }
    d_->stopSaver = false;
    const auto copy = [this, d = d_.get(), from = d_->recordingFile, file] {
        if (d->saver.joinable())
            d->saver.join();
        d->saver = std::thread([this, d, from, file] {
            const auto progress = [this, d](double fraction) {
                d->onWindow([this, fraction] { emit saveProgress(fraction); });
                return !d->stopSaver;
            };
            const auto done = save_recording(from.toStdString(), file.toStdString(), progress);
            d->onWindow([this, d, done, file] {
                if (!done) {
                    emit failed(done.error());
                    return;
                }
                Transport t = d->transport;
                t.saved = true;
                t.file = file;
                d->change(t);
                emit saved(file);
            });
        });
    };
    if (d_->capture)
        d_->onCapture([d = d_.get(), c = d_->capture.get(), copy] {
            c->flush([d, copy] { d->onWindow(copy); });
        });
    else
        copy();
}

void Workspace::addNote(const QString& text)
{
    if (!d_->capture) {
        d_->fail("Notes are part of a recording in progress.",
                 "Attach to a target; an opened recording is not changed.");
        return;
    }
    Transport t = d_->transport;
    t.saved = !d_->options.recordTo.isEmpty();
    d_->change(t);
    d_->onCapture([c = d_->capture.get(), text] { c->addNote(text); });
}

void Workspace::pause()
{
    if (d_->transport.mode == Mode::live)
        seek(d_->transport.cursor);
}

void Workspace::goLive()
{
    if (!d_->capture || d_->transport.mode == Mode::live)
        return;
    d_->onPlayer([p = d_->player.get()] { p->play(false, 1); });
    Transport t = d_->transport;
    t.mode = Mode::live;
    t.playing = false;
    t.cursor = t.end;
    d_->change(t);
    d_->onCapture([c = d_->capture.get(), of = ++d_->epoch] { c->show(true, of); });
}

void Workspace::seek(Timestamp cursor)
{
    if (d_->transport.mode == Mode::paused || d_->transport.mode == Mode::replay) {
        d_->showCursor(cursor);
        return;
    }
    if (d_->transport.mode != Mode::live)
        return;
    if (d_->recordingFile.isEmpty()) {
        d_->fail("Nothing is recorded, so there is no past to go to.",
                 d_->transport.recordingTrouble.toStdString());
        return;
    }
    Transport t = d_->transport;
    t.mode = Mode::paused;
    t.cursor = std::clamp(cursor, t.start, std::max(t.start, t.end));
    d_->change(t);
    const quint64 of = ++d_->epoch;
    const bool known = std::exchange(d_->playerHasFile, true);
    // What was just seen must be in the file before the player can show it.
    d_->onCapture(
        [d = d_.get(), c = d_->capture.get(), of, known, path = d_->recordingFile.toStdString()] {
            c->show(false, of);
            c->flush([d, of, known, path] {
                d->onWindow([d, of, known, path] {
                    if (!known)
                        d->onPlayer([p = d->player.get(), path] { p->open(path); });
                    if (of == d->epoch)
                        d->showCursor(d->transport.cursor);
                });
            });
        });
}

void Workspace::play(bool on)
{
    if (d_->transport.mode == Mode::live) {
        if (!on)
            pause();
        return;
    }
    if (on && d_->transport.mode == Mode::replay && d_->transport.cursor >= d_->transport.end)
        d_->showCursor(d_->transport.start);
    d_->onPlayer([p = d_->player.get(), on, speed = d_->transport.speed] { p->play(on, speed); });
}

void Workspace::setSpeed(int speed)
{
    Transport t = d_->transport;
    t.speed = std::clamp(speed, 1, 64);
    d_->change(t);
    if (t.playing)
        d_->onPlayer([p = d_->player.get(), s = t.speed] { p->play(true, s); });
}

void Workspace::step(bool forward)
{
    if (d_->transport.mode == Mode::live) {
        pause();
        return;
    }
    d_->onPlayer([p = d_->player.get(), forward] { p->step(forward); });
}

void Workspace::jumpToMark(bool forward)
{
    const std::vector<Mark>& all = *d_->marks;
    const Timestamp from = d_->transport.cursor;
    std::optional<Timestamp> best;
    for (const Mark& mark : all) {
        const bool beyond = forward ? mark.time > from : mark.time < from;
        if (beyond && (!best || (forward ? mark.time < *best : mark.time > *best)))
            best = mark.time;
    }
    if (best)
        seek(*best);
    else if (forward)
        goLive();
}

void Workspace::setRedact(bool on)
{
    d_->options.redact = on;
}

void Workspace::setReadOnly(bool on)
{
    Transport t = d_->transport;
    t.readOnly = on;
    d_->options.readOnly = on;
    d_->change(t);
}

void Workspace::execute(ActionVerb verb, const std::vector<SessionRow>& sessions)
{
    if (d_->transport.readOnly) {
        d_->fail("Read-only: no command leaves Poolscope.", "Unlock it in the toolbar (Ctrl+L).");
        return;
    }
    if (d_->transport.mode != Mode::live) {
        d_->fail("Commands need the live edge: what is shown is the past.",
                 d_->transport.mode == Mode::paused ? "Press End to return to it."
                                                    : "Attach to the target.");
        return;
    }
    d_->onCapture([c = d_->capture.get(), verb, sessions] { c->execute(verb, sessions); });
}

void Workspace::series(Timestamp from, Timestamp to, std::size_t points, SeriesAnswer answer)
{
    const bool known = std::exchange(d_->playerHasFile, true);
    d_->onPlayer([d = d_.get(), p = d_->player.get(), from, to, points, known,
                  path = d_->recordingFile.toStdString(), answer = std::move(answer)] {
        if (!known && !path.empty())
            p->open(path);
        d->onWindow([answer, found = p->series(from, to, points)] { answer(found); });
    });
}

void Workspace::past(const SessionKey& session, Timestamp from, Timestamp to, PastAnswer answer)
{
    const bool known = std::exchange(d_->playerHasFile, true);
    d_->onPlayer([d = d_.get(), p = d_->player.get(), session, from, to, known,
                  path = d_->recordingFile.toStdString(), answer = std::move(answer)] {
        if (!known && !path.empty())
            p->open(path);
        d->onWindow([answer, found = p->past(session, from, to)] { answer(found); });
    });
}

} // namespace poolscope
