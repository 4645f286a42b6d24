// SPDX-License-Identifier: GPL-3.0-or-later
// A recording of what was before anybody recorded, as a query API remembers it. It is a recording
// of its own: what is observed live has its place in the order in which it is observed.
#include "app/cli/exitcode.h"
#include "app/cli/live.h"
#include "app/cli/objects.h"
#include "app/cli/signals.h"
#include "app/cli/verbs.h"
#include "core/base/clock.h"
#include "core/record/writer.h"
#include "core/source/metricssource.h"
#include "core/source/registry.h"

#include <QEventLoop>
#include <QTimer>

#include <algorithm>

namespace poolscope {

namespace {

constexpr std::int64_t mostPastSteps = 2000;
constexpr std::int64_t usualPastSteps = 240;
constexpr int mostPastQuestions = 3;

class PastRun
{
public:
    PastRun(const Arguments& arguments, std::unique_ptr<Source> source)
        : arguments_(arguments)
        , source_(std::move(source))
    {}

    int run(Timestamp from, Timestamp until, Duration step);

private:
    bool create(Timestamp from, Duration step, const TargetInfo& info);
    void append(Timestamp at, TargetId target, const Fact& fact);
    void told(Timestamp at, const Fact& fact);
    void commit();
    void progress(bool complete) const;
    void endEarly(const std::string& why);
    void unwritten(const Error& error);
    void heard(const Fact& fact);
    void askFor(const QString& sentence);

