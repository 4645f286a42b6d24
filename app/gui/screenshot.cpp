// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/gui/screenshot.h"

#include "core/base/text.h"

#include <QCoreApplication>
#include <QImage>
#include <QPixmap>
#include <QTextStream>

namespace poolscope {

namespace {
constexpr int look_every_ms = 50;
constexpr int patience_ms = 20000;
/// Looks with everything there before it is drawn: charts answer in this time.
constexpr int calm_looks = 10;
enum Exit { done = 0, usage = 2, unreachable = 3, unreadable = 5 };
} // namespace

Screenshot::Screenshot(Workspace& workspace, MainWindow& window, const QString& file,
                       const MainWindow::Instant& at, std::size_t live, bool recording)
    : workspace_(workspace)
    , window_(window)
    , file_(file)
    , at_(at)
    , live_(live)
    , recording_(recording)
{
    connect(&workspace_, &Workspace::failed, this, [this](const Error& error) {
        end(live_ > 0 ? unreachable : unreadable,
            QString::fromStdString(error.sentence + " " + error.next_step));
    });
    connect(&workspace_, &Workspace::secretRequired, this,
            [this](TargetId, const QString& sentence) { end(unreachable, sentence); });
    connect(&timer_, &QTimer::timeout, this, &Screenshot::look);
    since_.start();
    timer_.start(look_every_ms);
}

bool Screenshot::settled()
{
    const Transport& transport = workspace_.transport();
    const UpdatePtr latest = workspace_.latest();
    if (live_ > 0) {
        std::size_t known = 0;
        for (const TargetSummary& target : latest->targets)
            known += target.last_sample || hasFailed(target) ? 1 : 0;
        return known >= live_;
    }
    if (transport.mode == Mode::empty)
        return !recording_;
    if (at_ && !sought_) {
        sought_ = true;
        const auto at = at_(transport.start, transport.end);
        if (at)
            workspace_.seek(at.value());
        else
            end(usage, QString::fromStdString(at.error().sentence + " " + at.error().next_step));
        return false;
    }
    return !latest->targets.empty() && window_.complete();
}

bool Screenshot::hasFailed(const TargetSummary& target)
{
    return target.status.reach == Reach::stopped ||
           (target.status.reach == Reach::failing && !target.last_sample);
}

QStringList Screenshot::failures() const
{
    QStringList sentences;
    for (const TargetSummary& target : workspace_.latest()->targets)
        if (live_ > 0 && hasFailed(target))
            sentences << QString::fromStdString(plain_line(target.info.name, 64) + ": " +
                                                target.status.sentence + " " +
                                                target.status.next_step)
                             .trimmed();
    return sentences;
}

void Screenshot::look()
{
    calm_ = settled() ? calm_ + 1 : 0;
    if (calm_ >= calm_looks) {
        // Trouble is worth a picture too.
        const QStringList failed = failures();
        if (!window_.grab().save(file_, "PNG"))
            end(usage, tr("%1 cannot be written.").arg(file_));
        else
            end(failed.isEmpty() ? done : unreachable,
                failed.join(QStringLiteral("\npoolscope: ")));
    } else if (since_.elapsed() > patience_ms) {
        end(live_ > 0 ? unreachable : unreadable, tr("No data arrived in time."));
    }
}

void Screenshot::end(int code, const QString& sentence)
{
    timer_.stop();
    workspace_.disconnect(this);
    if (!sentence.isEmpty())
        QTextStream(stderr) << "poolscope: " << sentence.trimmed() << Qt::endl;
    QCoreApplication::exit(code);
}

} // namespace poolscope
