// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/workspace.h"

#include "core/capture/workspaceprivate.h"
#include "core/source/privatefolder.h"

#include <QCoreApplication>
#include <QEvent>

#include <algorithm>
#include <cstdio>
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

namespace {

/// Most ends take no time.
constexpr Duration says_after = std::chrono::seconds{1};

} // namespace

Workspace::Private::Private(Workspace& owner, const Options& chosen)
    : q(owner)
    , options(chosen)
    , player(std::make_unique<Player>())
    , errands([this] {
        onWindow([this] {
            errands.reap();
            askNext();
        });
    })
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
    // All that could take its time is over: see endsWithin().
    captureThread.quit();
    captureThread.wait();
    playerThread.quit();
    playerThread.wait();
}

void Workspace::Private::end()
{
    if (ended.valid())
        return;
    errands.stopAll();
    const auto all = std::make_shared<std::promise<void>>();
    ended = all->get_future().share();
    endCapture([] {});
    // Where nobody minds. The capture that ended before is not waited for by who ends now.
    onPlayer([this, p = player.get(), all, before = closed, readers = errands.atWork()] {
        if (before.valid())
            before.wait();
        for (const Errands::Self& reader : readers)
            reader->ended.wait();
        p->close();
        all->set_value();
        onWindow([this] {
            if (letGone)
                q.deleteLater();
        });
    });
}

bool Workspace::Private::endsWithin(Duration patience)
{
    end();
    const auto until = std::chrono::steady_clock::now() + patience;
    if (ended.wait_for(std::min(patience, says_after)) == std::future_status::ready)
        return true;
    const auto say = [this](const std::string& sentence) {
        if (options.tellsWaiting)
            options.tellsWaiting(sentence);
        else
            std::fputs(("poolscope: " + sentence + '\n').c_str(), stderr);
    };
    say("Waiting for " + waitsFor() + '.');
    if (ended.wait_until(until) == std::future_status::ready)
        return true;
    say("Gave up after " + format_duration_prose(patience) + " waiting for " + waitsFor() +
        ". What was written stays there.");
    return false;
}

std::string Workspace::Private::waitsFor() const
{
    if (const auto busy = errands.atWork(); !busy.empty())
        return "the disk, which keeps the work on " + busy.front()->file;
    if (closed.valid() && closed.wait_for(Duration{0}) != std::future_status::ready)
        return closing.isEmpty() ? "what was attached"
                                 : "the recording " + closing.toStdString() + " to be closed";
    return "the disk, which keeps the work on " + recordingFile.toStdString();
}

namespace {

/// Workspaces whose end is under way, on the GUI thread alone. What they post to each other is
/// delivered while the application lives, and not a moment longer.
std::set<Workspace*>& letGoOf()
{
    static std::set<Workspace*> all;
    return all;
}

/// What a disk keeps from ending: it goes with the process, unless it ends before.
std::set<QObject*>& leftAlone()
{
    static auto* const all = new std::set<QObject*>;
    return *all;
}

} // namespace

void Workspace::Private::leave()
{
    left = true;
    leftAlone().insert(this);
}

bool Workspace::Private::event(QEvent* event)
{
    if (!left || event->type() == QEvent::DeferredDelete)
        return QObject::event(event);
    // Nobody is left for what it would say.
    if (ended.wait_for(Duration{0}) == std::future_status::ready) {
        leftAlone().erase(this);
        deleteLater();
    }
    return true;
}

/// The application ends: nobody takes back what was let go, so it is waited for, all of it at once.
void Workspace::Private::endLetGone()
{
    const auto begun = std::chrono::steady_clock::now();
    while (!letGoOf().empty()) {
        Workspace* const one = *letGoOf().begin();
        Duration& patience = one->d_->options.patience;
        const auto waited =
            std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begun);
        patience = std::max(Duration{0}, patience - waited);
        delete one;
    }
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

Workspace::~Workspace()
{
    letGoOf().erase(this);
    if (!d_->endsWithin(d_->options.patience))
        d_.release()->leave();
}

void Workspace::letGo()
{
    if (!QCoreApplication::instance()) {
        delete this;
        return;
    }
    blockSignals(true);
    setParent(nullptr);
    if (letGoOf().empty())
        qAddPostRoutine(Private::endLetGone); // each is called once
    letGoOf().insert(this);
    d_->letGone = true;
    d_->end();
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
