// SPDX-License-Identifier: GPL-3.0-or-later
// The workspace's time: the live edge, the cursor, and what is asked of the past.
#include "core/capture/workspaceprivate.h"

#include <algorithm>

namespace poolscope {

void Workspace::Private::edgeMoved(const std::vector<TargetSeries>& points,
                                   const std::vector<PoolSeries>& pools)
{
    if (transport.mode != Mode::paused)
        return;
    auto update = std::make_shared<Update>();
    update->now = latest->now;
    update->targets = latest->targets;
    update->actions = latest->actions;
    update->notes = latest->notes;
    update->live_points = points;
    update->live_pool_points = pools;
    emit q.updated(update);
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
    onPlayer([this, p = player.get(), at = t.cursor, of = epoch, ticket = ++latestSeek] {
        if (ticket == latestSeek)
            p->seek(at, of);
    });
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
    const quint64 run = d_->captureRun;
    // What was just seen must be in the file before the player can show it.
    d_->onCapture([d = d_.get(), c = d_->capture.get(), of, run, known,
                   path = d_->recordingFile.toStdString()] {
        c->show(false, of);
        c->flush([d, of, run, known, path] {
            d->onWindow([d, of, run, known, path] {
                if (!known && run == d->captureRun)
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
    if (d_->transport.playing)
        play(false);
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

void Workspace::series(Timestamp from, Timestamp to, std::size_t points, SeriesAnswer answer)
{
    d_->askPlayer([from, to, points](Player& p) { return p.series(from, to, points); },
                  std::move(answer));
}

void Workspace::poolSeries(Timestamp from, Timestamp to, std::size_t points,
                           PoolSeriesAnswer answer)
{
    d_->askPlayer([from, to, points](Player& p) { return p.poolSeries(from, to, points); },
                  std::move(answer));
}

void Workspace::past(const SessionKey& session, Timestamp from, Timestamp to, PastAnswer answer)
{
    d_->askPlayer([session, from, to](Player& p) { return p.past(session, from, to); },
                  std::move(answer));
}

/// The one that is asked answers no more.
void Workspace::Private::stopAsking()
{
    nextQuestion = {};
    if (asker)
        asker->stop = true;
}

/// One thread a file: a disk that hangs keeps that one, however often somebody asks.
void Workspace::Private::askNext()
{
    if (!nextQuestion || ended.valid() ||
        (asker && !asker->over() && asker->file == recordingFile.toStdString()))
        return;
    std::exchange(nextQuestion, {})();
}

void Workspace::held(Timestamp from, Timestamp to, HeldAnswer answer)
{
    d_->stopAsking();
    if (d_->recordingFile.isEmpty()) {
        answer({});
        return;
    }
    d_->nextQuestion = [d = d_.get(), from, to, answer = std::move(answer)] {
        d->asker = d->errands.begin(
            d->recordingFile.toStdString(), [d, from, to, answer](const Errands::Self& self) {
                std::vector<HeldPlace> found = heldIn(self->file, from, to, self->stop);
                d->onWindow([self, answer, found = std::move(found)] {
                    if (!self->stop)
                        answer(found);
                });
            });
    };
    d_->askNext();
}

} // namespace poolscope
