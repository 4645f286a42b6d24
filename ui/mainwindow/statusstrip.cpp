// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/statusstrip.h"

#include "ui/charts/timeaxis.h"
#include "ui/models/formatter.h"
#include "ui/theme/theme.h"
#include "ui/theme/tooltip.h"
#include "ui/views/process.h"

#include <QDateTime>
#include <QFileInfo>
#include <QLabel>
#include <QLocale>
#include <QTimeZone>
#include <QToolButton>

namespace poolscope {

namespace {

constexpr std::size_t longestTrouble = 1024; ///< bytes

QString sizeText(std::uint64_t bytes)
{
    return QLocale::c().formattedDataSize(static_cast<qint64>(bytes), 1, QLocale::DataSizeSIFormat);
}

QString milliseconds(Duration duration)
{
    return QStringLiteral("%1 ms").arg(static_cast<double>(duration.count()) / 1000.0, 0, 'f', 1);
}

/// By how much a clock is ahead, or behind.
QString aside(Duration offset)
{
    const Duration by = std::chrono::abs(offset);
    return (offset > Duration{0} ? QStringLiteral("+") : QStringLiteral("-")) +
           (by < std::chrono::seconds{1} ? milliseconds(by) : durationText(by));
}

QString zoneName(bool utc)
{
    if (utc)
        return StatusStrip::tr("UTC");
    const int offset = QDateTime::currentDateTime().offsetFromUtc();
    QString name = QStringLiteral("UTC");
    if (offset != 0) {
        name += offset < 0 ? QStringLiteral("-") : QStringLiteral("+");
        name += QString::number(std::abs(offset) / 3600);
        if (offset % 3600 != 0)
            name +=
                QStringLiteral(":%1").arg(std::abs(offset) % 3600 / 60, 2, 10, QLatin1Char('0'));
    }
    return StatusStrip::tr("Local time, %1").arg(name);
}

/// A process is not polled: what it costs is its own affair, what fell out on the way is ours.
QString tellsOf(const TargetSummary& target, const QString& name)
{
    if (target.lost == 0 && target.unreadable == 0)
        return StatusStrip::tr("%1: nothing lost").arg(name);
    QStringList troubles;
    if (target.lost > 0)
        troubles << StatusStrip::tr("%1 events lost")
                        .arg(Formatter::count(static_cast<std::int64_t>(target.lost)));
    if (target.unreadable > 0)
        troubles << StatusStrip::tr("%1 lines unreadable")
                        .arg(Formatter::count(static_cast<std::int64_t>(target.unreadable)));
    return QStringLiteral("%1: %2").arg(name, troubles.join(QStringLiteral(", ")));
}

} // namespace

StatusStrip::StatusStrip(QWidget* parent)
    : QStatusBar(parent)
    , poll_(addLeft())
    , gaps_(addLeft())
    , clock_(addLeft())
    , recording_(new QLabel(this))
    , stopSaving_(new QToolButton(this))
    , stopReport_(new QToolButton(this))
    , stopComparing_(new QToolButton(this))
    , zone_(new QToolButton(this))
{
    const Theme& theme = Theme::current();
    setSizeGripEnabled(false);
    setFixedHeight(theme.scaled(24));
    setContentsMargins(theme.scaled(8), 0, theme.scaled(4), 0);
    recording_->setTextFormat(Qt::PlainText);
    recording_->setFont(theme.ui(11));
    for (QToolButton* button : {stopSaving_, stopReport_, stopComparing_, zone_}) {
        button->setFont(theme.ui(11));
        button->setAutoRaise(true);
        button->setFixedHeight(theme.scaled(20));
    }
    stopSaving_->setObjectName(QStringLiteral("stopSaving"));
    stopSaving_->setText(tr("Stop saving"));
    stopSaving_->setToolTip(tr("Leaves no file behind; recording goes on"));
    stopSaving_->hide();
    stopReport_->setObjectName(QStringLiteral("stopReport"));
    stopReport_->setText(tr("Stop the report"));
    stopReport_->setToolTip(tr("Leaves no file behind; recording goes on"));
    stopReport_->hide();
    stopComparing_->setObjectName(QStringLiteral("stopComparing"));
    stopComparing_->setText(tr("Stop comparing"));
    stopComparing_->setToolTip(tr("Shows nothing; recording goes on"));
    stopComparing_->hide();
    zone_->setToolTip(tr("Change between local time and UTC"));
    addPermanentWidget(recording_);
    addPermanentWidget(stopSaving_);
    addPermanentWidget(stopReport_);
    addPermanentWidget(stopComparing_);
    addPermanentWidget(zone_);
    connect(zone_, &QToolButton::clicked, this, &StatusStrip::timeZoneToggled);
    connect(stopSaving_, &QToolButton::clicked, this, &StatusStrip::stopSavingRequested);
    connect(stopReport_, &QToolButton::clicked, this, &StatusStrip::stopReportRequested);
    connect(stopComparing_, &QToolButton::clicked, this, &StatusStrip::stopComparingRequested);
    poll_->setText(tr("No target"));
    setUtc(false);
    showRecording();
}

QLabel* StatusStrip::addLeft()
{
    auto* label = new QLabel(this);
    label->setTextFormat(Qt::PlainText);
    label->setFont(Theme::current().ui(11));
    label->setContentsMargins(Theme::current().scaled(QMargins(4, 0, 12, 0)));
    addWidget(label);
    return label;
}

void StatusStrip::setUpdate(const Update& update)
{
    QStringList costs;
    QStringList clocks;
    for (const TargetSummary& target : update.targets) {
        const QString name = Formatter::line(target.info.name, 40);
        if (target.poll_cost.count() > 0 && costs.size() < 3)
            costs << tr("%1: poll %2").arg(name, milliseconds(target.poll_cost));
        else if (isProcess(target) && target.last_sample && costs.size() < 3)
            costs << tellsOf(target, name);
        if (std::chrono::abs(target.clock_offset) >= std::chrono::milliseconds{5} &&
            clocks.size() < 2)
            clocks << tr("clock of %1 %2, corrected").arg(name, aside(target.clock_offset));
    }
    poll_->setText(update.targets.empty() ? tr("No target")
                   : costs.isEmpty()      ? tr("No sample yet")
                                          : costs.join(QStringLiteral("   ")));
    clock_->setText(clocks.join(QStringLiteral("   ")));
}

void StatusStrip::setTransport(const Transport& transport)
{
    transport_ = transport;
    if (transport.mode == Mode::empty)
        gaps_->clear();
    else
        gaps_->setText(
            tr("%1, %2 dropped")
                .arg(transport.gaps == 1 ? tr("1 gap") : tr("%1 gaps").arg(transport.gaps))
                .arg(transport.dropped));
    showRecording();
}

void StatusStrip::setKept(const RingLimits& kept)
{
    kept_ = tr("Until it is saved, a recording keeps %1 (File > Settings).").arg(kept.words());
    showRecording();
}

void StatusStrip::setSaving(double fraction)
{
    saving_ = fraction;
    stopSaving_->setVisible(fraction >= 0);
    showRecording();
}

void StatusStrip::setReporting(double fraction)
{
    reporting_ = fraction;
    stopReport_->setVisible(fraction >= 0);
    showRecording();
}

void StatusStrip::setComparing(double fraction)
{
    comparing_ = fraction;
    stopComparing_->setVisible(fraction >= 0);
    showRecording();
}

/// A copy does not grow with the recording.
QString StatusStrip::savedWords() const
{
    if (!transport_.saved)
        return tr("not saved");
    if (!transport_.savedUntil || transport_.end - *transport_.savedUntil < std::chrono::seconds{2})
        return tr("saved");
    return tr("saved up to %1")
        .arg(Formatter(utc_).instant(*transport_.savedUntil, transport_.end));
}

void StatusStrip::showRecording()
{
    const Transport& t = transport_;
    const QString length = Formatter::ageProse(t.end > t.start ? t.end - t.start : Duration{0});
    QStringList parts;
    if (saving_ >= 0)
        parts << tr("Saving, %1 %").arg(static_cast<int>(saving_ * 100));
    if (reporting_ >= 0)
        parts << tr("Report, %1 %").arg(static_cast<int>(reporting_ * 100));
    if (comparing_ >= 0)
        parts << tr("Comparing, %1 %").arg(static_cast<int>(comparing_ * 100));
    if (t.mode == Mode::empty || !t.recordingTrouble.isEmpty())
        parts << tr("Not recording"); // why is said above the page
    else if (t.mode == Mode::replay)
        parts << tr("Recording %1").arg(QFileInfo(t.file).fileName().left(60)) << length;
    else
        parts << tr("Recording %1").arg(length) << sizeText(t.bytes) << savedWords();
    if (t.redacted && t.mode != Mode::empty)
        parts << tr("redacted");
    recording_->setText(parts.join(QStringLiteral(", ")));
    recording_->setToolTip(
        t.recordingTrouble.isEmpty()
            ? kept_
            : plainToolTip(Formatter::line(t.recordingTrouble.toStdString(), longestTrouble)));
}

void StatusStrip::setUtc(bool utc)
{
    utc_ = utc;
    showRecording();
    zone_->setText(zoneName(utc));
    zone_->setAccessibleName(tr("Times are in: %1").arg(zone_->text()));
}

} // namespace poolscope