    const Arguments& arguments_;
    std::unique_ptr<Source> source_;
    std::unique_ptr<RecordingWriter> writer_;
    QEventLoop loop_;
    std::string said_;
    TargetId target_;
    TargetStatus status_; ///< of the server, now
    Timestamp first_;
    Timestamp last_;
    std::uint64_t sequence_ = 0;
    std::uint64_t samples_ = 0;
    std::uint64_t gaps_ = 0;
    int code_ = exitDone;
    int questions_ = 0;
    bool asking_ = false;
};

void PastRun::unwritten(const Error& error)
{
    if (code_ != exitUnreadable)
        complain(error);
    code_ = exitUnreadable;
    loop_.quit();
}

void PastRun::append(Timestamp at, TargetId target, const Fact& fact)
{
    if (code_ == exitUnreadable)
        return;
    last_ = at;
    samples_ += std::holds_alternative<PoolSample>(fact) ? 1 : 0;
    gaps_ += std::holds_alternative<Gap>(fact) ? 1 : 0;
    const Result<Done> written = writer_->append({SequenceNumber{++sequence_}, at, target, fact});
    if (!written)
        unwritten(written.error());
}

/// Of the past. What an alert or a leak waits for passes with each instant.
void PastRun::told(Timestamp at, const Fact& fact)
{
    append(at, target_, fact);
    if (const auto* const status = std::get_if<StatusChanged>(&fact)) {
        if (!status->status.sentence.empty())
            complain(status->status.sentence);
    } else {
        append(at, TargetId{0}, Tick{});
    }
}

void PastRun::commit()
{
    if (code_ == exitUnreadable)
        return;
    if (const Result<Done> done = writer_->commit(); !done)
        unwritten(done.error());
}

/// The time that is told of, not the one that it takes.
void PastRun::progress(bool complete) const
{
    if (!arguments_.json)
        return;
    Picture picture;
    picture.targets.emplace_back();
    picture.targets.back().info = source_->info();
    picture.targets.back().status = status_;
    JsonWriter json;
    writeProgress(json, {arguments_.output, first_, last_, writer_->bytes(), gaps_, 0, complete},
                  picture);
    print(json.text() + '\n');
}

/// Before all of that time was told: the recording says so, too.
void PastRun::endEarly(const std::string& why)
{
    if (code_ != exitDone)
        return;
    append(last_, target_, Gap{why});
    complain(Error{why, "What came until then is recorded."});
    if (code_ == exitDone)
        code_ = exitUnreachable;
    loop_.quit();
}

/// How it does now.
void PastRun::heard(const Fact& fact)
{
    const auto* const told = std::get_if<StatusChanged>(&fact);
    if (told == nullptr)
        return;
    const TargetStatus& status = told->status;
    status_ = status;
    const bool bad = status.reach == Reach::failing || status.reach == Reach::stopped;
    if (bad && said_ != status.sentence)
        complain(Error{status.sentence, status.next_step});
    said_ = bad ? status.sentence : std::string{};
    if (status.reach != Reach::stopped)
        return;
    // What it wants to know follows at once, if that is all that is missing.
    QTimer::singleShot(0, &loop_, [this] {
        if (!asking_)
            endEarly("The rest of that time is missing: it could not be asked for.");
    });
}

void PastRun::askFor(const QString& sentence)
{
    asking_ = true;
    QTimer::singleShot(0, &loop_, [this, sentence] {
        const QString token = questions_++ < mostPastQuestions
                                  ? askForPassword(sentence, QStringLiteral("Token"))
                                  : QString();
        asking_ = false;
        source_->provideSecret(token);
    });
}

/// The recording, with what was chosen, as any other begins.
bool PastRun::create(Timestamp from, Duration step, const TargetInfo& info)
{
    WriterOptions how;
    how.redact = arguments_.redact;
    auto created = RecordingWriter::create(arguments_.output, how);
    if (!created) {
        complain(created.error());
        return false;
    }
    writer_ = std::move(created).value();
    target_ = info.id;
    first_ = last_ = from;
    for (const ThresholdsChanged& choice : chosenThresholds(arguments_))
        append(from, TargetId{0}, choice);
    if (!arguments_.alertRules.empty())
        append(from, TargetId{0}, AlertRulesChanged{arguments_.alertRules});
    append(from, info.id, TargetAttached{info});
    append(from, info.id, StatusChanged{{Reach::up, {}, {}, {}}});
    append(from, TargetId{0},
           Note{"Not observed as it happened: this is what " + info.name +
                " remembered of it, every " + format_duration_prose(step) + "."});
    return true;
}

int PastRun::run(Timestamp from, Timestamp until, Duration step)
{
    auto* const source = qobject_cast<MetricsSource*>(source_.get());
    if (source == nullptr || !source->setPast(from, until, step)) {
        complain("--past asks for what a server of metrics remembers of a fleet: give "
                 "prometheus+http://host:9090/api/v1.");
        return exitUsage;
    }
    if (!create(from, step, source->info()))
        return exitUnreadable;
    EndSignals endSignals;
    QObject::connect(&endSignals, &EndSignals::asked, &loop_,
                     [this] { endEarly("Interrupted: the rest of that time is missing."); });
    if (arguments_.runFor)
        QTimer::singleShot(
            std::chrono::ceil<std::chrono::milliseconds>(*arguments_.runFor), &loop_,
            [this] { endEarly("It took longer than it may: the rest of that time is missing."); });
    QTimer second;
    QObject::connect(&second, &QTimer::timeout, &loop_, [this] {
        commit();
        progress(false);
    });
    second.start(std::chrono::seconds{1});
    QObject::connect(source, &MetricsSource::pastEnded, &loop_, &QEventLoop::quit);
    QObject::connect(source, &MetricsSource::observedThen, &loop_,
                     [this](Timestamp at, const Fact& fact) { told(at, fact); });
    QObject::connect(source, &Source::observed, &loop_, [&](const Fact& fact) { heard(fact); });
    QObject::connect(source, &Source::secretRequired, &loop_,
                     [&](const QString& sentence) { askFor(sentence); });
    source->start();
    if (code_ == exitDone)
        loop_.exec();
    second.stop();
    source->stop();
    if (const Result<Done> closed = writer_->close(); !closed) {
        unwritten(closed.error());
        progress(false);
        return exitUnreadable;
    }
    progress(code_ != exitUnreadable);
    if (code_ == exitDone && samples_ == 0)
        complain(
            Error{source->info().name + " remembers no pool that Poolscope knows of that time.",
                  "Check the path and the match of the address, and how far back it keeps."});
    return code_;
}

} // namespace

int runRecordPast(const Arguments& arguments)
{
    if (arguments.targets.size() != 1) {
        complain("--past is of one target. Record each into a file of its own.");
        return exitUsage;
    }
    if (!arguments.metrics.empty()) {
        complain("--metrics serves what is, and --past asks for what was. Leave out one of them.");
        return exitUsage;
    }
    if (!arguments.onAlert.empty()) {
        complain("--on-alert is for what is, and --past asks for what was. Leave out one of them.");
        return exitUsage;
    }
    AttachRequest request;
    request.target = QString::fromStdString(arguments.targets.front());
    request.sshHost = QString::fromStdString(arguments.sshHost);
    auto source = makeSource(TargetId{1}, request);
    if (!source) {
        complain(source.error());
        return exitUsage;
    }
    // Whole seconds, so that the instants are those of other tools' charts.
    const Duration past = *arguments.past;
    const auto usual = std::chrono::ceil<std::chrono::seconds>(
        std::max(Duration{usualInterval(request.target)}, past / usualPastSteps));
    const Duration step = arguments.intervalGiven ? arguments.interval : Duration{usual};
    if (past / step > mostPastSteps) {
        complain("That is too much at once: give a longer --interval, or a shorter --past.");
        return exitUsage;
    }
    const Timestamp until = SystemClock{}.now();
    const Timestamp from = std::chrono::floor<std::chrono::seconds>(until - past);
    return PastRun{arguments, std::move(source).value()}.run(from, until, step);
}

} // namespace poolscope
