// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/compareflow.h"

#include "core/compare/compare.h"
#include "core/compare/json.h"
#include "core/compare/text.h"
#include "core/report/newfile.h"
#include "ui/models/formatter.h"
#include "ui/views/comparisonview.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QThreadPool>

#include <utility>

namespace poolscope {

namespace {

/// From whatever thread; what is gone by then hears nothing. Whoever is on the other thread may
/// outlive the window, not the application.
template <class Whom, class Does>
void onWindowThread(const QPointer<Whom>& whom, Does does)
{
    QMetaObject::invokeMethod(
        QCoreApplication::instance(),
        [whom, does = std::move(does)] {
            if (whom)
                does(*whom);
        },
        Qt::QueuedConnection);
}

void lookInto(const QString& file, const RecordingAnswer& answer)
{
    QThreadPool::globalInstance()->start([file, answer] {
        auto reader = RecordingReader::open(file.toStdString());
        const auto info = reader ? reader.value()->info() : Result<RecordingInfo>{reader.error()};
        onWindowThread(QPointer<QObject>(QCoreApplication::instance()),
                       [answer, info](QObject&) { answer(info); });
    });
}

Result<compare::Side> sideOf(RecordingReader& reader, const CompareRange& range,
                             const std::string& name, const compare::Progress& progress)
{
    return compare::side_of(reader, {name, range.from, range.to}, progress);
}

/// One recording is called alike on both sides. A file's name may name a host or a customer.
std::pair<std::string, std::string> namesOf(const CompareWish& wish)
{
    if (!wish.redact)
        return {wish.before.name.toStdString(), wish.after.name.toStdString()};
    return {"recording 1", wish.before.file == wish.after.file ? "recording 1" : "recording 2"};
}

} // namespace

struct CompareFlow::Outcome
{
    std::optional<Error> error;
    std::shared_ptr<const compare::Comparison> comparison;
    std::string text;     ///< of it
    bool stopped = false; ///< by the user, or because the recording is wanted back

    static Outcome of(const Error& error) { return {error, {}, {}, false}; }
    static Outcome read(const std::string& recording, const CompareWish& wish,
                        const compare::Progress& progress);
};

CompareFlow::Outcome CompareFlow::Outcome::read(const std::string& recording,
                                                const CompareWish& wish,
                                                const compare::Progress& progress)
{
    const Error stopped{"The comparison was stopped.", "Nothing is shown."};
    if (!progress(0)) // before a file is touched
        return of(stopped);
    const auto open = [&](const CompareRange& range) {
        return RecordingReader::open(range.file.isEmpty() ? recording : range.file.toStdString());
    };
    auto first = open(wish.before);
    if (!first)
        return of(first.error());
    auto second = open(wish.after);
    if (!second)
        return of(second.error());
    compare::Naming naming;
    if (wish.redact) {
        auto concealing = compare::concealing(*first.value(), *second.value(), progress);
        if (!concealing)
            return of(concealing.error());
        naming = std::move(concealing).value();
    }
    const auto half = [&progress](double done) {
        return [&progress, done](double fraction) {
            return progress(done + fraction / 2);
        };
    };
    const auto names = namesOf(wish);
    const auto before = sideOf(*first.value(), wish.before, names.first, half(0));
    if (!before)
        return of(before.error());
    const auto after = sideOf(*second.value(), wish.after, names.second, half(0.5));
    if (!after)
        return of(after.error());
    Outcome outcome;
    outcome.comparison = std::make_shared<compare::Comparison>(
        compare::compare(before.value(), after.value(), naming));
    outcome.text = compare::text_of(*outcome.comparison, 0);
    return progress(1) ? outcome : of(stopped);
}

CompareFlow::CompareFlow(Workspace& workspace, QWidget* window)
    : QObject(window)
    , workspace_(workspace)
    , window_(window)
{}

CompareFlow::~CompareFlow()
{
    if (stop_)
        *stop_ = true;
}

CompareDialog* CompareFlow::ask(const CompareScope& scope, const QString& folder)
{
    folder_ = folder;
    auto* const dialog = new CompareDialog(scope, folder, lookInto, window_);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog] { start(dialog->wish()); });
    dialog->open();
    return dialog;
}

void CompareFlow::start(const CompareWish& wish)
{
    if (running_)
        return;
    running_ = true;
    stop_ = std::make_shared<std::atomic<bool>>(false);
    emit progressed(0);
    const auto work = [self = QPointer<CompareFlow>(this), mine = stop_,
                       wish](const std::string& recording, const std::atomic<bool>& stop) {
        int told = 0;
        Outcome outcome = Outcome::read(recording, wish, [&](double fraction) {
            if (const int percent = static_cast<int>(fraction * 100); percent > told) {
                told = percent;
                onWindowThread(self, [fraction](CompareFlow& flow) {
                    if (flow.running_)
                        emit flow.progressed(fraction);
                });
            }
            return !stop && !*mine;
        });
        outcome.stopped = stop || *mine;
        onWindowThread(self, [wish, outcome](CompareFlow& flow) { flow.ended(wish, outcome); });
    };
    if (!wish.before.file.isEmpty() && !wish.after.file.isEmpty())
        QThreadPool::globalInstance()->start([work, mine = stop_] { work({}, *mine); });
    else if (!workspace_.lend(work))
        ended(wish, Outcome::of({"There is no recording to compare.",
                                 "Attach to a target or open a recording first."}));
}

void CompareFlow::stop()
{
    if (running_)
        *stop_ = true;
}

void CompareFlow::ended(const CompareWish& wish, const Outcome& outcome)
{
    running_ = false;
    emit progressed(-1);
    if (outcome.error)
        emit failed(*outcome.error, outcome.stopped);
    else
        show(wish, outcome);
}

void CompareFlow::show(const CompareWish& wish, const Outcome& outcome)
{
    const std::shared_ptr<const compare::Comparison> comparison = outcome.comparison;
    const std::string text = outcome.text;
    const Timestamp now = timestamp_from_us(QDateTime::currentMSecsSinceEpoch() * 1000);
    auto* const dialog =
        new ComparisonDialog(new ComparisonView(comparison, Formatter(wish.utc), now),
                             QString::fromStdString(text), folder_, window_);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(
        dialog, &ComparisonDialog::saveWanted, dialog,
        [self = QPointer<ComparisonDialog>(dialog), comparison, text](const QString& file,
                                                                      ComparisonDialog::Form form) {
            QThreadPool::globalInstance()->start([self, comparison, text, file, form] {
                const auto written = report::write_new_file(
                    file.toStdString(),
                    form == ComparisonDialog::Form::json ? compare::json_of(*comparison) : text);
                const QString words =
                    written ? tr("Written to %1.").arg(QDir::toNativeSeparators(file))
                            : Formatter::line(
                                  written.error().sentence + ' ' + written.error().next_step, 600);
                onWindowThread(self, [words](ComparisonDialog& shown) { shown.setSaved(words); });
            });
        });
    shown_ = dialog;
    dialog->show();
    emit compared(dialog);
}

} // namespace poolscope
