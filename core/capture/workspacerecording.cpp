// SPDX-License-Identifier: GPL-3.0-or-later
// The workspace's recordings: the one under way, saving, opening, what a crash left behind.
#include "core/capture/temporaryrecording.h"
#include "core/capture/workspaceprivate.h"
#include "core/source/registry.h"

#include <QFileInfo>

#include <algorithm>
#include <optional>

namespace poolscope {

namespace {

Result<std::unique_ptr<Source>> fromRegistry(TargetId id, const AttachRequest& request)
{
    return makeSource(id, request);
}

/// Why that file cannot be shown, if so.
std::optional<Error> whyUnreadable(const QString& file)
{
    auto reader = RecordingReader::open(file.toStdString());
    if (!reader)
        return reader.error();
    const auto info = reader.value()->info();
    if (!info)
        return info.error();
    const auto world = reader.value()->sound_keyframe(info.value().ended);
    return world ? std::nullopt : std::optional(world.error());
}

Result<RecordingInfo> readInfo(const QString& file)
{
    auto reader = RecordingReader::open(file.toStdString());
    return reader ? reader.value()->info() : Result<RecordingInfo>{reader.error()};
}

std::vector<LeftBehind> readLeftBehind(const QString& folder)
{
    std::vector<LeftBehind> found;
    std::vector<LeftBehind> unreadable; // last: there is nothing to go on with
    for (const QString& file : TemporaryRecording::leftBehind(folder)) {
        auto info = readInfo(file);
        const bool empty = info ? info.value().targets.empty() : QFileInfo{file}.size() == 0;
        if (empty)
            TemporaryRecording::remove(file);
        else if (info)
            found.push_back({file, std::move(info).value(), {}});
        else
            unreadable.push_back({file, {}, info.error()});
    }
    found.insert(found.end(), unreadable.begin(), unreadable.end());
    return found;
}

} // namespace

void Workspace::Private::startCapture()
{
    if (capture)
        return;
    if (transport.mode == Mode::replay || std::exchange(opening, false)) {
        stopIndexing();
        onPlayer([p = player.get()] { p->close(); });
        transport = Transport{};
        transport.readOnly = options.readOnly;
        setMarks({});
    }
    playerHasFile = false;
    // What was open before is not what this capture records: neither lent nor saved as such.
    recordingFile.clear();
    q.takeBack();
    std::shared_ptr<const Clock> clock = options.clock;
    if (!clock)
        clock = std::make_shared<const SystemClock>();
    capture = std::make_unique<Capture>(
        clock, options.sourceFactory ? options.sourceFactory : SourceFactory{fromRegistry},
        options.thresholds, options.alertRules);
    Capture* const c = capture.get();
    c->moveToThread(&captureThread);
    const quint64 run = ++captureRun;
    connect(c, &Capture::updated, this, &Private::applied);
    connect(c, &Capture::edgeMoved, this, &Private::edgeMoved);
    connect(c, &Capture::observedNow, this, [this, run](const UpdatePtr& update) {
        if (run == captureRun)
            emit q.observedNow(update);
    });
    connect(c, &Capture::failed, this, [this](const Error& e) { emit q.failed(e); });
    connect(c, &Capture::refused, this, [this, run](TargetId target) {
        if (run != captureRun)
            return;
        attached.erase(target);
        if (attached.empty())
            notAttaching();
    });
    connect(c, &Capture::secretRequired, &q, &Workspace::secretRequired);
    connect(c, &Capture::recordingBegan, this, [this, run](const QString& file) {
        if (run != captureRun)
            return;
        recordingFile = file;
        playerHasFile = false;
    });
    connect(c, &Capture::marked, this, [this, run](const std::vector<Mark>& more) {
        if (run != captureRun)
            return;
        std::vector<Mark> all = *marks;
        all.insert(all.end(), more.begin(), more.end());
        setMarks(std::move(all));
    });
    connect(c, &Capture::progressed, this, [this, run](const CaptureProgress& p) {
        if (run != captureRun)
            return;
        if (p.start > transport.start)
            dropMarksBefore(p.start);
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
    startRecording();
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
    Capture* const c = capture.get();
    if (options.recordTo.isEmpty()) {
        how.keep_for = options.keepFor;
        how.keep_bytes = options.keepBytes;
        onCapture(
            [c, folder = options.temporaryFolder, how] { c->recordTemporarily(folder, how); });
        return;
    }
    // Only without a window; whoever asks for it wants to know at once.
    auto writer = RecordingWriter::create(options.recordTo.toStdString(), how);
    if (!writer) {
        transport.recordingTrouble = QString::fromStdString(writer.error().sentence);
        emit q.failed(writer.error());
        return;
    }
    recordingFile = options.recordTo;
    onCapture([c, made = std::make_shared<std::unique_ptr<RecordingWriter>>(
                      std::move(writer).value())] { c->recordWith(std::move(*made)); });
}

/// The recording can only become one file once nobody reads it any more: the player lets go of it
/// first.
void Workspace::Private::endCapture(std::function<void()> then)
{
    stopAsking();
    q.takeBack();
    // Of the player's thread: it waits for who still reads.
    std::vector<Errands::Self> readers;
    if (asker)
        readers.push_back(asker);
    if (loan && loan->errand)
        readers.push_back(loan->errand);
    loan.reset();
    const auto waitForReaders = [readers = std::move(readers)] {
        for (const Errands::Self& reader : readers)
            reader->ended.wait();
    };
    Player* const p = player.get();
    if (!capture) {
        onPlayer([waitForReaders, then = std::move(then)] {
            waitForReaders();
            then();
        });
        return;
    }
    Capture* const c = capture.release();
    c->disconnect(this);
    c->disconnect(&q);
    ++captureRun;
    attached.clear();
    closing = std::exchange(recordingFile, {});
    const auto done = std::make_shared<std::promise<Result<Done>>>();
    closed = done->get_future().share();
    onPlayer([p, c, done, waitForReaders, then = std::move(then)] {
        waitForReaders();
        p->close();
        QMetaObject::invokeMethod(c, [p, c, done, then] {
            Result<Done> shut = c->shutDown();
            delete c;
            QMetaObject::invokeMethod(p, then);
            done->set_value(std::move(shut));
        });
    });
}

Result<Done> Workspace::endRecording()
{
    d_->endCapture([] {});
    return d_->closed.valid() ? d_->closed.get() : Result<Done>{Done{}};
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

void Workspace::Private::indexMarks(const QString& file)
{
    stopIndexing();
    if (ended.valid())
        return;
    indexer = errands.begin(file.toStdString(), [this](const Errands::Self& self) {
        const auto publish = [&](const std::vector<Mark>& found) {
            onWindow([this, found, self] {
                if (!self->stop)
                    setMarks(found);
            });
        };
        publish(marksOf(self->file, self->stop, publish));
    });
}

/// What it still finds is of no use.
void Workspace::Private::stopIndexing()
{
    if (indexer)
        indexer->stop = true;
}

QStringList Workspace::leftBehind(const QString& temporaryFolder)
{
    return TemporaryRecording::leftBehind(temporaryFolder);
}

void Workspace::discardLeftBehind(const QString& file)
{
    TemporaryRecording::remove(file);
}

void Workspace::findLeftBehind(LeftBehindAnswer answer)
{
    d_->onPlayer([d = d_.get(), folder = d_->options.temporaryFolder, answer = std::move(answer)] {
        d->onWindow([answer, found = readLeftBehind(folder)] { answer(found); });
    });
}

void Workspace::removeLeftBehind(const QString& file)
{
    d_->onPlayer([file] { TemporaryRecording::remove(file); });
}

void Workspace::open(const QString& file)
{
    const quint64 asked = ++d_->openAsked;
    // What was saved a moment ago is known to be whole.
    if (d_->transport.mode != Mode::replay || d_->transport.file == file) {
        d_->open(file);
        return;
    }
    d_->onPlayer([d = d_.get(), file, asked] {
        d->onWindow([d, file, asked, trouble = whyUnreadable(file)] {
            if (asked != d->openAsked || d->transport.mode != Mode::replay)
                return;
            if (trouble)
                emit d->q.failed(*trouble);
            else
                d->open(file);
        });
    });
}

void Workspace::Private::open(const QString& file)
{
    stopIndexing();
    endCapture([p = player.get(), path = file.toStdString(), ticket = ++openTicket,
                whatIf = options.whatIf] { p->open(path, ticket, whatIf); });
    ++epoch;
    latest = emptyUpdate();
    recordingFile = file;
    playerHasFile = true;
    opening = true;
    Transport t;
    t.readOnly = options.readOnly;
    change(t);
    setMarks({});
    emit q.updated(latest);
}

/// While the disk refuses, a copy goes only as far as the recording does.
bool Workspace::Private::tellsShort(const RecordingInfo& saved, Timestamp seen)
{
    if (transport.recordingTrouble.isEmpty() || seen - saved.ended < std::chrono::seconds{1})
        return false;
    const Duration length = std::max(Duration{0}, saved.ended - transport.start);
    emit q.saveFailed();
    fail("Only the first " + format_duration_prose(length) + " of " +
             format_duration_prose(seen - transport.start) + " are saved.",
         "The rest is not written yet: save again once it is. " +
             transport.recordingTrouble.toStdString());
    return true;
}

void Workspace::save(const QString& file)
{
    if (d_->recordingFile.isEmpty()) {
        emit saveFailed();
        if (d_->captures() && !d_->transport.recordingTrouble.isEmpty())
            d_->fail("There is nothing to save: what is seen is not being recorded.",
                     d_->transport.recordingTrouble.toStdString());
        else
            d_->fail("There is no recording to save.",
                     "Attach to a target or open a recording first.");
        return;
    }
    // It is at its end soon, or hangs: in neither case does the new one wait here.
    if (d_->saver)
        d_->saver->stop = true;
    d_->saveStopped = false;
    const auto copy = [d = d_.get(), from = d_->recordingFile, run = d_->captureRun, file] {
        d->copyTo(file, from, run);
    };
    if (d_->capture)
        d_->onCapture([d = d_.get(), c = d_->capture.get(), copy] {
            c->flush([d, copy] { d->onWindow(copy); });
        });
    else
        copy();
}

void Workspace::Private::copyTo(const QString& file, const QString& from, quint64 run)
{
    if (ended.valid())
        return;
    if (saveStopped) {
        emit q.saveFailed();
        fail("Saving was stopped; nothing was written.");
        return;
    }
    // An earlier copy of that name must not come after this one.
    const std::shared_ptr<Errand> before =
        saver && saver->file == file.toStdString() ? saver : nullptr;
    if (saver)
        saver->stop = true;
    const auto copy = [this, from, run, file, before,
                       seen = transport.end](const Errands::Self& self) {
        constexpr std::chrono::milliseconds step{20};
        while (before && !self->stop && before->ended.wait_for(step) != std::future_status::ready) {
        }
        const auto progress = [this, &self](double fraction) {
            onWindow([this, self, fraction] {
                if (!self->stop)
                    emit q.saveProgress(fraction);
            });
            return !self->stop;
        };
        const auto done = save_recording(from.toStdString(), self->file, progress);
        const Result<RecordingInfo> holds = done ? readInfo(file) : done.error();
        onWindow([this, from, run, done, file, holds, seen] {
            if (!done) {
                emit q.saveFailed();
                emit q.failed(done.error());
                return;
            }
            if (run != captureRun || from != recordingFile) {
                emit q.saved(file); // something else is shown by now
                return;
            }
            const bool tooShort = holds && tellsShort(holds.value(), seen);
            Transport t = transport;
            t.saved = true;
            if (capture && options.recordTo.isEmpty())
                t.savedUntil = tooShort ? std::max(t.start, holds.value().ended) : seen;
            t.file = file;
            change(t);
            emit q.saved(file);
        });
    };
    saver = errands.begin(file.toStdString(), copy);
}

void Workspace::stopSaving()
{
    d_->saveStopped = true;
    if (d_->saver)
        d_->saver->stop = true;
}

bool Workspace::lend(Borrower work)
{
    if (d_->recordingFile.isEmpty())
        return false;
    takeBack();
    const auto loan = std::make_shared<Loan>();
    d_->loan = loan;
    const auto begin = [d = d_.get(), loan, file = d_->recordingFile.toStdString(),
                        work = std::move(work)] {
        static const std::atomic<bool> gone{true};
        if (loan->takenBack || d->ended.valid())
            work(file, gone);
        else
            loan->errand = d->errands.begin(
                file, [work](const Errands::Self& self) { work(self->file, self->stop); });
    };
    if (d_->capture)
        d_->onCapture([d = d_.get(), c = d_->capture.get(), begin] {
            c->flush([d, begin] { d->onWindow(begin); });
        });
    else
        begin();
    return true;
}

void Workspace::takeBack()
{
    if (!d_->loan)
        return;
    d_->loan->takenBack = true;
    if (d_->loan->errand)
        d_->loan->errand->stop = true;
}

void Workspace::keepTemporary(Duration keepFor, std::uint64_t keepBytes)
{
    d_->options.keepFor = keepFor;
    d_->options.keepBytes = keepBytes;
}

void Workspace::addNote(const QString& text, std::optional<Timestamp> about)
{
    if (!d_->capture) {
        d_->fail("Notes are part of a recording in progress.",
                 "Attach to a target; an opened recording is not changed.");
        return;
    }
    Transport t = d_->transport;
    t.saved = !d_->options.recordTo.isEmpty();
    d_->change(t);
    d_->onCapture([c = d_->capture.get(), text, about] { c->addNote(text, about); });
}

} // namespace poolscope
