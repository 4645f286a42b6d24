// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/workspace.h"

#include "core/capture/workspaceprivate.h"
#include "core/source/privatefolder.h"

#include <QCoreApplication>

#include <algorithm>
#include <set>
#include <utility>

namespace poolscope {

UpdatePtr emptyUpdate()
{
    auto update = std::make_shared<Update>();
    update->reset = true;
    update->actions = std::make_shared<const std::vector<ActionRecord>>();
    update->notes = std::make_shared<const std::vector<NoteRecord>>();
    return update;
}

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
    connect(player.get(), &Player::opened, this, [this](const RecordingInfo& info, quint64 of) {
        if (of == openTicket && std::exchange(opening, false))
            opened(info, recordingFile);
    });
    connect(player.get(), &Player::reachedEnd, this, [this](quint64 of) {
        if (of == epoch && transport.mode == Mode::paused &&
            transport.end - transport.cursor < live_edge * 2)
            q.goLive();
    });
    captureThread.start();
    playerThread.start();
    clearLeftFoldersOnce();
}

Workspace::Private::~Private()
{
    stopIndexing();
    stopAsking();
    stopSaver = true;
    if (saver.joinable())
        saver.join();
    endCapture([] {});
    if (closed.valid())
        closed.wait();
    captureThread.quit();
    captureThread.wait();
    onPlayer([p = player.get()] { p->close(); });
    playerThread.quit();
    playerThread.wait();
}

void Workspace::Private::applied(const UpdatePtr& update, quint64 of)
{
    if (of != epoch)
        return;
    latest = update;
    if (transport.attaching && !update->targets.empty())
        notAttaching();
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

void Workspace::Private::notAttaching()
{
    Transport t = transport;
    t.attaching = false;
    change(t);
}

void Workspace::Private::setMarks(std::vector<Mark> all)
{
    // A note may be about an earlier moment, and a clock may have been set back.
    const auto earlier = [](const Mark& a, const Mark& b) {
        return a.time < b.time;
    };
    if (!std::is_sorted(all.begin(), all.end(), earlier))
        std::stable_sort(all.begin(), all.end(), earlier);
    if (all.size() > most_marks)
        all.erase(all.begin(), all.end() - most_marks);
    marks = std::make_shared<const std::vector<Mark>>(std::move(all));
    emit q.marksChanged(marks);
}

/// Marks have no place on a timeline that begins after them.
void Workspace::Private::dropMarksBefore(Timestamp start)
{
    if (marks->empty() || marks->front().time >= start)
        return;
    std::vector<Mark> kept;
    std::copy_if(marks->begin(), marks->end(), std::back_inserter(kept),
                 [&](const Mark& mark) { return mark.time >= start; });
    setMarks(std::move(kept));
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

namespace {

/// Those whose end is under way, on the GUI thread alone. What they post to each other is delivered
/// while the application lives, and not a moment longer.
std::set<Workspace*>& letGone()
{
    static std::set<Workspace*> all;
    return all;
}

/// The application ends: nobody takes back what was let go, so it is waited for.
void endLetGone()
{
    while (!letGone().empty())
        delete *letGone().begin();
}

} // namespace

Workspace::~Workspace()
{
    letGone().erase(this);
}

void Workspace::letGo()
{
    if (!QCoreApplication::instance()) {
        delete this;
        return;
    }
    blockSignals(true);
    setParent(nullptr);
    if (letGone().empty())
        qAddPostRoutine(endLetGone); // each is called once
    letGone().insert(this);
    d_->stopSaver = true;
    d_->endCapture([d = d_.get()] { d->onWindow([d] { d->q.deleteLater(); }); });
}

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

TargetId Workspace::attach(const AttachRequest& request)
{
    d_->startCapture();
    const TargetId id{++d_->lastTarget};
    d_->attached[id] = true;
    Transport t = d_->transport;
    t.attaching = d_->latest->targets.empty();
    d_->change(t);
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

void Workspace::lookAt(const std::vector<SessionKey>& sessions)
{
    if (!d_->capture)
        return;
    std::vector<SessionKey> some(sessions.begin(),
                                 sessions.begin() + std::min(sessions.size(), most_looked_at));
    d_->onCapture([c = d_->capture.get(), some = std::move(some)] { c->lookAt(some); });
}

void Workspace::setThresholds(TargetId target, const LeakThresholds& thresholds)
{
    chooseThresholds(target, {thresholds});
}

void Workspace::chooseThresholds(TargetId target, const ThresholdsChanged& choice)
{
    if (d_->transport.mode == Mode::replay)
        d_->onPlayer([p = d_->player.get(), target, choice] { p->setThresholds(target, choice); });
    else if (d_->capture)
        d_->onCapture(
            [c = d_->capture.get(), target, choice] { c->setThresholds(target, choice); });
}

void Workspace::setAlertRules(const std::string& rules)
{
    if (d_->transport.mode == Mode::replay)
        d_->onPlayer([p = d_->player.get(), rules] { p->supposeAlertRules(rules); });
    else if (d_->capture)
        d_->onCapture([c = d_->capture.get(), rules] { c->setAlertRules(rules); });
    if (d_->transport.mode != Mode::replay)
        d_->options.alertRules = rules;
}

void Workspace::findAlertRules(AlertRulesAnswer answer)
{
    if (d_->transport.mode != Mode::replay) {
        answer(d_->options.alertRules);
        return;
    }
    d_->onPlayer([d = d_.get(), p = d_->player.get(), answer = std::move(answer)] {
        d->onWindow([answer, rules = p->alertRules()] { answer(rules); });
    });
}

const QString& Workspace::alertRulesPath() const
{
    return d_->options.alertRulesPath;
}

void Workspace::answerAlert(TargetId target, const AlertAnswered& answer, Duration lasts)
{
    if (d_->capture && d_->transport.mode != Mode::replay)
        d_->onCapture([c = d_->capture.get(), target, answer, lasts] {
            c->answerAlert(target, answer, lasts);
        });
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

bool Workspace::Private::mayCommand()
{
    if (transport.readOnly)
        fail("Read-only: no command leaves Poolscope.", "Unlock it in the toolbar (Ctrl+L).");
    else if (transport.mode != Mode::live)
        fail("Commands need the live edge: what is shown is the past.",
             transport.mode == Mode::paused ? "Press End to return to it."
                                            : "Attach to the target.");
    else
        return true;
    return false;
}

void Workspace::execute(ActionVerb verb, const std::vector<SessionRow>& sessions)
{
    if (d_->mayCommand())
        d_->onCapture([c = d_->capture.get(), verb, sessions] { c->execute(verb, sessions); });
}

void Workspace::reclaim(const std::vector<CheckoutKey>& checkouts)
{
    if (d_->mayCommand())
        d_->onCapture([c = d_->capture.get(), checkouts] { c->reclaim(checkouts); });
}

} // namespace poolscope
