// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/reportflow.h"

#include "core/report/gather.h"
#include "core/report/newfile.h"
#include "ui/models/formatter.h"
#include "ui/paper/paper.h"

#include <QCoreApplication>

#include <algorithm>

namespace poolscope {

namespace {

/// The rest is setting and writing it.
constexpr double share_of_reading = 0.95;

struct Order
{
    report::Question question;
    report::Input input; ///< without its incident
    bool pdf = false;
    std::string file;
};

Order orderOf(const ReportWish& wish, const ReportScope& scope, const Transport& transport)
{
    Order order;
    order.pdf = wish.pdf;
    order.file = wish.file.toStdString();
    order.input.version = QCoreApplication::applicationVersion().toStdString();
    order.input.utc = scope.utc;
    order.input.redacted = wish.redact;
    report::Question& question = order.question;
    question.redact = wish.redact;
    question.file = transport.file.isEmpty()
                        ? std::string{"a recording that is not saved"}
                        : report::name_of_recording(transport.file.toStdString(), wish.redact);
    if (wish.range == ReportWish::Range::visible) {
        question.from = scope.visibleFrom;
        question.to = scope.visibleTo;
    } else if (wish.range == ReportWish::Range::last) {
        question.from = transport.end - std::chrono::minutes{wish.minutes};
    }
    return order;
}

} // namespace

struct ReportFlow::Outcome
{
    std::optional<Error> error;
    QString damage;
    bool stopped = false; ///< by the user, or because the recording is wanted back

    static Outcome of(const Error& error) { return {error, {}, false}; }
    static Outcome write(const std::string& recording, Order order,
                         const report::Progress& progress);
};

ReportFlow::Outcome ReportFlow::Outcome::write(const std::string& recording, Order order,
                                               const report::Progress& progress)
{
    const Error stopped{"The report was stopped.", "Nothing was written."};
    if (!progress(0))
        return of(stopped);
    auto reader = RecordingReader::open(recording);
    if (!reader)
        return of(reader.error());
    auto gathered = report::gather(*reader.value(), order.question, [&progress](double fraction) {
        return progress(fraction * share_of_reading);
    });
    if (!gathered)
        return of(gathered.error());
    Outcome outcome;
    if (const auto& damage = gathered.value().damage)
        outcome.damage = Formatter::line(damage->sentence, 400);
    order.input.incidents.push_back(std::move(gathered.value().incident));
    const std::string page =
        order.pdf ? paper::pdfOf(order.input).toStdString() : report::html_of(order.input);
    if (!progress(1))
        return of(stopped);
    if (const auto written = report::write_new_file(order.file, page); !written)
        return of(written.error());
    return outcome;
}

ReportFlow::ReportFlow(Workspace& workspace, QWidget* window)
    : QObject(window)
    , workspace_(workspace)
    , window_(window)
{}

ReportDialog* ReportFlow::ask(const ReportScope& scope, const QString& folder)
{
    auto* const dialog = new ReportDialog(scope, folder, window_);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this,
            [this, dialog, scope] { start(dialog->wish(), scope); });
    dialog->open();
    return dialog;
}

void ReportFlow::start(const ReportWish& wish, const ReportScope& scope)
{
    if (running_)
        return;
    running_ = true;
    emit progressed(0);
    // Whoever is on the other thread may outlive this object, not the application.
    const auto here = [self = QPointer<ReportFlow>(this)](auto does) {
        QMetaObject::invokeMethod(
            QCoreApplication::instance(),
            [self, does] {
                if (self)
                    does(*self);
            },
            Qt::QueuedConnection);
    };
    const auto work = [here, wish, order = orderOf(wish, scope, workspace_.transport())](
                          const std::string& recording, const std::atomic<bool>& stop) {
        int told = 0;
        Outcome outcome = Outcome::write(recording, order, [&](double fraction) {
            if (const int percent = static_cast<int>(fraction * 100); percent > told) {
                told = percent;
                here([fraction](ReportFlow& flow) {
                    if (flow.running_)
                        emit flow.progressed(fraction);
                });
            }
            return !stop;
        });
        outcome.stopped = stop;
        here([wish, outcome](ReportFlow& flow) { flow.ended(wish, outcome); });
    };
    if (!workspace_.lend(work))
        ended(wish, Outcome::of({"There is no recording to report on.",
                                 "Attach to a target or open a recording first."}));
}

void ReportFlow::stop()
{
    if (running_)
        workspace_.takeBack();
}

void ReportFlow::ended(const ReportWish& wish, const Outcome& outcome)
{
    running_ = false;
    emit progressed(-1);
    if (outcome.error)
        emit failed(*outcome.error, outcome.stopped);
    else
        emit written(wish.file, outcome.damage);
}

} // namespace poolscope
